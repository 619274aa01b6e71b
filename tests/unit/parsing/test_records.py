"""Rows are found by arithmetic on quotes, and by a walk, and both find the same."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.exceptions import DeliveryHeld
from concord.parsing.records import RecordScanner, Scanned

CELLS = st.text(st.sampled_from('ab ,"\n\r;é'), max_size=6)
BYTES = st.lists(st.sampled_from(['"', "a", ",", "\n", "\r\n", "\r", " "]), max_size=30)


def held(code: str, detail: str) -> DeliveryHeld:
    return DeliveryHeld(code, feed="a_feed", detail=detail, remedy="None")


def blocks_of(data: bytes, size: int) -> list[bytes]:
    """Cut bytes into blocks of some whole lines."""
    whole = data.split(b"\n")
    lines = [line + b"\n" for line in whole[:-1]] + [whole[-1]] * bool(whole[-1])
    return [b"".join(lines[n : n + size]) for n in range(0, len(lines), size)]


def scanned(data: bytes, size: int = 1000) -> tuple[int, list[tuple[int, int]], int]:
    """Return rows, damaged spans and mixed line ends; -1 rows if a quote is open."""
    scanner = RecordScanner(",", held, blank_rows=False)
    seen: list[Scanned] = []
    try:
        seen += [scanner.scan(block) for block in blocks_of(data, size)]
        scanner.finish()
    except DeliveryHeld:
        return -1, [], 0
    spans = [span for each in seen for span in each.damaged]
    return sum(e.rows for e in seen), spans, sum(e.bare for e in seen)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=6),
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL)]),
    st.integers(1, 4),
)
def test_what_a_csv_writer_writes_has_its_rows_and_no_damage(
    rows: list[list[str]], way: tuple[str, int], size: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=way[0], quoting=way[1]).writerows(rows)
    count, spans, _ = scanned(text.getvalue().encode(), size)
    assert (count, spans) == (len(rows), [])


@given(BYTES, st.integers(1, 3))
def test_the_walk_and_the_arithmetic_agree(parts: list[str], size: int) -> None:
    data = "".join(parts).encode()
    quick = scanned(data, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordScanner, "_quick", lambda *_: None)
        assert scanned(data, size) == quick


@given(BYTES)
def test_blocks_of_any_size_find_the_same(parts: list[str]) -> None:
    data = "".join(parts).encode()
    assert len({repr(scanned(data, size)) for size in (1, 2, 1000)}) == 1


def test_a_damaged_row_is_cut_from_its_first_line() -> None:
    data = b'a,b\n"1\n2",x"y\n3,4\n'
    assert scanned(data) == (2, [(4, 14)], 3)
