"""System checks: whatever in the settings would break a promise is said at start-up.

Each has an id, says what to do, and has a row in docs/operations.md.
"""

from tenants.checks import credentials as handed_out
from tenants.checks import database_login as logins
from tenants.checks import extensions, patches, placement, pooler
from tenants.checks import login as signing_in
from tenants.checks import process_state as remembered
from tenants.checks import settings as wiring

__all__ = ["extensions", "handed_out", "logins", "patches", "placement", "pooler", "remembered", "signing_in", "wiring"]
