"""Garbage collector and file limit of a server process, set once when everything is loaded."""

from __future__ import annotations

import gc
import resource
from contextlib import suppress

_FILES = 65_536
"""Limit of open files that a server sets: each connection is one."""


def raise_file_limit() -> int:
    """Raise the limit of open files to the system's maximum, at most 65,536; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft


def freeze_gc() -> None:
    """Exclude all objects that are loaded now from garbage collection.

    Code, models and URLs are about 200,000 objects that stay. A full collection that visits them takes about 0.1 s,
    during a request.
    """
    gc.collect()
    gc.freeze()
