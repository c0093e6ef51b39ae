"""System checks: whatever in the settings would break a promise is said at start-up.

Each has an id, says what to do, and has a row in docs/operations.md.
"""

from tenants.checks import extensions, handed_out, logins, placement, pooler, remembered, signing_in, wiring

__all__ = ["extensions", "handed_out", "logins", "placement", "pooler", "remembered", "signing_in", "wiring"]
