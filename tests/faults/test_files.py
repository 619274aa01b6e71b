"""Files that are not as agreed: read by the contract, held, or rows left out."""

import tracemalloc
from pathlib import Path

import pytest

from concord.contracts.models import Contract
from concord.exceptions import DeliveryHeld
from concord.parsing import blocks
from concord.parsing.loading import load
from tests.support.small_contract import NUMBER, Reader, column, contract

CANARY = "Canarysurname"
HEADER = b"id,name,day\n"
GOOD = b"1,Ada,2026-01-05\n"


def agreed(**delivery: object) -> Contract:
    """Return a contract of three columns."""
    columns = (
        column("id", required=True, key_position=1, concept=NUMBER),
        column("name", renamed_from="full_name"),
        column("day", type="date", required=True),
    )
    return contract({"columns": columns}, **delivery)


def held(reader: Reader, feed: Contract, data: bytes) -> DeliveryHeld:
    """Load a file that must be held, and return why; it tells nothing of a row."""
    with pytest.raises(DeliveryHeld) as caught:
        reader.load(feed, data)
    error = caught.value
    assert CANARY not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


@pytest.mark.fault("F1", code="EMPTY_FILE", outcome="held")
def test_f1_a_file_of_no_bytes_is_held(reader: Reader) -> None:
    """A file has 0 bytes, which DuckDB reads as success: it is held."""
    assert held(reader, agreed(), b"").code == "EMPTY_FILE"


@pytest.mark.fault("F2", code="NO_ROWS", outcome="held")
def test_f2_a_header_alone_is_held(reader: Reader) -> None:
    """A full extract is a header and no row: held, unless the contract allows it."""
    assert held(reader, agreed(), HEADER).code == "NO_ROWS"
    assert reader.load(agreed(emptyAllowed=True), HEADER).received == 0


@pytest.mark.fault("F2", outcome="accepted")
def test_f2_an_increment_may_be_a_header_alone(reader: Reader) -> None:
    """An increment is a header and no row, as on a quiet night: it is accepted."""
    assert reader.load(agreed(mode="increment"), HEADER).received == 0
    error = held(reader, agreed(mode="increment", emptyAllowed=False), HEADER)
    assert error.code == "NO_ROWS"


@pytest.mark.fault("F3", code="HEADER_MISSING", outcome="held")
def test_f3_a_file_without_a_header_is_held(reader: Reader) -> None:
    """The first line is a row already: the file is held, and the line is not quoted."""
    error = held(reader, agreed(), f"1,{CANARY},2026-01-05\n".encode() + GOOD)
    assert error.code == "HEADER_MISSING"


@pytest.mark.fault("F4", code="WRONG_DELIMITER", outcome="held")
@pytest.mark.parametrize(("found", "shown"), [(b";", "';'"), (b"\t", r"'\t'")])
def test_f4_another_delimiter_is_named(
    reader: Reader, found: bytes, shown: str
) -> None:
    """Columns are separated by another character: held, with both characters named."""
    error = held(reader, agreed(), (HEADER + GOOD).replace(b",", found))
    assert error.code == "WRONG_DELIMITER"
    assert f"separated by {shown}, the contract says ','" in error.detail


@pytest.mark.fault("F4", outcome="accepted")
def test_f4_a_contracted_delimiter_is_read(reader: Reader) -> None:
    """Columns are separated by the character that the contract names."""
    loaded = reader.load(agreed(delimiter=";"), (HEADER + GOOD).replace(b",", b";"))
    assert reader.rows(loaded)[0][:2] == ("1", "Ada")


@pytest.mark.fault("F5", outcome="accepted")
@pytest.mark.parametrize("header", [HEADER, b'"id","name","day"\n'])
def test_f5_a_byte_order_mark_is_stripped(reader: Reader, header: bytes) -> None:
    """A UTF-8 file begins with a byte order mark: it is stripped, and told."""
    loaded = reader.load(agreed(), b"\xef\xbb\xbf" + header + GOOD)
    assert reader.rows(loaded)[0][:2] == ("1", "Ada")
    assert loaded.notes == {"byte_order_mark": 1}


