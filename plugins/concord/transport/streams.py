"""Bytes on their way to the sink: bounded, hashed and counted as they pass."""

import hashlib
import io
from collections.abc import Callable
from typing import BinaryIO, Literal, cast

from concord.exceptions import DataError
from concord.transport.base import Part, Sink, StoredPart
from concord.transport.packed import packed_kind

CHUNK = 1 << 16


class RecordCounter:
    """Counts records in chunks of bytes: lines, or CSV rows after a header.

    A CSV row may hold line breaks inside quotes, so quotes are followed; blank lines
    are not records.
    """

    def __init__(self, kind: Literal["csv", "lines"]) -> None:
        self._quotes = kind == "csv"
        self._header = 1 if kind == "csv" else 0
        self._ended = 0
        self._open = False
        self._quoted = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if not self._quotes:
            self._lines(chunk)
            return
        pieces = chunk.split(b'"')
        outside = pieces[1::2] if self._quoted else pieces[::2]
        self._lines(b'"'.join(outside))
        if len(pieces) % 2 == 0:
            self._quoted = not self._quoted
        self._open = self._open or self._quoted

    @property
    def records(self) -> int:
        """Return how many records have passed, a last unfinished one included."""
        return max(0, self._ended + self._open - self._header)

    def _lines(self, piece: bytes) -> None:
        """Count line ends outside quotes and remember an unfinished line."""
        *ended, rest = piece.split(b"\n")
        for line in ended:
            self._ended += self._open or bool(line.strip())
            self._open = False
        self._open = self._open or bool(rest.strip())


class CheckedStream(io.RawIOBase):
    """A source of bytes that hashes, counts and stops at a limit.

    ``read_some`` returns at most the asked number of bytes, and none at the end; it
    raises a DataError itself. ``too_large`` makes the error for one byte too many.
    """

    def __init__(
        self,
        read_some: Callable[[int], bytes],
        *,
        limit: int,
        too_large: Callable[[], DataError],
        counter: RecordCounter | None = None,
    ) -> None:
        super().__init__()
        self._read_some = read_some
        self._limit = limit
        self._too_large = too_large
        self._counter = counter
        self._hash = hashlib.sha256()
        self._failure: DataError | None = None
        self.bytes_read = 0
        self.packed: str | None = None

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes."""
        try:
            data = self._read_some(len(buffer))
            if not self.bytes_read:
                self.packed = packed_kind(data)
            self.bytes_read += len(data)
            if self.bytes_read > self._limit:
                raise self._too_large()
        except DataError as error:
            self._failure = error
            raise
        self._hash.update(data)
        if self._counter is not None:
            self._counter.feed(data)
        buffer[: len(data)] = data
        return len(data)

    def into(self, sink: Sink, part: Part) -> StoredPart:
        """Store every byte; a failure of ours survives whatever the sink makes of it.

        Encryption libraries put an error raised while they read in their own words.
        """
        try:
            return sink.store(part, self.buffered())
        except Exception:
            if self._failure is not None:
                raise self._failure from None
            raise

    def buffered(self) -> BinaryIO:
        """Return this stream behind a buffer, so that short reads do not show."""
        return cast("BinaryIO", io.BufferedReader(self, CHUNK))

    @property
    def sha256(self) -> str:
        """Return the hash of the bytes so far."""
        return self._hash.hexdigest()

    @property
    def records(self) -> int:
        """Return the number of records so far."""
        return 0 if self._counter is None else self._counter.records
