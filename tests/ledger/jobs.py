"""Jobs that the ledger defers."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone, translation

from tenants import current_tenant
from tenants.tasks.tenant_jobs import tenant_job


@tenant_job
def leave_a_mark(word: str) -> str:
    """Leave a row that says who did it, in which language and time zone."""
    place = f"{translation.get_language()} {timezone.get_current_timezone_name()}"
    return Group.objects.create(name=f"{word} {current_tenant().slug} {place}").name


@tenant_job
def leave_a_mark_once_the_file_is_there(word: str, begun: str, file: str) -> None:
    """Say that it is begun, and wait."""
    Path(begun).touch()
    while not Path(file).exists():
        time.sleep(0.05)
    Group.objects.create(name=f"{word} {current_tenant().slug}")


@tenant_job
def fail(word: str) -> None:
    """Leave a row, and fail."""
    Group.objects.create(name=word)
    raise KeyError(word)


def no_job(word: str) -> None:
    """Just a function."""
    Group.objects.create(name=word)


@tenant_job
def leave_open() -> None:
    """Leave a row in a transaction that is not ended."""
    transaction.atomic().__enter__()
    Group.objects.create(name="lost")


@tenant_job
def end_the_process(file: str) -> None:
    """Say that it is begun, and kill the process that does it."""
    with Path(file).open("a") as begun:
        begun.write("begun\n")
    os.kill(os.getpid(), signal.SIGKILL)


@tenant_job
def leave_the_program(file: str) -> None:
    """Say that it is begun, and exit as a script would."""
    with Path(file).open("a") as begun:
        begun.write("begun\n")
    sys.exit(3)
