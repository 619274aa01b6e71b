"""Packed files taken apart with caps; nothing is ever written under a member's name."""

import gzip
import hashlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import BinaryIO, cast

from concord.contracts.models import Packing
from concord.transport.packed import packed_kind
from concord.transport.problems import held

CHUNK = 1 << 20
MAX_RATIO = 200  # deflate can reach 1,032; tables of mostly empty columns some 60
RATIO_FROM = 64 * 2**20  # smaller results harm nobody, however well they were packed
MAX_MEMBERS = 1000
MAX_CONTENTS = 4 * 2**20  # of a zip's table of contents, which is read into memory

MAGIC = {"gzip": (b"\x1f\x8b",), "zip": (b"PK\x03\x04", b"PK\x05\x06")}
ARCHIVES = (
    *(start for starts in MAGIC.values() for start in starts),
    b"7z\xbc\xaf\x27\x1c",
    b"\xfd7zXZ\0",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
    b"Rar!\x1a\x07",
)
END_RECORD = 22  # bytes of a zip's last record, before its comment
ENCRYPTED = 0x1
DAMAGED = (
    EOFError,
    ValueError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
)
UNUSUAL = "is packed in an unusual way"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(
    packed: Path,
    into: Path,
    packing: Packing,
    *,
    feed: str,
    table: str,
    member: str | None = None,
    max_bytes: int,
) -> Path:
    """Write what a packed file holds for one table to ``into``, a path of our own.

    ``member`` is the contract's name or pattern (``*/Client.csv``) of a file in a zip;
    without it the zip must hold one file. Nothing is left at ``into`` on failure.

    Raises:
        DeliveryHeld: The file is cut, damaged, unsafe, or unpacks to too much.
    """
    try:
        with _opened(packed, packing, member) as (stream, size):
            _copy(stream, into, most=min(max_bytes, max(RATIO_FROM, MAX_RATIO * size)))
    except _Refused as error:
        refused = error
    except EOFError:
        refused = _Refused("PACKED_CUT", "ends before its end")
    except NotImplementedError:
        refused = _Refused("ARCHIVE_UNSAFE", UNUSUAL)
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, ValueError):
        refused = _Refused("PACKED_DAMAGED", "is not what was packed")
    else:
        return into
    into.unlink(missing_ok=True)
    raise held(refused.code, feed, f"{table}: the {packing} file {refused.detail}")


def hold_packed(path: Path, *, feed: str, table: str) -> None:
    """Raise for a packed file of which the contract says nothing.

    Raises:
        DeliveryHeld: The file begins as packed files do, so it is not the agreed text.
    """
    with path.open("rb") as file:
        kind = packed_kind(file.read(16))
    if kind is not None:
        detail = f"{table}: a {kind} file, but the contract declares no packing"
        raise held("PACKED_UNDECLARED", feed, detail)


def content_sha256(packed: Path, packing: Packing, *, max_bytes: int) -> str | None:
    """Hash what a packed file holds, so that packing it anew changes nothing.

    Returns None for a file that ``unpack`` would refuse: it counts by its bytes.
    """
    digest, left = hashlib.sha256(), max_bytes
    try:
        for name in _names(packed, packing):
            with _opened(packed, packing, name and escape(name)) as (stream, size):
                found = _Hashed(stream, min(left, max(RATIO_FROM, MAX_RATIO * size)))
            digest.update(f"{name or ''}\0{found.sha256}\n".encode())
            left -= found.size
    except (_Refused, *DAMAGED):
        return None
    return digest.hexdigest()


def _names(packed: Path, packing: Packing) -> Sequence[str | None]:
    """List the files in a packed file in the order of their names; gzip has none."""
    if packing == "gzip":
        return [None]
    with _ShortReads(packed) as file:
        return sorted(i.filename for i in _contents(file).infolist() if not i.is_dir())


