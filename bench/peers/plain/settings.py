"""Plain Django: no tenants at all."""

from bench.peers.project import *  # noqa: F403
