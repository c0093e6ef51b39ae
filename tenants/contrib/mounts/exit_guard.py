"""Exit guard: turns `SystemExit` and similar exceptions of a mounted application into errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class ApplicationExited(RuntimeError):
    """An application raised `SystemExit`, as `sys.exit()` does, or another exception that is not an `Exception`."""


def as_error(raised: BaseException) -> Exception:
    """Return an exception of an application as one that does not end the server."""
    if isinstance(raised, Exception):
        return raised
    error = ApplicationExited(f"The application raised {raised!r}.")
    error.__cause__ = raised
    return error


@contextmanager
def exits_as_errors() -> Iterator[None]:
    """Raise `ApplicationExited` in place of exceptions that are not an `Exception`.

    `CancelledError` and `GeneratorExit` pass: the event loop and the interpreter raise them.
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
