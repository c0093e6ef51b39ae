"""Example applications to mount under a path of a shop; `config/settings.py` names their factories."""