@pytest.mark.fault("F6", code="WRONG_ENCODING", outcome="held")
@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_f6_utf_16_is_held(reader: Reader, mark: bytes) -> None:
    """A file is UTF-16 and the contract says UTF-8: held, not decoded by guessing."""
    codec = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    data = mark + (HEADER + GOOD).decode().encode(codec)
    error = held(reader, agreed(), data)
    assert error.code == "WRONG_ENCODING"
    assert "the file is utf-16, the contract utf-8" in error.detail


@pytest.mark.fault("F6", outcome="accepted")
def test_f6_contracted_utf_16_is_read(reader: Reader) -> None:
    """A file is UTF-16 as the contract says."""
    data = "id,name,day\n1,Zoë,2026-01-05\n".encode("utf-16")
    loaded = reader.load(agreed(encoding="utf-16"), data)
    assert reader.rows(loaded)[0][1] == "Zoë"


@pytest.mark.fault("F7", code="WRONG_ENCODING", outcome="held")
def test_f7_bytes_of_another_encoding_are_held_with_the_line(reader: Reader) -> None:
    """A byte is no UTF-8: held with the line, not decoded by guessing."""
    data = HEADER + GOOD + f"2,{CANARY}é,2026-01-05\n".encode("latin-1")
    error = held(reader, agreed(), data)
    assert error.code == "WRONG_ENCODING"
    assert "line 3 is not utf-8" in error.detail


@pytest.mark.fault("F7", outcome="accepted")
@pytest.mark.parametrize(
    ("encoding", "name"), [("latin-1", "José Ñuñez"), ("cp1252", "O’Néil €")]
)
def test_f7_a_contracted_encoding_is_decoded(
    reader: Reader, encoding: str, name: str
) -> None:
    """A file is in the contract's one-byte encoding: decoded, non-ASCII counted."""
    data = HEADER + f"1,{name},2026-01-05\n".encode(encoding)
    loaded = reader.load(agreed(encoding=encoding), data)
    assert reader.rows(loaded)[0][1] == name
    assert loaded.notes == {"beyond_ascii": sum(not c.isascii() for c in name)}


@pytest.mark.fault("F7", code="WRONG_ENCODING", outcome="held")
def test_f7_a_byte_that_the_contracted_encoding_lacks_is_held(reader: Reader) -> None:
    """A byte stands for nothing in the contracted cp1252: held with the line."""
    data = HEADER + GOOD * 3 + b"2,\x81,2026-01-05\n"
    error = held(reader, agreed(encoding="cp1252"), data)
    assert "line 5 is not cp1252" in error.detail


@pytest.mark.fault("F8", code="NUL_BYTE", outcome="held")
def test_f8_a_nul_byte_is_held_with_its_line(reader: Reader) -> None:
    """A NUL byte stands in a row, and every CSV reader lets it pass: held."""
    error = held(reader, agreed(), HEADER + GOOD + b"2,\0,2026-01-05\n")
    assert error.code == "NUL_BYTE"
    assert "line 3" in error.detail


@pytest.mark.fault("F9", outcome="accepted")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_f9_a_line_end_in_quotes_is_text(reader: Reader, end: str) -> None:
    """A quoted value holds line ends and doubled quotes: it is one value."""
    name = f'first{end}second ""line"", 3rd'
    data = f'id,name,day{end}1,"{name}",2026-01-05{end}2,Ada,2026-01-06{end}'
    loaded = reader.load(agreed(), data.encode())
    assert [row[1] for row in reader.rows(loaded)] == [name.replace('""', '"'), "Ada"]
    assert loaded.received == 2


