"""Patches of Python's process-wide state: what a request or job changes in it is put back when that has ended.

The code of all tenants runs in one process, and Python has such state – working directory, environment, locale – once
for all threads. Another request may see a change while this one runs, and none sees it afterwards. docs/security.md
lists what is put back and what cannot be.
"""

from __future__ import annotations

import locale
import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from types import FrameType
from typing import Any

from tenants.context import Block, innermost

logger = logging.getLogger(__name__)


@contextmanager
def restored_process_state() -> Iterator[None]:
    """Put back at the end what the code inside has changed. For jobs: the block of a request does it by itself."""
    block = innermost.get()
    if block is None:
        yield
        return
    before, block.undo = block.undo, []
    try:
        yield
    finally:
        done, block.undo = block.undo, before
        for undo in reversed(done):
            undo()


@dataclass(frozen=True, slots=True)
class _State:
    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]

    def put_back(self, before: Any, after: Any, tenant: str) -> None:
        try:
            if self.read() != after:
                return  # other code has changed it again, or put it back
            self.write(before)
        except Exception:
            logger.exception("Code of %s changed %s, and %r could not be restored.", tenant, self.name, before)
            return
        logger.error(
            "Code of %s changed %s for the whole process to %r. It is restored; pass the value as an argument instead.",
            tenant, self.name, after,
        )  # fmt: skip


def restoring(state: _State) -> Callable[[Any], Any]:
    """Return what makes a patch of a function that changes `state`."""

    def make(original: Any) -> Any:
        @wraps(original)
        def change(*args: Any, **kwargs: Any) -> Any:
            return _change(state, partial(original, *args, **kwargs))

        return change

    return make


def restoring_chdir(original: Any) -> Any:
    change = restoring(DIRECTORY)(original)
    os.supports_fd.add(change)  # which has the original
    return change


def _restoring_block() -> Block | None:
    """Return the block of the current request or job; None outside of both, where changes stay."""
    block = innermost.get()
    while block is not None and block.undo is None:
        block = block.outer
    return block


def _is_importing() -> bool:
    # What a module changes while it is imported is meant for the process, in a request as well.
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _change(state: _State, change: Callable[[], Any]) -> Any:
    block = _restoring_block()
    if block is None or block.undo is None or _is_importing():
        return change()
    try:
        before = state.read()
    except OSError:  # the working directory was deleted, for example: there is no value to restore
        return change()
    result = change()
    if (after := state.read()) != before:
        block.undo.append(partial(state.put_back, before, after, str(block.tenant)))
    return result


def restoring_variable(original: Any) -> Any:
    @wraps(original)
    def change(self: Any, key: Any, *value: Any) -> None:
        state = _State(f"the environment variable {key}", partial(self.get, key), partial(_set_variable, self, key))
        _change(state, partial(original, self, key, *value))

    return change


def _set_variable(environment: Any, key: Any, value: Any) -> None:
    if value is None:
        del environment[key]
    else:
        environment[key] = value


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # it also resets which warnings were shown once
    warnings.filters[:] = filters  # type: ignore[index]  # a list, which is documented


def restoring_seed(original: Any) -> Any:
    """Return `random.seed` that seeds the shared generator at random when the request or job has ended."""

    @wraps(original)
    def seed(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        block = _restoring_block()
        if block is not None and block.undo is not None:
            block.undo.append(original)

    return seed


_locale = partial(locale.setlocale, locale.LC_ALL)
DIRECTORY = _State("the working directory", os.getcwd, os.chdir)
LOCALE = _State("the locale", _locale, _locale)
SOCKET_TIMEOUT = _State("the default timeout of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout)
LOGGING = _State("logging.disable", lambda: logging.root.manager.disable, logging.disable)
RECURSION_LIMIT = _State("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
WARNINGS = _State("the warnings filters", lambda: list(warnings.filters), _set_filters)
