"""Values that readers, spreadsheets and pages are known to mistake."""

import html
import json
from datetime import date

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from concord.curation.dictionary import (
    Dictionary,
    DictionaryColumn,
    DictionaryTable,
    to_html,
)
from concord.exceptions import DeliveryHeld
from concord.reporting.model import Status
from concord.reporting.rendering import archive_html
from tests.support.small_contract import NUMBER, Reader, column, contract

FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", '=HYPERLINK("x")')


def csv_of(*rows: tuple[str, ...]) -> bytes:
    """Write rows as RFC 4180 has it, every value in quotes."""
    quoted = [",".join(f'"{v.replace(chr(34), chr(34) * 2)}"' for v in r) for r in rows]
    return "".join(line + "\n" for line in quoted).encode()


@pytest.mark.fault("F25", outcome="accepted")
def test_f25_a_formula_is_kept_as_text(reader: Reader) -> None:
    """A value is a spreadsheet formula: it is text, and is published as it came."""
    feed = contract({"columns": (column("name"),)})
    loaded = reader.load(feed, csv_of(("name",), *((f,) for f in FORMULAS)))
    assert [row[0] for row in reader.rows(loaded)] == list(FORMULAS)


HOSTILE = "<script>alert(1)</script>&<img src=x onerror=alert(1)>"


@pytest.mark.fault("F26", outcome="accepted")
def test_f26_markup_in_a_value_is_text_and_in_a_header_never_passed_on(
    reader: Reader,
) -> None:
    """Markup stands in a value and in a header: text, and a place that is told."""
    feed = contract({"columns": (column("name"), column("odd", source=HOSTILE))})
    data = csv_of(("name", HOSTILE, f"{HOSTILE}2"), (HOSTILE, "a", "b"))
    loaded = reader.load(feed, data)
    assert reader.rows(loaded) == [(HOSTILE, "a")]
    assert loaded.notes == {"columns_added": 1}


@pytest.mark.fault("F26", outcome="accepted")
def test_f26_markup_in_the_ledger_is_shown_and_not_obeyed() -> None:
    """Markup stands in what the report shows: escaped, so that a browser shows it."""
    night = date(2026, 1, 5)
    held: dict[tuple[date, str], Status] = {(night, HOSTILE): "held"}
    text = archive_html(HOSTILE, [night], {HOSTILE: HOSTILE}, held)
    assert "<script" not in text
    assert "<img" not in text
    assert HOSTILE in html.unescape(text)


@pytest.mark.fault("F26", outcome="accepted")
def test_f26_markup_in_a_published_column_is_escaped_in_the_dictionary() -> None:
    """Markup stands in a column's name and description: escaped in the dictionary."""
    odd = DictionaryColumn(HOSTILE, "VARCHAR", HOSTILE, True, (HOSTILE,), HOSTILE)
    table = DictionaryTable(HOSTILE, HOSTILE, HOSTILE, ("a",), HOSTILE, HOSTILE, (odd,))
    text = to_html(Dictionary("research", HOSTILE, HOSTILE, HOSTILE, (table,)))
    assert "<script" not in text
    assert "<img" not in text
    assert HOSTILE in html.unescape(text)


@pytest.mark.fault("F27", outcome="counted")
@pytest.mark.parametrize(
    "text",
    ["1,234", "1e5", "NaN", "Infinity", "+5", "0x10", "1_000", "007", ".5", "5.", "١٢"],
)
@pytest.mark.parametrize("required", [True, False])
def test_f27_a_text_that_only_looks_like_a_number_is_none(
    reader: Reader, text: str, required: bool
) -> None:
    """A number has separators, exponents or the like: row rejected or value counted."""
    columns = (column("id"), column("score", type="number", required=required))
    feed = contract({"columns": columns})
    loaded = reader.load(feed, csv_of(("id", "score"), ("a", text), ("b", "12.50")))
    assert loaded.rejected == required
    assert [t.faults for t in loaded.types] == [0, 1]
    kept = [("a", None)] * (not required) + [("b", 12.5)]
    assert reader.rows(loaded) == kept


@pytest.mark.fault("F27", outcome="accepted")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.one_of(st.text(st.characters(codec="utf-8"), min_size=1), st.floats()))
@example("-0")
@example("-0.0")
@example("9" * 400)
@example("9223372036854775808")
def test_f27_every_text_is_one_number_or_a_fault(
    reader: Reader, value: str | float
) -> None:
    """Whatever stands for a number is a finite one that reads the same, or a fault."""
    text = str(value).replace("\0", "").replace("\r", "").strip() or "0"
    columns = (column("n", type="number"), column("i", type="integer"))
    loaded = reader.load(
        contract({"columns": columns}, maxLineBytes=1 << 20),
        csv_of(("n", "i"), (text, text)),
    )
    ((number, whole),) = reader.rows(loaded)
    assert [t.present + t.faults for t in loaded.types] == [1, 1]
    if number is not None:
        assert number == float(text)
        assert str(number) not in ("-0.0", "inf", "nan")
    if whole is not None:
        assert whole == int(text)


