"""Background operations and jobs: queued here, run by `manage.py run_worker`, shown in the operator's admin."""

from tenants.tasks.kinds import KINDS, Kind
from tenants.tasks.run import run_operation
from tenants.tasks.start import start_operation

__all__ = ["KINDS", "Kind", "run_operation", "start_operation"]
