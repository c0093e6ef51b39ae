"""What a serving process does once, when everything is loaded."""

from __future__ import annotations

import gc


def spare_the_collector() -> None:
    """Take all that is loaded by now out of the garbage collector's rounds, for as long as the process lives.

    Code, models and URLs are some 200,000 objects that stay. Each full round looks through all of them, which takes
    about a tenth of a second in the midst of somebody's request.
    """
    gc.collect()
    gc.freeze()
