"""What no CSV reader refuses by itself is refused before one reads.

A file is looked at once, block by block, and counted. What can be mended without a
guess (encoding, line ends, damaged rows, a trailer) is mended in a copy beside it; the
rows of what DuckDB then reads must come to the same number.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from concord.contracts.models import Contract, Table
from concord.parsing.blocks import Span, blocks, without
from concord.parsing.encodings import MARK, check_mark, check_utf8, to_utf8
from concord.parsing.header import Header, read_header
from concord.parsing.problems import Held
from concord.parsing.records import RecordScanner
from concord.parsing.rows import Examined

TAIL = 1 << 16  # more than any trailer


def examine_delimited(
    path: Path, contract: Contract, table: Table, held: Held
) -> tuple[Examined, Header]:
    """Check a delimited file's bytes and header, and mend what may be mended.

    Raises:
        DeliveryHeld: The file can't be read safely; names feed, table and line.
    """
    delivery = contract.delivery
    notes: dict[str, int] = {}
    if path.stat().st_size == 0:
        raise held("EMPTY_FILE", "0 bytes")
    if check_mark(path, delivery.encoding, held) and delivery.encoding == "utf-8":
        notes["byte_order_mark"] = 1
    if delivery.encoding != "utf-8":
        path, foreign = to_utf8(path, delivery.encoding, held)
        notes["beyond_ascii"] = foreign
    scan = _Scan(path, contract, table, held)
    if scan.bare and scan.pairs:
        notes["mixed_line_ends"] = min(scan.bare, scan.pairs)
        path = scan.with_one_line_end()
        scan = _Scan(path, contract, table, held)
    damaged, rows = scan.damaged, scan.rows - 1
    cuts = list(damaged)
    if delivery.trailer is not None:
        last = _trailer(path, delivery.trailer, rows + len(damaged) - 1, held)
        damaged = [span for span in damaged if span != last]
        cuts = [*damaged, last]
        rows = scan.rows + len(scan.damaged) - 2 - len(damaged)
    elif not scan.whole and delivery.final_newline:
        raise held(
            "CUT_LAST_LINE", f"line {scan.lines} has no line end: the file may be cut"
        )
    if not rows and not damaged and not delivery.may_be_empty:
        raise held("NO_ROWS", "a header and no row")
    if scan.header.added:
        notes["columns_added"] = len(scan.header.added)
    notes = {kind: count for kind, count in notes.items() if count}
    mended = without(path, cuts) if cuts else path
    seen = Examined(mended, rows, len(damaged), notes, ascii=scan.ascii)
    return seen, scan.header


class _Scan:
    """One look at a whole file in UTF-8."""

    def __init__(
        self, path: Path, contract: Contract, table: Table, held: Held
    ) -> None:
        self.path = path
        self.contract = contract
        self.held = held
        self.rows = self.bare = self.pairs = 0
        self.damaged: list[Span] = []
        self.whole = self.ascii = True
        scanner: RecordScanner | None = None
        for block in self._blocks():
            check_utf8(block, scanner.line if scanner else 1, held)
            self.ascii = self.ascii and block.isascii()
            if scanner is None:
                text = block.removeprefix(MARK).decode("utf-8")
                self.header = read_header(text, contract, table, held)
                scanner = self._scanner(block)
                block = block.removeprefix(MARK)
            seen = scanner.scan(block)
            self.rows += seen.rows
            self.bare += seen.bare
            self.pairs += seen.pairs
            self.damaged += seen.damaged
            self.whole = block.endswith(b"\n")
        assert scanner is not None, "a file of more than 0 bytes has a block"
        scanner.finish()
        self.lines = scanner.line

    def with_one_line_end(self) -> Path:
        """Write the file again, beside itself, with LF where a row ends."""
        unified = self.path.with_name(f"{self.path.stem}.lf{self.path.suffix}")
        scanner: RecordScanner | None = None
        with unified.open("wb") as target:
            for block in self._blocks():
                if scanner is None:
                    scanner = self._scanner(block)
                    block = block.removeprefix(MARK)
                target.write(scanner.with_bare_ends(block))
        return unified

    def _blocks(self) -> Iterator[bytes]:
        return blocks(self.path, self.contract.delivery.max_line_bytes, self.held)

    def _scanner(self, first: bytes) -> RecordScanner:
        return RecordScanner(
            self.contract.delivery.delimiter,
            self.held,
            start=len(MARK) if first.startswith(MARK) else 0,
            blank_rows=self.header.width == 1,
            stray_is_text=self.contract.delivery.stray_quotes == "text",
        )


def _trailer(path: Path, pattern: str, rows: int, held: Held) -> Span:
    """Find the last line, which must announce as many rows as there are."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL))
        tail = file.read()
    line = tail.rstrip(b"\r\n").rpartition(b"\n")[2]
    found = re.fullmatch(pattern, line.decode("utf-8", "replace"))
    if found is None or not found[1].isdecimal():
        raise held("CUT_LAST_LINE", "the last line is not the contracted trailer")
    announced = int(found[1])
    if announced != rows:
        raise held("TRAILER_MISMATCH", f"{rows} rows, the trailer says {announced}")
    start = size - len(tail) + len(tail.rstrip(b"\r\n")) - len(line)
    return start, size
