"""Looks into pictures that are uploaded: what they are counts, and not what they are called."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from PIL import Image

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
"""Some 200 MB once it is unpacked: a small file can hold a picture that fills the memory."""

_ENDINGS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "AVIF": "avif"}
"""By Pillow's name of a format: how such a file is called. SVG is none: it is a document, with scripts."""


def check_picture(file: UploadedFile[Any]) -> UploadedFile[Any]:
    """Return the file under a name of our own that tells its true kind; raise `ValidationError` for what is no picture.

    The name that it came with may be somebody's, and is the first part of many an attack.
    """
    if (file.size or 0) > MAX_BYTES:
        raise ValidationError(_("The file is too large: at most %(most)s.") % {"most": filesizeformat(MAX_BYTES)})
    ending, pixels = _look_into(file)
    if pixels > MAX_PIXELS:
        raise ValidationError(
            _("The picture has too many pixels: at most %(most)s million.") % {"most": MAX_PIXELS // 10**6}
        )
    file.name = f"{secrets.token_hex(8)}.{ending}"
    return file


def _look_into(file: UploadedFile[Any]) -> tuple[str, int]:
    """Return how a file of this kind is called, and how many pixels it has; nothing of it is unpacked."""
    file.seek(0)
    try:
        with Image.open(file, formats=list(_ENDINGS)) as picture:
            width, height = picture.size
            kind = picture.format or ""
            picture.verify()
    except Exception as error:  # whatever a made-up file makes a decoder raise
        raise ValidationError(_("This is no picture. It takes JPEG, PNG, GIF, WebP and AVIF.")) from error
    finally:
        file.seek(0)
    return _ENDINGS[kind], width * height
