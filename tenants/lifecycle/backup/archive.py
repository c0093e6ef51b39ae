"""Backup archive: a plain tar of the dump, the media files, the manifest and the manifest's checksum.

The manifest comes last because it contains the checksums of the others; a truncated file has none.
"""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from tenants.errors import InvalidBackup, TenantLocked
from tenants.lifecycle.backup.manifest import Manifest, Member, NewerFormat, NotAManifest

MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.json.sha256"
"""In the format of `sha256sum`."""
DUMP = "schema.dump"
MEDIA = "media/"
_OF_ITSELF = {MANIFEST, MANIFEST_SUM}

_CHUNK = 1 << 20
"""Bytes that are held in memory at once."""
_BLOCK = tarfile.BLOCKSIZE
_END = 2 * _BLOCK
"""Zero bytes at the end of a tar."""


class ArchiveWriter:
    """Writes members of unknown length into a seekable file."""

    def __init__(self, out: IO[bytes]) -> None:
        self.members: dict[str, Member] = {}
        self._out = out

    def add(self, name: str, stream: IO[bytes]) -> None:
        start = self._out.tell()
        self._out.write(_header(name, 0))
        size, digest = 0, sha256()
        while chunk := stream.read(_CHUNK):
            self._out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        self._out.write(bytes(-size % _BLOCK))
        end = self._out.tell()
        self._out.seek(start)
        self._out.write(_header(name, size))
        self._out.seek(end)
        self.members[name] = Member(size=size, sha256=digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Append the manifest and the end of the tar."""
        text = manifest.to_json().encode()
        self.add(MANIFEST, io.BytesIO(text))
        self.add(MANIFEST_SUM, io.BytesIO(_sum_of(text)))
        self._out.write(bytes(_END))


def _sum_of(manifest: bytes) -> bytes:
    return f"{sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    # In GNU format the header has the same length for any size, so it can be overwritten.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


class Archive:
    """A backup that is open for reading."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self.path = path
        self._tar = tar
        self._infos = self._read_infos()
        self.manifest = self._read_manifest()
        if self.manifest.members.keys() != self._infos.keys() - _OF_ITSELF:
            raise self._damaged("its members are not those that its manifest lists")

    @property
    def files(self) -> list[str]:
        """The names of the media files, relative to the media folder."""
        return [name.removeprefix(MEDIA) for name in self._infos if name.startswith(MEDIA)]

    def open(self, name: str) -> IO[bytes]:
        stream = self._tar.extractfile(self._infos[name])
        if stream is None:
            raise self._damaged(f"{name} is not a regular file")
        return stream

    def verify(self, progress: Callable[[int, int], None]) -> None:
        """Raise `InvalidBackup` if a member does not match its checksum."""
        for done, (name, member) in enumerate(self.manifest.members.items()):
            progress(done, len(self.manifest.members))
            with self.open(name) as stream:
                digest = sha256()
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
            if digest.hexdigest() != member.sha256:
                raise self._damaged(f"the checksum of {name} is wrong")

    def _read_infos(self) -> dict[str, tarfile.TarInfo]:
        infos: dict[str, tarfile.TarInfo] = {}
        for info in self._tar:
            if info.name in infos or not info.isreg() or not _is_ours(info.name):
                raise self._damaged(f"it contains {info.name!r}, which does not belong into a backup")
            infos[info.name] = info
        has_end = self.path.stat().st_size >= self._tar.offset + _END
        if not infos.keys() >= {DUMP, *_OF_ITSELF} or not has_end:
            raise self._damaged("it is truncated, or not a backup of a tenant")
        return infos

    def _read_manifest(self) -> Manifest:
        with self.open(MANIFEST) as stream, self.open(MANIFEST_SUM) as checksum:
            text = stream.read()
            if checksum.read() != _sum_of(text):
                raise self._damaged(f"the checksum of {MANIFEST} is wrong")
            try:
                return Manifest.from_json(text)
            except NewerFormat as error:
                raise InvalidBackup(str(self.path), f"{error}. Update Sangga, then try again.") from error
            except NotAManifest as error:
                raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> InvalidBackup:
        return InvalidBackup(str(self.path), f"{what}. Use another copy of the file, or another backup.")


def _is_ours(name: str) -> bool:
    """Return whether we write members of this name; a media file must stay inside its folder when unpacked."""
    if name in {DUMP, *_OF_ITSELF}:
        return True
    inside = name.removeprefix(MEDIA)
    plain = str(PurePosixPath(inside)) == inside and ".." not in inside.split("/") and "\\" not in inside
    return name.startswith(MEDIA) and inside not in {"", "."} and not inside.startswith("/") and plain


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a backup for reading; raise `InvalidBackup` if it is damaged or made by newer code."""
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            yield Archive(path, tar)
    except tarfile.TarError as error:
        reason = f"it is damaged, or not a backup of a tenant ({error}). Use another copy of the file."
        raise InvalidBackup(str(path), reason) from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        if error.filename != str(path) and error.filename != path:
            raise
        raise InvalidBackup(str(path), f"{error.strerror}.") from error


@contextmanager
def atomic_write(path: Path, slug: str) -> Iterator[IO[bytes]]:
    """Open a file that replaces `path` at the end of the block, or is removed if the block raises.

    A killed process leaves `path` unchanged, and a file `.part` that the next backup overwrites. Raises `TenantLocked`
    while another process writes to the same path.
    """
    part = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as out:
        _lock(out, part, slug)
        try:
            out.truncate(0)
            yield out
            out.flush()
            os.fsync(out.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


def _lock(out: IO[bytes], part: Path, slug: str) -> None:
    import fcntl  # missing on Windows, where this module is imported too

    try:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The last holder of the lock may have renamed or removed the file since it was opened here.
        is_current = part.exists() and part.stat().st_ino == os.fstat(out.fileno()).st_ino
    except BlockingIOError:
        is_current = False
    if not is_current:
        raise TenantLocked(slug)


def _sync_folder(folder: Path) -> None:
    """Write a rename in the folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
