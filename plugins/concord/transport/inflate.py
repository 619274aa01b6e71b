"""Undoing gzip while bytes pass, and noticing when its end is missing."""

import zlib
from collections.abc import Callable

from concord.exceptions import DataError

GZIP = 31
MAGIC = b"\x1f\x8b"
CHUNK = 1 << 16


class GzipReader:
    """Reads what a gzip stream holds; a cut, damaged or padded one is an error.

    Never more than the asked number of bytes is unpacked at once, so that a bomb
    meets its reader's limit before it fills the memory.
    """

    def __init__(
        self, read_some: Callable[[int], bytes], broken: Callable[[], DataError]
    ) -> None:
        self._read_some = read_some
        self._broken = broken
        self._member = zlib.decompressobj(GZIP)
        self._waiting = b""
        self._begun = False

    def read(self, wanted: int) -> bytes:
        """Return at most that many bytes, and none at the end."""
        while True:
            packed = self._waiting or self._read_some(CHUNK)
            if not packed:
                if self._begun:
                    raise self._broken()
                return b""
            data = self._unpack(packed, wanted)
            if data:
                return data

    def _unpack(self, packed: bytes, wanted: int) -> bytes:
        """Unpack a piece; members may follow one another, anything else may not."""
        if not self._begun and packed[:1] != MAGIC[:1]:
            raise self._broken()
        self._begun = True
        try:
            data = self._member.decompress(packed, wanted)
        except zlib.error:
            data = None
        if data is None:
            raise self._broken()
        self._waiting = self._member.unconsumed_tail
        if self._member.eof:
            self._waiting = self._member.unused_data
            self._member, self._begun = zlib.decompressobj(GZIP), False
        return data