@pytest.mark.fault("F10", code="UNCLOSED_QUOTE", outcome="held")
@pytest.mark.parametrize(
    "after", [b"", GOOD, b'3,"Bo",2026-01-05\n', b'3,Bo,"2026-01-05"\n']
)
def test_f10_an_unclosed_quote_is_held_with_its_line(
    reader: Reader, after: bytes
) -> None:
    """A quote is never closed and would swallow what follows: held with the line."""
    data = HEADER + GOOD + f'2,"{CANARY},2026-01-05\n'.encode() + after
    error = held(reader, agreed(), data)
    assert error.code == "UNCLOSED_QUOTE"
    assert "the quote on line 3 is not closed" in error.detail


@pytest.mark.fault("F11", outcome="counted")
@pytest.mark.parametrize(
    "row",
    [
        b'2,x"y,2026-01-05',
        b'2,"x"y,2026-01-05',
        b'2,"x"y",2026-01-05',
        b'2,x"y"z,2026-01-05',
        b'2, "x",2026-01-05',
        b"2,x\ry,2026-01-05",
    ],
)
def test_f11_a_row_with_a_stray_quote_is_left_out(reader: Reader, row: bytes) -> None:
    """A quote stands where none may, as text for some readers: the row is rejected."""
    multi = b'3,"a\nb",2026-01-05\n'
    loaded = reader.load(agreed(), HEADER + GOOD + row + b"\n" + multi + row + b"\n")
    assert [r[0] for r in reader.rows(loaded)] == ["1", "3"]
    assert (loaded.received, loaded.unreadable) == (4, 2)


@pytest.mark.fault("F11", outcome="accepted")
def test_f11_a_quote_in_a_field_is_text_if_contracted(reader: Reader) -> None:
    """Inches stand in values without quotes, and the contract says that they may."""
    data = HEADER + b"1,6'2\",2026-01-05\n" + b'2,"a ""b""",2026-01-05\n'
    loaded = reader.load(agreed(strayQuotes="text"), data)
    assert [row[1] for row in reader.rows(loaded)] == ["6'2\"", 'a "b"']


@pytest.mark.fault("F12", outcome="counted")
def test_f12_short_and_long_rows_are_left_out(reader: Reader) -> None:
    """Rows have too few or too many values: rejected and counted, none padded."""
    data = HEADER + GOOD + b"2,Bo\n3,Cy,2026-01-05,more\n" + GOOD
    loaded = reader.load(agreed(), data)
    assert (loaded.received, loaded.unreadable) == (4, 2)
    assert len(reader.rows(loaded)) == 2


@pytest.mark.fault("F13", code="CUT_LAST_LINE", outcome="held")
def test_f13_a_last_line_without_an_end_is_held(reader: Reader) -> None:
    """The last line has no end, so the file may be cut: held, unless so contracted."""
    data = HEADER + GOOD + b"2,Bo,2026-01-0"
    assert held(reader, agreed(), data).code == "CUT_LAST_LINE"
    whole = HEADER + GOOD + GOOD.rstrip()
    assert reader.load(agreed(finalNewline=False), whole).received == 2


TRAILER = r"TRAILER\|(\d+)"


@pytest.mark.fault("F14", code="TRAILER_MISMATCH", outcome="held")
def test_f14_a_trailer_with_another_count_is_held(reader: Reader) -> None:
    """The last line announces another number of rows than there are: held."""
    data = HEADER + GOOD * 3 + b"TRAILER|4\n"
    error = held(reader, agreed(trailer=TRAILER), data)
    assert error.code == "TRAILER_MISMATCH"
    assert "3 rows, the trailer says 4" in error.detail
    error = held(reader, agreed(trailer=TRAILER), HEADER + GOOD)
    assert error.code == "CUT_LAST_LINE"


@pytest.mark.fault("F14", outcome="accepted")
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_f14_a_trailer_with_the_right_count_is_no_row(
    reader: Reader, end: bytes
) -> None:
    """The last line announces as many rows as there are, damaged ones included."""
    lines = HEADER + GOOD + b'2,x"y,2026-01-05\n' + GOOD
    if end == b"\r\n":
        lines = lines.replace(b"\n", end)
    loaded = reader.load(agreed(trailer=TRAILER), lines + b"TRAILER|3" + end)
    assert (loaded.received, loaded.unreadable) == (3, 1)
    assert len(reader.rows(loaded)) == 2