class _Hashed:
    """The hash and size of a stream that is read to its end, up to so many bytes."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        digest, self.size = hashlib.sha256(), 0
        while chunk := stream.read(CHUNK):
            self.size += len(chunk)
            if self.size > most:
                raise _too_large(most)
            digest.update(chunk)
        self.sha256 = digest.hexdigest()


class _Refused(Exception):
    """Why a packed file is not taken apart; never holds a member's name."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _copy(stream: BinaryIO, into: Path, *, most: int) -> None:
    """Write a stream to a file, up to so many bytes."""
    written = 0
    with into.open("xb") as file:
        while chunk := stream.read(CHUNK):
            if written == 0 and chunk.startswith(ARCHIVES):
                raise _Refused("ARCHIVE_UNSAFE", "holds another packed file")
            written += len(chunk)
            if written > most:
                raise _too_large(most)
            file.write(chunk)


@contextmanager
def _opened(
    packed: Path, packing: Packing, member: str | None
) -> Iterator[tuple[BinaryIO, int]]:
    """Open the packed content as a stream, with the size that it has packed."""
    with packed.open("rb") as file:
        if not file.read(4).startswith(MAGIC[packing]):
            raise _Refused("NOT_PACKED", f"is no {packing} file")
    if packing == "gzip":
        with gzip.open(packed) as stream:
            yield cast("BinaryIO", stream), packed.stat().st_size
        return
    with _ShortReads(packed) as file:
        archive = _contents(file)
        info = _member(archive, member)
        with archive.open(info) as stream:
            yield cast("BinaryIO", stream), info.compress_size


class _ShortReads(io.FileIO):
    """A file that refuses to be read at once in large pieces.

    ``zipfile`` reads a table of contents whole, and its size is the sender's word.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        rest = self.seek(0, io.SEEK_CUR)
        if size is None or size < 0:
            size = self.seek(0, io.SEEK_END) - rest
            self.seek(rest)
        if size > MAX_CONTENTS:
            raise _too_many()
        return super().read(size)


def _too_large(most: int) -> _Refused:
    return _Refused("UNPACKED_TOO_LARGE", f"unpacks to more than {most:,} bytes")


def _too_many() -> _Refused:
    return _Refused("UNPACKED_TOO_LARGE", f"holds more than {MAX_MEMBERS:,} members")


def _contents(file: io.FileIO) -> zipfile.ZipFile:
    """Read a zip's table of contents; raises if any member is unsafe."""
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise _Refused("PACKED_CUT", "has no whole table of contents") from None
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise _too_many()
    if _has_junk(file, archive):
        raise _Refused("PACKED_DAMAGED", "has bytes before its start or after its end")
    for info in members:
        _check(info)
    return archive


def _has_junk(file: io.FileIO, archive: zipfile.ZipFile) -> bool:
    """Say whether anything stands before the first member or after the last record."""
    file.seek(-min(END_RECORD + len(archive.comment), _size(file)), io.SEEK_END)
    last = file.read(END_RECORD)
    ends = last.startswith(MAGIC["zip"][1]) and (
        int.from_bytes(last[-2:], "little") == len(archive.comment)
    )
    starts = min((i.header_offset for i in archive.infolist()), default=0)
    return not ends or starts != 0


def _size(file: io.FileIO) -> int:
    return file.seek(0, io.SEEK_END)


def _check(info: zipfile.ZipInfo) -> None:
    """Raise if a member is named to go elsewhere, is a link, or is encrypted."""
    name = info.orig_filename.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
        raise _Refused("ARCHIVE_UNSAFE", "has a member named to lie outside it")
    if "\0" in name:
        raise _Refused("ARCHIVE_UNSAFE", "has a NUL byte in a member's name")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _Refused("ARCHIVE_UNSAFE", "has a member that is a link")
    if info.flag_bits & ENCRYPTED:
        raise _Refused("ARCHIVE_UNSAFE", "is encrypted")
    if info.compress_type not in METHODS:
        raise _Refused("ARCHIVE_UNSAFE", UNUSUAL)


def _member(archive: zipfile.ZipFile, wanted: str | None) -> zipfile.ZipInfo:
    """Find the one member that holds the table."""
    found = [
        info
        for info in archive.infolist()
        if not info.is_dir() and (wanted is None or fnmatchcase(info.filename, wanted))
    ]
    if len(found) != 1:
        what = "files" if wanted is None else "members of the contracted name"
        raise _Refused("MEMBER_MISSING", f"holds {len(found)} {what}, not 1")
    return found[0]
