"""The magazine; Celery's app is loaded with Django, as its documentation says."""

from magazine.celery import app as celery_app

__all__ = ["celery_app"]
