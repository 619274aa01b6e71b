"""Where the rows of a delimited file begin and end, and which of them are damaged.

CSV readers take a stray quote for text and an open one for the rest of the file. Here a
quote may open a field only at its start and close it only at its end. Blocks without
damage are judged by arithmetic on the places of quotes and line ends; only a block with
damage is walked through quote by quote.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concord.exceptions import DeliveryHeld
from concord.parsing.blocks import Span
from concord.parsing.problems import Held

QUOTE, NEWLINE, RETURN, SPACE = b'"\n\r '
EVENT = re.compile(rb'["\n\r]')
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Scanned:
    """What one block of whole lines holds."""

    rows: int  # that are whole
    bare: int  # line ends that are LF alone
    returns: Places  # of line ends that are CR LF
    damaged: tuple[Span, ...] = ()

    @property
    def pairs(self) -> int:
        """Return how many line ends are CR LF."""
        return self.returns.size


class RecordScanner:
    """Follows quotes and line ends through a file, block by block."""

    def __init__(
        self,
        delimiter: str,
        held: Held,
        *,
        blank_rows: bool,
        stray_is_text: bool = False,
        start: int = 0,
    ) -> None:
        self.delimiter = ord(delimiter)
        self.held = held
        self.blank_rows = blank_rows  # of one column, an empty line is a row
        self.stray_is_text = (
            stray_is_text  # within a field that has no quotes around it
        )
        self.allowed = np.zeros(256, bool)
        self.allowed[[self.delimiter, QUOTE, NEWLINE, RETURN]] = True
        self.offset = start  # of the block in the file
        self.line = 1
        self.row_start = start  # of the row that is open, in the file
        self.opened: int | None = None  # line of the quote that is open
        self.bad = False  # the row that is open

    def scan(self, block: bytes) -> Scanned:
        """Judge the next block.

        Raises:
            DeliveryHeld: A quote is not closed where its field ends.
        """
        if self.bad:
            return self._walk(block)
        return self._quick(block) or self._walk(block)

    def with_bare_ends(self, block: bytes) -> bytes:
        """Judge the next block, and return it with LF where CR LF ends a row."""
        returns = self.scan(block).returns
        return np.delete(np.frombuffer(block, np.uint8), returns).tobytes()

    def finish(self) -> None:
        """Say that the file ended; raises DeliveryHeld where a quote is still open."""
        if self.opened is not None:
            raise self.unclosed(self.opened)

    def _quick(self, block: bytes) -> Scanned | None:
        """Judge a block at once; None where it has any damage."""
        data = np.frombuffer(block, np.uint8)
        inside = int(self.opened is not None)
        quotes = _places(block, data, QUOTE)
        opening, closing = quotes[inside::2], quotes[1 - inside :: 2]
        before = data[opening - 1][int(opening.size > 0 and opening[0] == 0) :]
        after = data[np.minimum(closing + 1, data.size - 1)]
        if not (self.allowed[before].all() and self.allowed[after].all()):
            return None
        ends = _places(block, data, NEWLINE)
        outer = _outside(ends, quotes, inside)
        returns = _places(block, data, RETURN)
        alone = returns[data[np.minimum(returns + 1, data.size - 1)] != NEWLINE]
        if _outside(alone, quotes, inside).size:
            return None
        if returns.size:  # those before a line end lie where it lies
            returns = outer[(outer > 0) & (data[outer - 1] == RETURN)] - 1
        rows = outer.size
        if not self.blank_rows:
            starts = np.concatenate(([self.row_start - self.offset], outer[:-1] + 1))
            content = outer - starts[: outer.size]
            returned = (content == 1) & (data[outer - 1] == RETURN)
            rows -= int(np.count_nonzero((content == 0) | returned))
        open_quotes = (quotes.size + inside) % 2
        last_end = int(outer[-1]) + 1 if outer.size else None
        if last_end != len(block) and not open_quotes:
            rows += 1  # the last line, without an end
            last_end = len(block)
        opened = self.opened
        if not open_quotes:
            opened = None
        elif opened is None or quotes.size:
            opened = self.line + int(np.searchsorted(ends, quotes[-1]))
        self.move_on(block, ends.size, last_end, opened)
        return Scanned(rows, outer.size - returns.size, returns)

    def _walk(self, block: bytes) -> Scanned:
        """Judge a block event by event, and resume after each damaged row."""
        walk = _Walk(self, block)
        for event in EVENT.finditer(block):
            walk.step(event.start())
        return walk.end()

    def move_on(
        self, block: bytes, lines: int, last_end: int | None, opened: int | None
    ) -> None:
        """Move on to the next block."""
        if last_end is not None:
            self.row_start = self.offset + last_end
        self.offset += len(block)
        self.line += lines
        self.opened = opened

    def unclosed(self, line: int) -> DeliveryHeld:
        """Make the error for a quote that is never closed."""
        return self.held("UNCLOSED_QUOTE", f"the quote on line {line} is not closed")


def _places(block: bytes, data: Bytes, byte: int) -> Places:
    """Find a byte; what is nowhere is soon known."""
    if byte not in block:
        return np.empty(0, np.intp)
    return np.flatnonzero(data == byte)


def _outside(places: Places, quotes: Places, inside: int) -> Places:
    """Leave out the places that lie between quotes."""
    if not quotes.size:
        return places[:0] if inside else places
    before = np.searchsorted(quotes, places) + inside
    outside: Places = places[before % 2 == 0]
    return outside


class _Walk:
    """The walk through one block that has damage somewhere."""

    def __init__(self, scanner: RecordScanner, block: bytes) -> None:
        self.scanner = scanner
        self.block = block
        self.line = scanner.line
        self.opened = scanner.opened
        self.start = scanner.row_start - scanner.offset
        self.bad = scanner.bad
        self.escaped = -1  # place of a quote that another has made text
        self.rows = self.bare = 0
        self.damaged: list[Span] = []
        self.returns: list[int] = []

    def step(self, at: int) -> None:
        """Take the next quote or line end; raises DeliveryHeld where one is missing."""
        kind = self.block[at]
        if kind == QUOTE and self.opened is not None:
            self._close(at, self.opened)
        elif kind == QUOTE:
            self._open(at)
        elif kind == NEWLINE:
            self.line += 1
            if self.opened is None:
                self._end_row(at)
        elif self.opened is None:
            paired = self.block[at + 1 : at + 2] == b"\n"
            self.bad |= not paired
            if paired:
                self.returns.append(at)

    def _open(self, at: int) -> None:
        if at == self.start or self.block[at - 1] == self.scanner.delimiter:
            self.opened = self.line
        elif not self.scanner.stray_is_text or self.block[at - 1] == SPACE:
            self.bad = True

    def _close(self, at: int, opened: int) -> None:
        following = self.block[at + 1] if at + 1 < len(self.block) else NEWLINE
        if at == self.escaped:
            return
        if following == QUOTE:
            self.escaped = at + 1
        elif following in (self.scanner.delimiter, NEWLINE, RETURN):
            self.opened = None
        elif opened != self.line:
            raise self.scanner.unclosed(opened)
        else:
            self.bad, self.opened = True, None

    def _end_row(self, at: int) -> None:
        paired = self.returns[-1:] == [at - 1]
        self.bare += not paired
        if self.bad:
            offset = self.scanner.offset
            self.damaged.append((offset + self.start, offset + at + 1))
        elif self.scanner.blank_rows or at - paired > self.start:
            self.rows += 1
        self.start, self.bad = at + 1, False

    def end(self) -> Scanned:
        """End the block, and with it a last row that has no line end."""
        size = len(self.block)
        if self.start < size and self.opened is None:
            self._end_row(size)
            self.start = size
            self.bare -= 1
        last = self.start if self.start > 0 else None
        lines = self.line - self.scanner.line
        self.scanner.move_on(self.block, lines, last, self.opened)
        self.scanner.bad = self.bad
        places = np.array(self.returns, np.intp)
        return Scanned(self.rows, self.bare, places, tuple(self.damaged))
