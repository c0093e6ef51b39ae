"""Gateway: reverse proxy in front of all services, a process based on aiohttp."""
