"""Response headers that apply to a whole host. Foreign code may not send them. Pure.

A service of another code base and a mounted application respond under paths of a shop's host. Browsers apply these
headers to all of the host, or to its whole domain, from any path.
"""

from __future__ import annotations

from functools import lru_cache

_FOR_THE_WHOLE_HOST = frozenset(
    """
    accept-ch alt-svc clear-site-data critical-ch expect-ct expect-staple idp-signin-status
    nel observe-browsing-topics origin-agent-cluster public-key-pins public-key-pins-report-only report-to
    reporting-endpoints sec-session-challenge sec-session-registration secure-session-challenge
    secure-session-registration service-worker-allowed set-cookie2 set-login strict-transport-security
    use-as-dictionary activate-storage-access x-sendfile x-reproxy-url x-litespeed-location
    """.split()
)
_BEGINNINGS = ("x-accel-", "sangga-")


@lru_cache(maxsize=2_048)
def is_for_whole_host(name: str) -> bool:
    """Tell whether a response header applies beyond the path that it is sent for."""
    name = name.lower()
    return name in _FOR_THE_WHOLE_HOST or name.startswith(_BEGINNINGS)
