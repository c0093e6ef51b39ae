"""The file that holds a backup: a plain tar of the dump, the media, the manifest, and the manifest's checksum.

The manifest comes after the others since it holds their checksums; a file that was cut short has none. Whatever `tar`
there is lists and unpacks the file.
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
"""As `sha256sum` writes and checks it."""
DUMP = "schema.dump"
MEDIA = "media/"
_OF_ITSELF = {MANIFEST, MANIFEST_SUM}

_CHUNK = 1 << 20
"""Bytes that are held in memory at once of what streams by."""
_BLOCK = tarfile.BLOCKSIZE
_END = 2 * _BLOCK
"""Bytes, all of them zero, with which a tar ends."""


class ArchiveWriter:
    """Writes members into a file that can seek, each as it comes: how long it is need not be known before."""

    def __init__(self, out: IO[bytes]) -> None:
        self.members: dict[str, Member] = {}
        self._out = out

    def add(self, name: str, stream: IO[bytes]) -> None:
        """Append what `stream` gives, under `name`."""
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
        """Append the manifest and what ends a tar."""
        text = manifest.to_json().encode()
        self.add(MANIFEST, io.BytesIO(text))
        self.add(MANIFEST_SUM, io.BytesIO(_sum_of(text)))
        self._out.write(bytes(_END))


def _sum_of(manifest: bytes) -> bytes:
    return f"{sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    # GNU's format has room for any size in the header itself, so that it can be written again, just as long.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


class Archive:
    """A backup that is read: its manifest, and its members by name."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self.path = path
        self._tar = tar
        self._infos = self._read_infos()
        self.manifest = self._read_manifest()
        if self.manifest.members.keys() != self._infos.keys() - _OF_ITSELF:
            raise self._damaged("what is in it is not what its manifest lists")

    @property
    def files(self) -> list[str]:
        """The names of the tenant's files, without the folder that they have in the archive."""
        return [name.removeprefix(MEDIA) for name in self._infos if name.startswith(MEDIA)]

    def open(self, name: str) -> IO[bytes]:
        """Return a member as a stream."""
        stream = self._tar.extractfile(self._infos[name])
        if stream is None:
            raise self._damaged(f"{name} is no file")
        return stream

    def verify(self, progress: Callable[[int, int], None]) -> None:
        """Read everything once and compare it with the checksums; raise `InvalidBackup`."""
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
                raise self._damaged(f"{info.name!r} has no place in a backup")
            infos[info.name] = info
        ends_well = self.path.stat().st_size >= self._tar.offset + _END
        if not infos.keys() >= {DUMP, *_OF_ITSELF} or not ends_well:
            raise self._damaged("it was cut short, or is no backup of a tenant")
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
        return InvalidBackup(str(self.path), f"{what}. Take another copy of the file, or another backup.")


def _is_ours(name: str) -> bool:
    """Tell whether a member is one that we write, and stays in its folder wherever it is unpacked."""
    if name in {DUMP, *_OF_ITSELF}:
        return True
    inside = name.removeprefix(MEDIA)
    plain = str(PurePosixPath(inside)) == inside and ".." not in inside.split("/") and "\\" not in inside
    return name.startswith(MEDIA) and inside not in {"", "."} and not inside.startswith("/") and plain


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a backup to be read; raise `InvalidBackup` if it is none, is damaged or comes from newer code."""
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            yield Archive(path, tar)
    except tarfile.TarError as error:
        reason = f"it is damaged, or no backup of a tenant ({error}). Take another copy of the file."
        raise InvalidBackup(str(path), reason) from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        if error.filename != str(path) and error.filename != path:
            raise
        raise InvalidBackup(str(path), f"{error.strerror}.") from error


@contextmanager
def written_beside(path: Path, slug: str) -> Iterator[IO[bytes]]:
    """Give a file to write that becomes `path`, whole, at the end of the block, or is gone if the block raises.

    A process that is killed leaves `path` as it was, and beside it a file `.part` that the next one takes over.
    Raises `TenantLocked` while another process writes to the same place.
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
    import fcntl  # not on Windows, where this module is imported but nobody writes backups

    try:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had the lock may have made this file the backup, or removed it, since we opened it.
        is_it = part.exists() and part.stat().st_ino == os.fstat(out.fileno()).st_ino
    except BlockingIOError:
        is_it = False
    if not is_it:
        raise TenantLocked(slug)


def _sync_folder(folder: Path) -> None:
    """Make sure that a renamed file is found under its new name after a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
