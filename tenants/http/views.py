"""The view of a tenant's uploaded files."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from mimetypes import guess_type

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.contrib.limits.limiter import Place, Refusal, Turnstile
from tenants.http import responses as pages
from tenants.http.client_ip import client_address
from tenants.limits import Limits
from tenants.postgresql.overload import Bound

SHOWN_TYPES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "avif"))
"""What a browser shows on its own. Not SVG, which is a document with scripts."""
SAVED_TYPES = frozenset(["application/pdf", "application/zip", "text/csv", "text/plain"])
"""What is offered for saving under its own name for what it is; all else is just bytes."""


_NO_FILE = frozenset([errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL])
"""What the system says of a name that can be no file's."""


KEPT_BY_THE_SYSTEM = 256 * 1024
"""Bytes that a connection takes at once, however slowly its client reads."""

_sending = Turnstile()


def _slots_for(request: HttpRequest, file: File[bytes]) -> Place | Refusal:
    """Return what holds the slots of a large file while it is sent: under WSGI a slow client holds a thread by it."""
    most = tenancy().most_waiting
    if request.method == "HEAD" or not most or file.size <= KEPT_BY_THE_SYSTEM:
        return Place(lambda: None)
    bounds: list[tuple[object, int]] = [(current_tenant().id, max(1, most * 2 // 3)), ("all", most)]
    if address := client_address(request):
        bounds.append((address, max(1, most // 2)))
    with ExitStack() as slots:
        for key, number in bounds:
            slot = _sending.enter_as(key, Limits(concurrency=number))
            if not isinstance(slot, Place):
                return Refusal(Bound.FILES, 2)
            slots.callback(slot.leave)
        return Place(slots.pop_all().close)


@require_safe
def media(request: HttpRequest, name: str) -> HttpResponseBase:
    """Return a file of the active tenant; 404 for what it has not, whoever else may have it."""
    try:
        file = default_storage.open(name)
    except (SuspiciousFileOperation, ValueError) as error:
        raise Http404 from error  # a ValueError is a NUL in the name
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        raise Http404 from error
    slots = _slots_for(request, file)
    if isinstance(slots, Refusal):
        file.close()
        return pages.refused(request, current_tenant(), slots)
    kind = guess_type(name)[0] or ""
    # Somebody has uploaded it: the browser shows it if it is a picture, and never runs anything in it.
    is_shown = kind in SHOWN_TYPES
    response = FileResponse(file, as_attachment=not is_shown)
    slots.leave_at_end_of(response)
    response["Content-Type"] = kind if is_shown or kind in SAVED_TYPES else "application/octet-stream"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response["Cache-Control"] = "public, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response
