"""Optional Django apps of the platform: each is installed with a line in `INSTALLED_APPS`."""
