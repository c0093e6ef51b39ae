"""What ends a thread, an event loop or a process does not get out of an application of others: it is an error there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class ApplicationExited(RuntimeError):
    """An application raised `SystemExit`, as `sys.exit()` does, or another exception that is not an `Exception`."""


def as_error(raised: BaseException) -> Exception:
    """Return what an application raised as an error that no server ends with."""
    if isinstance(raised, Exception):
        return raised
    error = ApplicationExited(f"The application raised {raised!r}.")
    error.__cause__ = raised
    return error


@contextmanager
def kept_inside() -> Iterator[None]:
    """Raise `ApplicationExited` in the place of what is not an `Exception`.

    What ends one call alone passes: the event loop and the interpreter ask for it themselves.
    """
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as raised:
        error = as_error(raised)
        if error is raised:
            raise
        raise error from raised
