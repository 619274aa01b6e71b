"""How the scan looks at bytes: letters and digits only, plainly and decoded once.

A name is found whichever way it is written ("John Smith", "SMITH, JOHN",
"john_smith") because everything but letters and digits is taken out of both the
text and the identifier, and the positions are kept to check what stood between.
"""

import binascii
import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

SEPARATOR = b"\x1e"  # between the cells of a column; no identifier spans it
WINDOW = 4 << 20
OVERLAP = 4096

_ALNUM = np.zeros(256, dtype=np.bool_)
_ALNUM[[*b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]] = True
_BASE64_LETTER = _ALNUM.copy()
_BASE64_LETTER[[*b"+/_-"]] = True
_CAPITAL = np.zeros(256, dtype=np.bool_)
_CAPITAL[[*b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]] = True
_OTHER = bytes(i for i in range(256) if not _ALNUM[i])
_WORDS = re.compile(rb"[0-9A-Za-z]+")
_ESCAPE = re.compile(rb'\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtbf"/\\])')
_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_MARKUP = re.compile(rb"<[^<>\x00]{1,200}>")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]+(?:\r?\n[A-Za-z0-9+/_-]{1,76})*")
_SHORTEST_RUN = 24
_REACH = 256  # bytes around an escape within which it may hide an identifier


def squash(text: bytes) -> bytes:
    """Keep letters and digits only, in lower case."""
    return text.translate(None, _OTHER).lower()


def words(text: bytes) -> list[bytes]:
    """Split into runs of letters and digits."""
    return _WORDS.findall(text)


@dataclass(frozen=True)
class Text:
    """Bytes to look through, with what the edges of the window hide."""

    data: bytes
    continues: bool = False
    """Whether more text stood before this window."""
    unfinished: bool = False
    """Whether more text follows this window."""

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Return where each letter or digit stands."""
        codes = np.frombuffer(self.data, dtype=np.uint8)
        return np.flatnonzero(_ALNUM[codes])

    @cached_property
    def joined(self) -> bytes:
        """Return the letters and digits alone, in lower case."""
        return squash(self.data)

    def starts_words(self, indexes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say of each letter or digit whether it begins a word."""
        here, before = self.positions[indexes], self.positions[indexes - 1]
        outside = -1 if self.continues else -2  # as if a letter stood there, or not
        return np.where(indexes == 0, outside, before) < here - 1

    def ends_words(self, indexes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say of each letter or digit whether it ends a word."""
        last = len(self.positions) - 1
        here = self.positions[indexes]
        after = self.positions[np.minimum(indexes + 1, last)]
        outside = len(self.data) + (not self.unfinished)
        return np.where(indexes == last, outside, after) > here + 1

    def is_whole_cell(self, first: int, last: int) -> bool:
        """Say whether nothing but these letters and digits stands in their cell."""
        left = self.data.rfind(SEPARATOR, 0, int(self.positions[first]))
        right = self.data.find(SEPARATOR, int(self.positions[last]))
        begins = left >= 0 or not self.continues
        ends = right >= 0 or not self.unfinished
        before = first == 0 or self.positions[first - 1] < left
        after = last == len(self.positions) - 1 or 0 <= right < self.positions[last + 1]
        return bool(begins and ends and before and after)


def windows(handle: BinaryIO) -> Iterator[tuple[int, Text]]:
    """Read a file piece by piece; pieces overlap, so nothing hides at an edge."""
    start, carried, fresh = 0, b"", handle.read(WINDOW)
    while True:
        following = handle.read(WINDOW)
        data = carried + fresh
        yield start, Text(data, continues=start > 0, unfinished=bool(following))
        if not following:
            return
        carried, fresh = data[-OVERLAP:], following
        start += len(data) - len(carried)


@dataclass(frozen=True)
class Decoded:
    """Text that an encoding hid."""

    encoding: str
    data: bytes
    starts: tuple[tuple[int, int], ...] = ((0, 0),)
    """Where parts of it begin, here and in the encoded bytes."""

    def origin(self, offset: int) -> int:
        """Return where the encoded bytes begin that hold an offset of this text."""
        here = bisect_right(self.starts, offset, key=lambda pair: pair[0]) - 1
        return self.starts[here][1]


def decoded(data: bytes) -> Iterator[Decoded]:
    """Yield what the bytes say once an encoding is undone."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield Decoded("UTF-16", data.decode("utf-16", "ignore").encode())
    yield from _escaped(data)
    yield from _base64_runs(data)


def _escaped(data: bytes) -> Iterator[Decoded]:
    """Undo escapes, URL encoding and markup at once, where there are any.

    What stands farther from them than any identifier is long is hidden by none.
    """
    hiding = [_ESCAPE, _PERCENT, *([_MARKUP] if b"</" in data else [])]
    found = (place.start() for kind in hiding for place in kind.finditer(data))
    places = np.sort(np.fromiter(found, dtype=np.int64))
    if not len(places):
        return
    apart = np.flatnonzero(np.diff(places) > 2 * _REACH)
    parts, starts, length = [], [], 0
    for first, last in zip(
        places[np.append(0, apart + 1)], places[np.append(apart, -1)], strict=True
    ):
        begin = max(int(first) - _REACH, 0)
        parts.append(_plain(data[begin : int(last) + 2 * _REACH]))
        starts.append((length, begin))
        length += len(parts[-1]) + 1
    yield Decoded("escapes", SEPARATOR.join(parts), tuple(starts))


def _plain(data: bytes) -> bytes:
    """Undo every escape, URL encoding and markup."""
    if b"\\" in data:
        data = _ESCAPE.sub(_unescaped, data)
    if b"%" in data:
        data = unquote_to_bytes(data)
    return _MARKUP.sub(b" ", data) if b"</" in data else data


def _base64_runs(data: bytes) -> Iterator[Decoded]:
    """Undo every base64 run, as if it began with its first four letters in turn.

    A run may begin with part of a path or a word that belongs to what stands before
    it. Lower-case runs are hexadecimal digits and our own tokens.
    """
    runs = [
        (start, run.translate(_STANDARD, b"\r\n")) for start, run in _long_runs(data)
    ]
    for shift in range(4 if runs else 0):
        parts, starts, length = [], [], 0
        for start, run in runs:
            parts.append(_from_base64(run[shift:]))
            starts.append((length, start))
            length += len(parts[-1]) + 1
        yield Decoded("base64", SEPARATOR.join(parts), tuple(starts))


def _long_runs(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the long runs of base64 letters, with the lines on which they go on."""
    codes = np.frombuffer(data, dtype=np.uint8)
    edges = np.flatnonzero(np.diff(_BASE64_LETTER[codes], prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    is_long = ends - starts >= _SHORTEST_RUN
    capitals = np.concatenate(([0], np.flatnonzero(_CAPITAL[codes])))
    until = 0
    for start, end in zip(starts[is_long], ends[is_long], strict=True):
        has_capital = capitals[np.searchsorted(capitals, end) - 1] >= start
        if start >= until and has_capital and (run := _RUN.match(data, start)):
            until = run.end()
            yield int(start), run.group()


_STANDARD = bytes.maketrans(b"-_", b"+/")
_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _unescaped(match: re.Match[bytes]) -> bytes:
    """Undo one JSON or Python escape."""
    code = match.group()[1:]
    if code[:1] in (b"u", b"x") and len(code) > 1:
        return chr(int(code[1:], 16)).encode("utf-8", "replace")
    return _SIMPLE.get(code, code)


def _from_base64(text: bytes) -> bytes:
    """Decode a run; a last letter that holds no whole byte is left out."""
    whole = text[: len(text) - (len(text) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