@pytest.mark.fault("F15", code="DUPLICATE_HEADER", outcome="held")
@pytest.mark.parametrize("header", [b"id,name,day,id\n", b"id,name,full_name,day\n"])
def test_f15_a_column_name_twice_is_held(reader: Reader, header: bytes) -> None:
    """Two columns have one name, or the old and the new one of a column: held."""
    assert held(reader, agreed(), header + GOOD).code == "DUPLICATE_HEADER"


@pytest.mark.fault("F16", outcome="accepted")
def test_f16_reordered_columns_are_mapped_by_name(reader: Reader) -> None:
    """Columns come in another order: each is found by its name."""
    loaded = reader.load(agreed(), b"day,id,name\n2026-01-05,1,Ada\n")
    assert reader.rows(loaded)[0][:2] == ("1", "Ada")


@pytest.mark.fault("F17", code="COLUMN_MISSING", outcome="held")
def test_f17_a_renamed_column_is_held(reader: Reader) -> None:
    """A column has a new name, which readers map by place: held, unless contracted."""
    error = held(reader, agreed(), f"id,{CANARY},day\n".encode() + GOOD)
    assert error.code == "COLUMN_MISSING"
    assert error.detail.endswith("header: name; column 2 is not in the contract")
    loaded = reader.load(agreed(), b"id,full_name,day\n" + GOOD)
    assert reader.rows(loaded)[0][1] == "Ada"


@pytest.mark.fault("F18", outcome="accepted")
def test_f18_an_added_column_is_told_and_ignored(reader: Reader) -> None:
    """A column is added: landed, told as a warning, read only once contracted."""
    data = b"id,ssn,name,day\n1,999-01-0001,Ada,2026-01-05\n"
    loaded = reader.load(agreed(), data)
    assert loaded.notes == {"columns_added": 1}
    assert [str(value) for value in reader.rows(loaded)[0]] == [
        "1",
        "Ada",
        "2026-01-05",
    ]


@pytest.mark.fault("F19", code="COLUMN_MISSING", outcome="held")
def test_f19_a_missing_column_is_held(reader: Reader) -> None:
    """A contracted column is gone: held, with its name."""
    error = held(reader, agreed(), b"id,day\n1,2026-01-05\n")
    assert error.code == "COLUMN_MISSING"
    assert error.detail.endswith("header: name")


@pytest.mark.fault("F20", outcome="accepted")
@pytest.mark.parametrize("quoted", [False, True])
def test_f20_mixed_line_ends_become_one(reader: Reader, quoted: bool) -> None:
    """Rows end with CR LF and with LF, which stops DuckDB: made one, and told."""
    name = "a\r\nb" if quoted else "a"
    shown = f'"{name}"' if quoted else name
    data = f"id,name,day\r\n1,{shown},2026-01-05\n2,{shown},2026-01-06\r\n"
    loaded = reader.load(agreed(), data.encode())
    assert [row[1] for row in reader.rows(loaded)] == [name, name]
    assert loaded.notes == {"mixed_line_ends": 1}


@pytest.mark.fault("F21", code="LINE_TOO_LONG", outcome="held")
def test_f21_a_line_without_end_costs_constant_memory(
    reader: Reader, tmp_path: Path
) -> None:
    """A line of 10 GB never ends: it is held at the line cap, in constant memory."""
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(HEADER + GOOD + b"2," + b"x" * (3 * blocks.CHUNK))
        file.truncate(10 << 30)  # sparse: the rest takes no disk
    feed = agreed(maxLineBytes=2 * blocks.CHUNK)
    tracemalloc.start()
    with pytest.raises(DeliveryHeld) as caught:
        load(reader.con, feed, feed.tables[0], [path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "LINE_TOO_LONG"
    assert "after line 2" in caught.value.detail
    assert peak < 8 * blocks.CHUNK
