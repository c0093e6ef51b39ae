"""What a serving process does once, when everything is loaded."""

from __future__ import annotations

import gc
import resource
from contextlib import suppress

_FILES = 65_536
"""Open files that a server asks the system for: each connection is one."""


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows it, 65,536 at the most; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft


def freeze_gc() -> None:
    """Take all that is loaded by now out of the garbage collector's rounds, for as long as the process lives.

    Code, models and URLs are some 200,000 objects that stay. Each full round looks through all of them, which takes
    about a tenth of a second in the midst of somebody's request.
    """
    gc.collect()
    gc.freeze()
