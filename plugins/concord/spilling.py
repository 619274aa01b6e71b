"""Where DuckDB may spill: files that only the process that writes them can read.

DuckDB encrypts temporary files only with an extension that it fetches from the network.
Here they are encrypted as disks are (AES-256-XTS, IEEE 1619), under a random key that
is never written: what a killed process leaves behind means nothing to anybody.
"""

import os
from collections.abc import Iterator
from io import RawIOBase, UnsupportedOperation
from pathlib import Path
from threading import get_ident
from typing import Any

import duckdb
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fsspec import AbstractFileSystem

PROTOCOL = "sealed"
UNIT = 1 << 15  # bytes under one tweak; DuckDB's blocks are multiples of it
KEY_BYTES = 64  # two keys of 256 bits


def spill_into(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let a connection spill into a folder, sealed; nothing is made before it does."""
    connection.register_filesystem(SealedScratch(folder))
    connection.execute(f"SET temp_directory = '{PROTOCOL}://spill'")


class SealedScratch(AbstractFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """The few things that DuckDB does to its temporary files, done to sealed ones."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.key = os.urandom(KEY_BYTES)
        self.opened = 0

    def open(self, path: str, mode: str = "rb", **_: Any) -> "SealedFile":
        """Open a file to read and write anywhere in it; it is made where missing."""
        descriptor = os.open(self._real(path), os.O_RDWR | os.O_CREAT, 0o600)
        self.opened += 1
        return SealedFile(descriptor, self.key, self.opened)

    def touch(self, path: str, truncate: bool = True, **_: Any) -> None:
        """Keep a file as it is.

        DuckDB asks for this to cut a file after its last block in use, and does not
        say where that is; what is kept too much goes with the file.
        """

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Say what a path is; raises FileNotFoundError where nothing is."""
        real = self._real(path)
        kind = "directory" if real.is_dir() else "file"
        return {"name": path, "size": real.stat().st_size, "type": kind}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a folder."""
        found = [f"{path.rstrip('/')}/{p.name}" for p in self._real(path).iterdir()]
        return [self.info(name) for name in found] if detail else found

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a folder for the owner alone."""
        self._real(path).mkdir(mode=0o700, parents=create_parents, exist_ok=True)

    def rm(self, path: str, **_: Any) -> None:
        """Remove a file, or a folder that is empty."""
        real = self._real(path)
        real.rmdir() if real.is_dir() else real.unlink(missing_ok=True)

    def rmdir(self, path: str) -> None:
        """Remove a folder that is empty."""
        self._real(path).rmdir()

    def _real(self, path: str) -> Path:
        return self.folder / path.removeprefix(f"{PROTOCOL}://").lstrip("/")


class SealedFile(RawIOBase):
    """A file whose units of bytes are encrypted one by one, each for its place.

    DuckDB's threads share a file and move in it before they read or write, so each
    thread has a place of its own.
    """

    def __init__(self, descriptor: int, key: bytes, number: int) -> None:
        self.descriptor = descriptor
        self.key = algorithms.AES(key)
        self.number = number
        self.places: dict[int, int] = {}

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the calling thread to an offset from the start."""
        if whence != os.SEEK_SET:
            raise UnsupportedOperation("only from the start")
        self.places[get_ident()] = offset
        return offset

    def tell(self) -> int:
        """Return where the calling thread is."""
        return self.places.get(get_ident(), 0)

    def read(self, size: int = -1) -> bytes:
        """Read from where the calling thread is, and move it on."""
        start = self.tell()
        found = bytearray()
        for unit, begin, end in _units(start, size):
            found += self._unit(unit)[begin:end]
        self.seek(start + len(found))
        return bytes(found)

    def write(self, data: Any) -> int:
        """Write where the calling thread is, and move it on."""
        start, plain = self.tell(), memoryview(data).cast("B")
        sealed, at = bytearray(), 0
        for unit, begin, end in _units(start, len(plain)):
            part = plain[at : at + end - begin]
            if len(part) < UNIT:  # what stands around it stays
                whole = bytearray(self._unit(unit).ljust(UNIT, b"\0"))
                whole[begin:end] = part
                part = memoryview(whole)
            sealed += self._cipher(unit).encryptor().update(part)
            at += end - begin
        first = start - start % UNIT
        while sealed:
            written = os.pwrite(self.descriptor, sealed, first)
            del sealed[:written]
            first += written
        self.seek(start + len(plain))
        return len(plain)

    def close(self) -> None:
        """Close the file, once."""
        if not self.closed:
            os.close(self.descriptor)
        super().close()

    def readable(self) -> bool:
        """Say that the file can be read."""
        return True

    def writable(self) -> bool:
        """Say that the file can be written."""
        return True

    def seekable(self) -> bool:
        """Say that every place of the file can be reached."""
        return True

    def _unit(self, number: int) -> bytes:
        """Return the plain bytes of a unit; none where none was ever written."""
        sealed = os.pread(self.descriptor, UNIT, number * UNIT)
        return self._cipher(number).decryptor().update(sealed) if sealed else b""

    def _cipher(self, unit: int) -> Cipher[modes.XTS]:
        tweak = self.number.to_bytes(8, "little") + unit.to_bytes(8, "little")
        return Cipher(self.key, modes.XTS(tweak))


def _units(start: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield the units of a stretch of bytes, and the stretch's part of each."""
    end = start + size
    while start < end:
        unit, begin = divmod(start, UNIT)
        stop = min(UNIT, begin + end - start)
        yield unit, begin, stop
        start += stop - begin
