"""`manage.py run_worker`: does the long work that was asked for in the admin, or with `--background`."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from typing import Any

from tenants.management.arguments import seconds, whole_number
from tenants.management.base import TenantCommand
from tenants.tasks.worker import WorkerOptions, run_one_job, run_worker


class Command(TenantCommand):
    help = (
        "Does migrations of many tenants, purges and other long work in the background, until SIGTERM or Ctrl-C. "
        "Several may run, on several machines; what one leaves undone, another takes up."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--concurrency",
            type=whole_number(1, 1000),
            default=2,
            metavar="N",
            help="Operations at once (default: %(default)s).",
        )
        parser.add_argument(
            "--grace",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="How long an operation in hand may take when the worker is told to end, before it is laid down for "
            "the next worker (default: %(default)s).",
        )
        # For whoever starts a worker as a process of its own, and may be killed without a chance to end it.
        parser.add_argument("--parent", type=whole_number(0, 2**31), default=0, metavar="PID", help=SUPPRESS)
        # For the worker itself, which has work that ended a worker done by a process for itself.
        parser.add_argument("--job", type=whole_number(0, 2**63), default=0, metavar="ID", help=SUPPRESS)

    def handle(self, *, concurrency: int, grace: float, parent: int, job: int, verbosity: int, **options: Any) -> None:
        if job:
            run_one_job(job, parent)
            return
        if verbosity:
            self.stdout.write("Waiting for work. Ctrl-C ends it.")
        run_worker(WorkerOptions(concurrency=concurrency, grace=grace, parent=parent))
