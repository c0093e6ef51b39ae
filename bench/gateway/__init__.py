"""What the gateway costs, and what it withstands: `python -m bench.gateway`, or with the names of some parts.

A small aiohttp service stands behind three proxies: one of aiohttp that only passes on, the gateway, and nginx. Each is
one process. SECONDS (3) and ROUNDS (5) say how long each has its turn. Needs wrk and curl, and nginx to compare with.
"""
