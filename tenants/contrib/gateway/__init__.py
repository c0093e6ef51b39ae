"""The gateway: one front for all services, a process of its own (aiohttp)."""
