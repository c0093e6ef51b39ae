"""The database engine `tenants.contrib.devserver.postgresql`: the tenants' engine on a server that it starts."""
