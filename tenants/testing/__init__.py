"""What a project with tenants is tested with: a pytest plugin, and probes that try its isolation.

`pytest_plugins = ["tenants.testing.plugin"]` in a conftest; `manage.py check_isolation`. docs/testing.md shows both.
"""
