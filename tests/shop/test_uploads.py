"""Uploaded pictures are checked by their content, not by their name."""

from __future__ import annotations

import io
import re
import zlib
from struct import pack

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from shop.goods import uploads
from shop.goods.uploads import check_picture


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(file, kind)
    return file.getvalue()


def upload(content: bytes, name: str = "x.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/png")


@pytest.mark.parametrize(
    ("kind", "ending"), [("JPEG", "jpg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp"), ("AVIF", "avif")]
)
@pytest.mark.parametrize("name", ["x.png", "x.html", "x.svg", "x", "../../x.php.png", "x.png\x00.html", "상가.jpg"])
def test_a_picture_gets_a_name_of_ours_that_tells_its_kind(kind: str, ending: str, name: str) -> None:
    content = picture(kind)
    file = check_picture(upload(content, name))
    assert re.fullmatch(rf"[0-9a-f]{{16}}\.{ending}", file.name)
    assert file.read() == content, "nothing of it is read away"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n" + b"<script>alert(1)</script>",
        picture("BMP"),
        picture("TIFF"),
        picture("ICO"),
        picture("PNG")[:40],
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(ValidationError, match="Upload a JPEG"):
        check_picture(upload(content))


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 50)
    with pytest.raises(ValidationError, match="larger than"):
        check_picture(upload(picture()))


def test_a_small_file_with_a_huge_picture_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(ValidationError, match="million pixels|Upload a JPEG"):
        check_picture(upload(_bomb(30_000)))


def _bomb(side: int) -> bytes:
    """Return a PNG of a few kilobytes that says it has `side` times `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack("!I", len(data)) + kind + data + pack("!I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", pack("!IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
