"""Examples of applications that are mounted under a path of a shop; `config/settings.py` names their factories."""
