"""What no CSV reader refuses by itself is refused before one reads."""

from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.exceptions import DeliveryHeld
from concord.parsing.preflight import CHUNK, check_delimited
from concord.settings import Settings

CONTRACT = load_registry(Settings()).contracts["police_rms"]
TABLE = CONTRACT.table("arrest")
HEADER = ",".join(c.source for c in TABLE.columns)
ROW = "AR00000001,IN00000001,MN00000001,2025-02-24,O,13B,,2025-02-24T23:00:00,I"


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "arrest.csv"
    path.write_bytes(data)
    return path


def test_a_good_file_gives_its_header(tmp_path) -> None:
    path = written(tmp_path, f"{HEADER}\n{ROW}\n".encode())
    assert check_delimited(path, CONTRACT, TABLE) == tuple(HEADER.split(","))


def test_a_byte_order_mark_is_stripped(tmp_path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbf" + f"{HEADER}\n{ROW}\n".encode())
    assert check_delimited(path, CONTRACT, TABLE)[0] == "arrest_id"


def test_reordered_columns_are_mapped_by_name(tmp_path) -> None:
    header = ",".join(reversed(HEADER.split(",")))
    path = written(tmp_path, f"{header}\n".encode())
    assert check_delimited(path, CONTRACT, TABLE) == tuple(header.split(","))


CASES = {
    "EMPTY_FILE": (b"", "0 bytes"),
    "NUL_BYTE": (f"{HEADER}\n{ROW}\nAR\0\n".encode(), "line 3"),
    "CUT_LAST_LINE": (f"{HEADER}\n{ROW}\nAR000".encode(), "line 3"),
    "WRONG_ENCODING": (f"{HEADER}\n".encode() + b"AR\xe9\n", "line 2 is not utf-8"),
    "WRONG_DELIMITER": (HEADER.replace(",", ";").encode() + b"\n", "separated by ','"),
    "DUPLICATE_HEADER": (
        f"{HEADER},arrest_id\n".encode(),
        "two columns have the same name",
    ),
    "COLUMN_MISSING": (
        HEADER.replace("arrest_date", "date_of_arrest").encode() + b"\n",
        "arrest_date",
    ),
    "LINE_TOO_LONG": (
        HEADER.encode() + b"\n" + b"x" * (CHUNK + 10) + b"\n",
        "without a line end",
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_a_bad_file_is_held(tmp_path, code) -> None:
    data, detail = CASES[code]
    with pytest.raises(DeliveryHeld, match=detail) as held:
        check_delimited(written(tmp_path, data), CONTRACT, TABLE)
    assert held.value.code == code
    assert held.value.feed == "police_rms"
    assert held.value.remedy


def test_a_character_across_two_chunks_is_read(tmp_path) -> None:
    line = ROW.encode() + b"\n"
    filler = line * ((CHUNK - len(HEADER) - 1) // len(line))
    start = HEADER.encode() + b"\n" + filler
    data = start + b"x" * (CHUNK - len(start) - 1) + "é".encode() + b"\n"
    assert data[CHUNK - 1 : CHUNK + 1] == "é".encode()
    check_delimited(written(tmp_path, data), CONTRACT, TABLE)
