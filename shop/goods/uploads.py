"""Validation of uploaded pictures by their content, not by their name."""

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
"""About 200 MB in memory: a small file can hold a picture that fills it."""

_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "AVIF": "avif"}
"""By Pillow's name of the format. Not SVG, which is a document with scripts."""


def check_picture(file: UploadedFile[Any]) -> UploadedFile[Any]:
    """Give the file a random name with the suffix of its format; raise `ValidationError` if it is not a picture.

    The name that it came with may be personal, or a part of an attack.
    """
    if (file.size or 0) > MAX_BYTES:
        raise ValidationError(_("The file is larger than %(limit)s.") % {"limit": filesizeformat(MAX_BYTES)})
    suffix, pixels = _read_header(file)
    if pixels > MAX_PIXELS:
        raise ValidationError(_("The image has more than %(limit)s million pixels.") % {"limit": MAX_PIXELS // 10**6})
    file.name = f"{secrets.token_hex(8)}.{suffix}"
    return file


def _read_header(file: UploadedFile[Any]) -> tuple[str, int]:
    """Return the suffix and the number of pixels, without unpacking the picture."""
    file.seek(0)
    try:
        with Image.open(file, formats=list(_SUFFIXES)) as picture:
            width, height = picture.size
            kind = picture.format or ""
            picture.verify()
    except Exception as error:  # a malformed file can make a decoder raise anything
        raise ValidationError(_("Upload a JPEG, PNG, GIF, WebP or AVIF image.")) from error
    finally:
        file.seek(0)
    return _SUFFIXES[kind], width * height