@pytest.mark.fault("F28", outcome="accepted")
def test_f28_leading_zeros_are_kept(reader: Reader) -> None:
    """A number that names something has leading zeros: it is text and keeps them."""
    feed = contract({"columns": (column("id", concept=NUMBER),)})
    loaded = reader.load(feed, csv_of(("id",), ("00012",), ("123456789012345678901",)))
    assert reader.rows(loaded) == [("00012",), ("123456789012345678901",)]


@pytest.mark.fault("F28", outcome="counted")
@pytest.mark.parametrize("text", ["1.23E+15", "1E+20", "9.87654E+11"])
def test_f28_a_number_that_excel_has_rounded_is_found(
    reader: Reader, text: str
) -> None:
    """Excel has rounded a long number to 1.23E+15: in a key it rejects the row."""
    columns = (
        column("id", concept=NUMBER, required=True, key_position=1),
        column("case", concept=NUMBER, entity="case"),
        column("note"),
    )
    rows = (("a", text, text), (text, "b", "x"))
    loaded = reader.load(
        contract({"columns": columns}), csv_of(("id", "case", "note"), *rows)
    )
    assert reader.rows(loaded) == [("a", None, text)]
    assert [t.faults for t in loaded.types] == [1, 1, 0]
    assert (loaded.received, loaded.rejected) == (2, 1)


BROKEN_LINES = (
    '{"id": "Canarysurname", "sta',
    '{"id": NaN}',
    '{"id": -Infinity}',
    '{"id": "2",}',
    '{"id": "2"} {"id": "3"}',
    '{"id": "2"}]',
    "{'id': '2'}",
    '{"id": "\\ud800"}',
    "{",
    "[" * 5000,
    '{"id": "2\t"}',
)


@pytest.mark.fault("T27", outcome="counted")
@pytest.mark.parametrize("line", BROKEN_LINES)
@pytest.mark.parametrize("end", ["", "\n"])
def test_t27_a_line_that_is_no_json_is_left_out(
    reader: Reader, line: str, end: str
) -> None:
    """A line of JSON is cut, has NaN, a trailing comma or two documents: rejected."""
    feed = contract({"columns": (column("id"),)}, format="ndjson")
    data = f'{{"id": "1"}}\n\n{line}\r\n{{"id": "4"}}\n{line}{end}'
    loaded = reader.load(feed, data.encode())
    assert reader.rows(loaded) == [("1",), ("4",)]
    assert (loaded.received, loaded.unreadable) == (4, 2)


@pytest.mark.fault("T27", outcome="counted")
def test_t27_a_line_that_is_no_text_is_left_out(reader: Reader) -> None:
    """A line of a JSON file has bytes that are no UTF-8: it is rejected and counted."""
    feed = contract({"columns": (column("id"),)}, format="ndjson")
    loaded = reader.load(feed, b'\xef\xbb\xbf{"id":"\xc3\xa9"}\n{"id":"\xe9"}\n')
    assert reader.rows(loaded) == [("é",)]
    assert (loaded.received, loaded.unreadable) == (2, 1)


BROKEN_PAGES = {
    "UNREADABLE_FILE": (
        '{"data": [{"id": "Canarysurname"',
        '{"data": [{"id": "1"},]}',
        '{"data": [{"id": NaN}]}',
        '{"data": [{"id": "1"}]} {"data": []}',
    ),
    "RECORDS_MISSING": ('{"error": "Canarysurname"}', '{"data": {}}', "[]", "1"),
    "EMPTY_FILE": ("",),
}


@pytest.mark.fault("T27", code="UNREADABLE_FILE", outcome="held")
@pytest.mark.parametrize(
    ("code", "page"), [(c, page) for c, pages in BROKEN_PAGES.items() for page in pages]
)
def test_t27_a_page_that_is_no_json_is_held(
    reader: Reader, code: str, page: str
) -> None:
    """A landed page is cut, has NaN, or has no list of rows: the delivery is held."""
    table = {"columns": (column("id"),), "records": "$.data[*]"}
    good = json.dumps({"data": [{"id": "1"}]}).encode()
    with pytest.raises(DeliveryHeld) as caught:
        reader.load(contract(table, format="json"), good, page.encode())
    assert caught.value.code == code
    assert "row, file 2 of 2: " in caught.value.detail
    assert "Canarysurname" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.fault("T27", code="UNREADABLE_FILE", outcome="held")
def test_t27_an_array_that_is_never_closed_is_held(reader: Reader) -> None:
    """A page is an array without its end, which DuckDB takes for whole: it is held."""
    feed = contract({"columns": (column("id"),)}, format="json")
    with pytest.raises(DeliveryHeld) as caught:
        reader.load(feed, b'[{"id": "1"}, {"id": "2"}')
    assert caught.value.code == "UNREADABLE_FILE"
