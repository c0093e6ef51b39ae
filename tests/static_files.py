"""WhiteNoise for tests: many clients, each with its own middleware, share one list of files."""

from __future__ import annotations

from typing import Any, ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class RememberingWhiteNoise(WhiteNoiseMiddleware):
    """Lists the apps' static files once in a process, which takes as long as a test."""

    found: ClassVar[dict[str, Any]] = {}

    def add_files_from_finders(self) -> None:
        if not self.found:
            super().add_files_from_finders()
            self.found.update(self.files)
        self.files.update(self.found)
