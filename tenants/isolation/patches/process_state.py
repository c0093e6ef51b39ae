"""Process-wide state of Python that a request or job changes – working directory, environment, locale – is put back.

The code of all tenants runs in one process, and Python has such state once for all threads. Another request may see a
change while this one runs; none sees it afterwards. docs/security.md says what is put back and what cannot be.
"""

from __future__ import annotations

import locale
import logging
import os
import random
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial, wraps
from types import FrameType
from typing import Any

from tenants.context import Block, innermost

logger = logging.getLogger(__name__)


@contextmanager
def put_back_afterwards() -> Iterator[None]:
    """Put back at the end what the code inside changes of the process. For jobs; a request does so by itself."""
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
                return  # it was changed again, or put back, by other code
            self.write(before)
        except Exception:
            logger.exception("Code of %s has changed %s, which cannot be put back to %r.", tenant, self.name, before)
            return
        logger.error(
            "Code of %s has changed %s for the whole process: %r. It was put back; pass the value to what needs it.",
            tenant, self.name, after,
        )  # fmt: skip


@cache  # `AppConfig.ready` is called again when a test overrides INSTALLED_APPS
def watch_process_state() -> None:
    """Let the functions that change such state note what was there before, once for the process."""
    directory = _State("the working directory", os.getcwd, os.chdir)
    places = _State("the locale", partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL))
    timeout = _State("the default timeout of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout)
    silence = _State("logging.disable", lambda: logging.root.manager.disable, logging.disable)
    depth = _State("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
    filters = _State("the warnings filters", lambda: list(warnings.filters), _set_filters)
    for module, name, state in (
        (os, "chdir", directory), (os, "fchdir", directory), (locale, "setlocale", places),
        (socket, "setdefaulttimeout", timeout), (logging, "disable", silence), (sys, "setrecursionlimit", depth),
        *((warnings, name, filters) for name in ("simplefilter", "filterwarnings", "resetwarnings")),
    ):  # fmt: skip
        _replace(module, name, partial(_noting, state))
    os.supports_fd.add(os.chdir)
    for name in ("__setitem__", "__delitem__"):
        _replace(os._Environ, name, _noting_variable)
    _replace(random, "seed", _noting_seed)


def _replace(owner: Any, name: str, made_of: Callable[[Any], Any]) -> None:
    setattr(owner, name, made_of(getattr(owner, name)))


def _watching() -> Block | None:
    """Return the block of the request or job that is under way; None: what is changed is the project's affair."""
    block = innermost.get()
    while block is not None and block.undo is None:
        block = block.outer
    return block


def _is_importing() -> bool:
    """Tell whether a module is being imported: what it changes then is meant for the process, whoever is served."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _note(state: _State, change: Callable[[], Any]) -> Any:
    block = _watching()
    if block is None or block.undo is None or _is_importing():
        return change()
    try:
        before = state.read()
    except OSError:  # there is nothing to go back to, as in a folder that was deleted
        return change()
    result = change()
    if (after := state.read()) != before:
        block.undo.append(partial(state.put_back, before, after, str(block.tenant)))
    return result


def _noting(state: _State, plain: Any) -> Any:
    @wraps(plain)
    def change(*args: Any, **kwargs: Any) -> Any:
        return _note(state, partial(plain, *args, **kwargs))

    return change


def _noting_variable(plain: Any) -> Any:
    @wraps(plain)
    def change(self: Any, key: Any, *value: Any) -> None:
        state = _State(f"the environment variable {key}", partial(self.get, key), partial(_set_variable, self, key))
        _note(state, partial(plain, self, key, *value))

    return change


def _set_variable(environment: Any, key: Any, value: Any) -> None:
    if value is None:
        del environment[key]
    else:
        environment[key] = value


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which has Python forget what it has shown once
    warnings.filters[:] = filters  # type: ignore[index]  # a list, which is documented


def _noting_seed(plain: Any) -> Any:
    """Give the shared generator a seed that is not known, after code has given it one that is."""

    @wraps(plain)
    def seed(*args: Any, **kwargs: Any) -> None:
        plain(*args, **kwargs)
        block = _watching()
        if block is not None and block.undo is not None:
            block.undo.append(plain)

    return seed
