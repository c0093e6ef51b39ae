pytest_plugins = ["tenants.testing.plugin"]
