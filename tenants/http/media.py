"""The view of a tenant's uploaded files."""

from __future__ import annotations

import errno
from mimetypes import guess_type

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

SHOWN_TYPES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "avif"))
"""Types that a browser shows inline. Not SVG, which can contain scripts."""
SAVED_TYPES = frozenset(["application/pdf", "application/zip", "text/csv", "text/plain"])
"""Types that are downloaded with their own type; all others are sent as bytes."""


_NO_FILE = frozenset([errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL])
"""Error numbers of names that no file can have."""


@require_safe
def media(request: HttpRequest, name: str) -> FileResponse:
    """Return a file of the active tenant; 404 for any other, also where another tenant has it."""
    try:
        file = default_storage.open(name)
    except (SuspiciousFileOperation, ValueError) as error:
        raise Http404 from error  # a ValueError is a NUL in the name
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        raise Http404 from error
    kind = guess_type(name)[0] or ""
    # A user uploaded it: the browser shows it if it is a picture, and never runs anything in it.
    is_shown = kind in SHOWN_TYPES
    response = FileResponse(file, as_attachment=not is_shown)
    response["Content-Type"] = kind if is_shown or kind in SAVED_TYPES else "application/octet-stream"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response["Cache-Control"] = "public, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response
