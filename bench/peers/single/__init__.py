"""One shop by itself: django-ninja on plain Django, with Sangga's models and nothing else of it."""
