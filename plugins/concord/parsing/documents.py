"""JSON read strictly: DuckDB alone takes NaN, trailing commas and unclosed pages."""

import mmap
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from concord.parsing.blocks import Span, blocks, without
from concord.parsing.encodings import MARK, first_wrong
from concord.parsing.problems import Held
from concord.parsing.rows import Examined

MAX_OBJECT = 64 << 20
OPEN, CLOSE, NEWLINE = b"{}\n"
WHOLE_ARRAY = "$[*]"
_RECORDS = re.compile(r"\$((?:\.\w+)*)\[\*\]")
_ANYTHING = msgspec.json.Decoder(msgspec.Raw)  # checks all, builds nothing


def is_json(data: bytes | mmap.mmap) -> bool:
    """Say whether bytes are one JSON document, as RFC 8259 has it."""
    try:
        _ANYTHING.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def examine_lines(path: Path, held: Held) -> Examined:
    """Check every line of a file; broken ones are left out of a copy, and counted.

    Raises:
        DeliveryHeld: A line is longer than a document may be.
    """
    rows, offset = 0, 0
    broken: list[Span] = []
    marked: list[Span] = []
    for block in blocks(path, MAX_OBJECT, held):
        if not offset and block.startswith(MARK):
            marked, offset = [(0, len(MARK))], len(MARK)
            block = block.removeprefix(MARK)
        found, spans = _lines(block)
        rows += found
        broken += [(offset + start, offset + end) for start, end in spans]
        offset += len(block)
    cuts = marked + broken
    return Examined(without(path, cuts) if cuts else path, rows, len(broken))


def _lines(block: bytes) -> tuple[int, list[Span]]:
    """Count the documents of a block, and find the lines that are none."""
    is_text = first_wrong(block) is None
    if is_text and (quick := _all_are_objects(block)):
        return quick, []
    rows, start = 0, 0
    broken: list[Span] = []
    for line in block.split(b"\n"):
        if is_json(line) and (is_text or first_wrong(line) is None):
            rows += 1
        elif line.strip():
            broken.append((start, min(start + len(line) + 1, len(block))))
        start += len(line) + 1
    return rows, broken


def _all_are_objects(block: bytes) -> int:
    """Count the lines at once if each is one object, as nearly always; else 0.

    No document spans lines that end with a brace and begin with one; so where there
    are as many documents as lines, each line is one.
    """
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == NEWLINE)
    whole = ends.size and ends[-1] + 1 == data.size and block[:1] == b"{"
    if (
        not whole
        or (data[ends - 1] != CLOSE).any()
        or (data[ends[:-1] + 1] != OPEN).any()
    ):
        return 0
    try:
        documents = len(_ANYTHING.decode_lines(block))
    except (msgspec.DecodeError, RecursionError):
        return 0
    return documents if documents == ends.size else 0


def examine_page(path: Path, records: str | None, held: Held) -> Examined:
    """Check that a page is one document and has the list of rows that it should have.

    Raises:
        DeliveryHeld: The page is no JSON, or has no such list.
    """
    with path.open("rb") as file:
        marked = file.read(len(MARK)) == MARK
    if marked:
        path = without(path, [(0, len(MARK))])
    if path.stat().st_size == 0:
        raise held("EMPTY_FILE", "0 bytes")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as m:
        rows = _rows_of_page(m, records or WHOLE_ARRAY, held)
    return Examined(path, rows, 0)


def _rows_of_page(page: mmap.mmap, records: str, held: Held) -> int | None:
    """Count a page's rows; None where only DuckDB can, as the page is large."""
    at = _RECORDS.fullmatch(records)
    missing = False
    try:
        if at is None or len(page) > MAX_OBJECT:
            _ANYTHING.decode(page)
            return None
        keys = tuple(at[1].split(".")[1:])
        found = _shape(keys).decode(page)
        for _ in keys:
            found = found.inner
        return len(found)
    except msgspec.ValidationError:
        missing = True
    except (msgspec.DecodeError, RecursionError):
        pass
    if missing:
        raise held("RECORDS_MISSING", f"a page has no list at {records}")
    raise held("UNREADABLE_FILE", "a page is not valid json")


@cache
def _shape(keys: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Return what reads a list under some keys, and leaves its elements as bytes."""
    kind: Any = list[msgspec.Raw]
    for key in reversed(keys):
        kind = msgspec.defstruct("Page", [("inner", kind)], rename={"inner": key})
    return msgspec.json.Decoder(kind)
