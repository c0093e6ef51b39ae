"""An authenticator app: TOTP codes (RFC 6238) from a scanned QR code."""

from __future__ import annotations

import hmac
import time
from base64 import b32decode
from hashlib import sha1
from urllib.parse import parse_qs, urlsplit


class Phone:
    """An app that has read the QR code whose text is `link`."""

    def __init__(self, link: str) -> None:
        self.link = urlsplit(link)
        self.facts = {key: value[0] for key, value in parse_qs(self.link.query).items()}

    def code(self, *, steps_ahead: int = 0) -> str:
        """Return the code that is shown now, or that many half-minutes later."""
        self._wait_out_the_end_of_a_step()
        secret = self.facts["secret"]
        key = b32decode(secret + "=" * (-len(secret) % 8))
        step = int(time.time()) // 30 + steps_ahead
        digest = hmac.digest(key, step.to_bytes(8, "big"), sha1)
        start = digest[-1] & 15
        return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"

    @staticmethod
    def _wait_out_the_end_of_a_step() -> None:
        """A code that is sent in the last moments of its half-minute arrives in the next, on a busy machine."""
        left = 30 - time.time() % 30
        if left < 2:
            time.sleep(left)

    @staticmethod
    def wrong(code: str) -> str:
        """Return another code than this one, and than those around it with all likelihood."""
        return f"{(int(code) + 500_000) % 10**6:06}"
