"""`manage.py run_worker`: runs background operations and jobs."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from typing import Any

from tenants.management.arguments import seconds, whole_number
from tenants.management.base import TenantCommand
from tenants.tasks.procrastinate_app import procrastinate_app


class Command(TenantCommand):
    help = (
        "Runs background operations, such as migrations and purges, and jobs of apps, until SIGTERM or Ctrl-C. Several "
        "workers can run, on several machines; each resumes what another one has left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--concurrency",
            type=whole_number(1, 1000),
            default=2,
            metavar="N",
            help="The number of concurrent operations (default: %(default)s).",
        )
        parser.add_argument(
            "--grace",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="How long a running operation can take after SIGTERM, before it is left to the next worker "
            "(default: %(default)s).",
        )
        # For a parent process that may be killed without stopping the worker.
        parser.add_argument("--parent", type=whole_number(0, 2**31), default=0, metavar="PID", help=SUPPRESS)
        # For the worker, which runs recovered jobs in a separate process.
        parser.add_argument("--job", type=whole_number(0, 2**63), default=0, metavar="ID", help=SUPPRESS)

    def handle(self, *, concurrency: int, grace: float, parent: int, job: int, verbosity: int, **options: Any) -> None:
        procrastinate_app("run_worker")
        from tenants.tasks.worker import WorkerOptions, run_one_job, run_worker

        if job:
            run_one_job(job, parent)
            return
        if verbosity:
            self.stdout.write("Waiting for jobs. Press Ctrl-C to stop.")
        run_worker(WorkerOptions(concurrency=concurrency, grace=grace, parent=parent))
