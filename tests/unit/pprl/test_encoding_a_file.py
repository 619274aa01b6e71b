"""What an agency runs: keys that protect, whole files, errors without values."""

import csv
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord.cli import app
from concord.exceptions import ContractError, DataError, KeyCustodyError
from concord.key_files import PUBLISHED
from concord.pprl.columns import load_columns
from concord.pprl.encoder import Encoder
from concord.pprl.files import CROWD, encode_file
from concord.pprl.keys import LinkageKey, create_key, load_key
from concord.settings import PROJECT

HEADER = "client,first,last,born,house,street,zip\n"
ROWS = (
    "C3,Ann,Zimmer,02/29/1984,12,Oak St,62701\n"
    "C1,Bob,Adams,12/01/1990,7,Elm St,62702\n"
    "C2,Cy,Miller,,,,N/A\n"
)
COLUMNS = """\
recordId: client
fields:
  given_name: first
  surname: last
  birth_date: born
  street: [house, street]
  postcode: zip
dateFormat: "%m/%d/%Y"
unknown: ["N/A"]
"""
KEY = LinkageKey(bytes(range(7, 39)))
CANARY = "Quillfeather"


class Agency:
    """A folder with a columns file and a CSV file."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "clients.csv"
        self.target = folder / "encodings.csv"
        self.columns = folder / "columns.yaml"
        self.key = folder / "linkage.key"
        self.columns.write_text(COLUMNS, encoding="utf-8")

    def encode(self, text: str | bytes, **options):
        data = text.encode() if isinstance(text, str) else text
        self.source.write_bytes(data)
        columns = load_columns(self.columns)
        encoder = Encoder(KEY, columns.mode, columns.sources)
        return encode_file(self.source, self.target, columns, encoder, **options)

    def rows(self) -> list[dict[str, str]]:
        with self.target.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def refused(self, text: str | bytes, code: str) -> str:
        """Encode what can't be; return the message, which holds no value."""
        with pytest.raises(DataError) as caught:
            self.encode(text)
        error = caught.value
        assert error.code == code
        assert CANARY not in f"{error}{error.__cause__}{error.__context__}"
        assert not self.target.exists()
        assert not list(self.target.parent.glob("*.part"))
        return error.detail


@pytest.fixture
def agency(tmp_path) -> Agency:
    return Agency(tmp_path)


def test_encodings_hold_no_value_and_come_in_order_of_record_ids(agency):
    written = agency.encode(HEADER + ROWS)
    rows = agency.rows()
    assert [row["record_id"] for row in rows] == ["C1", "C2", "C3"]
    assert list(rows[0]) == ["record_id", "encoding", "encoding_birth", "encoding_name"]
    assert {row["encoding"] for row in rows} == {written.label}
    assert [bool(row["encoding_birth"]) for row in rows] == [True, False, True]
    assert written.encoded == {"encoding_birth": 2, "encoding_name": 2, "none": 1}
    text = agency.target.read_text().lower()
    assert not [v for v in ("zimmer", "adams", "oak", "1984", "62701") if v in text]
    assert stat.S_IMODE(agency.target.stat().st_mode) == 0o600


def test_how_a_file_is_written_does_not_change_the_encodings(agency):
    agency.encode(HEADER + ROWS)
    first = agency.rows()
    agency.columns.write_text(
        COLUMNS + 'delimiter: ";"\nencoding: utf-16\n', encoding="utf-8"
    )
    changed = (HEADER + ROWS.upper()).replace(",", ";").replace("\n", "\r\n")
    agency.encode(changed.encode("utf-16"))
    assert agency.rows() == first


def test_a_salt_that_too_many_share_is_not_used(agency):
    rows = [f"C{n},P{chr(65 + n % 26)}{chr(65 + n // 26)},X,01/02/1990,1,A St,62701\n"
            for n in range(CROWD + 1)]  # fmt: skip
    written = agency.encode(HEADER + "".join(rows) + ROWS.replace("C", "D"))
    by_id = {row["record_id"]: row for row in agency.rows()}
    assert not any(by_id[f"C{n}"]["encoding_birth"] for n in range(CROWD + 1))
    assert by_id["D1"]["encoding_birth"]
    assert written.crowded >= 1
    agency.encode(HEADER + "".join(rows[:CROWD]))
    assert all(row["encoding_birth"] for row in agency.rows())


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (f"C9,{CANARY},X,1984-02-29,1,A St,62701\n",
         "line 5, born: is no date of the form %m/%d/%Y"),
        (f"C9,{CANARY},X,02/30/1984,1,A St,62701\n",
         "line 5, born: is no date of the form %m/%d/%Y"),
        (f"C9,{CANARY},X,02/28/1984\n", "line 5: 4 columns, 7 are needed"),
        (f"C1,{CANARY},X,,1,A St,62701\n",
         "line 5, client: stands on an earlier line too"),
        (f",{CANARY},X,,1,A St,62701\n", "line 5, client: is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_encoded_is_told_by_line_and_column(agency, row, detail):
    told = agency.refused(HEADER + ROWS + row, "ENCODE_VALUES")
    assert told == f"1 places can't be encoded: {detail}"


def test_bad_dates_may_be_taken_for_unknown_but_nothing_else(agency):
    bad = "C9,Di,Young,soon,1,A St,62701\n"
    written = agency.encode(HEADER + ROWS + bad, bad_dates_unknown=True)
    assert (written.records, written.unusable) == (4, 1)
    assert agency.rows()[3]["encoding_birth"] == ""
    agency.target.unlink()
    agency.refused(HEADER + ROWS + "C1,,,,,,\n", "ENCODE_VALUES")


def test_a_file_without_a_header_is_refused_without_showing_its_first_person(agency):
    told = agency.refused(f"C9,{CANARY},X,02/28/1984,1,A St,62701\n", "ENCODE_HEADER")
    assert told == "line 1 has no column born, client, first, house, last, street, zip"


@pytest.mark.parametrize(
    "data",
    [
        HEADER.encode() + f"C9,{CANARY}\xe9,X,,,,\n".encode("latin-1"),
        (HEADER + f'C9,"{CANARY},X,,,,\n').encode(),
    ],
    ids=["another encoding", "an open quote"],
)
def test_a_file_that_is_not_as_declared_is_refused(agency, data):
    agency.refused(data, "ENCODE_UNREADABLE")


def test_the_agencys_own_file_is_never_overwritten(agency):
    agency.encode(HEADER + ROWS)
    agency.target = agency.source
    with pytest.raises(DataError, match="overwrite"):
        agency.encode(HEADER + ROWS)
    assert agency.source.read_text() == HEADER + ROWS


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("ab" * 32, 0o400, "not random"),
        ("00" * 32, 0o400, "not random"),
        (PUBLISHED.hex(), 0o400, "published test vectors"),
        (bytes(range(7, 23)).hex(), 0o400, "16 bytes, 32 are needed"),
        ("correct horse battery staple", 0o400, "not hexadecimal"),
        (bytes(range(7, 39)).hex(), 0o444, "lets others read it"),
        (bytes(range(7, 39)).hex(), 0o640, "lets others read it"),
    ],
)
def test_a_key_that_protects_nobody_is_refused_and_not_shown(
    tmp_path, text, mode, problem
):
    path = tmp_path / "linkage.key"
    path.write_text(text + "\n", encoding="ascii")
    path.chmod(mode)
    with pytest.raises(KeyCustodyError, match=problem) as caught:
        load_key(path)
    assert text not in f"{caught.value}{caught.value.__context__!r}"


def test_a_missing_key_says_who_has_it(tmp_path):
    with pytest.raises(KeyCustodyError, match="holder of the linkage key"):
        load_key(tmp_path / "none.key")


def test_a_new_key_is_random_private_and_never_replaced(tmp_path):
    path = tmp_path / "linkage.key"
    create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    secret = load_key(path).secret
    assert len(secret) == 32
    with pytest.raises(KeyCustodyError, match="exists"):
        create_key(path)
    assert load_key(path).secret == secret
    assert secret.hex() not in repr(load_key(path))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("mode: plain\n", "recoverable by whoever knows"),
        ("dateFormat: YYYY\n", "is no date format"),
        ("passphrase: x\n", "passphrase"),
    ],
)
def test_a_columns_file_that_is_wrong_says_where(agency, change, told):
    text = COLUMNS.replace('dateFormat: "%m/%d/%Y"\n', "") + change
    agency.columns.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=told):
        load_columns(agency.columns)


def test_fields_without_which_nobody_is_linked_are_demanded(agency):
    agency.columns.write_text(COLUMNS.replace("  birth_date: born\n", ""))
    with pytest.raises(ContractError, match="fields lack birth_date"):
        load_columns(agency.columns)


def test_the_commands_make_a_key_a_label_and_encodings(agency):
    run = CliRunner().invoke
    made = run(app, ["pprl", "key", "--to", str(agency.key)])
    assert made.exit_code == 0, made.output
    agency.source.write_text(HEADER + ROWS, encoding="utf-8")
    given = ["--columns", str(agency.columns), "--key", str(agency.key)]
    label = run(app, ["pprl", "label", *given]).output.strip()
    done = run(app, ["pprl", "encode", str(agency.source), *given, "--to",
                     str(agency.target)])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "3 records" in done.output
    assert {row["encoding"] for row in agency.rows()} == {label}
    agency.key.chmod(0o444)
    refused = run(app, ["pprl", "label", *given])
    assert refused.exit_code == 1
    assert "KeyCustodyError" in refused.output


def test_progress_is_told_to_its_end(agency):
    told = []
    agency.encode(HEADER + ROWS, progress=lambda *what: told.append(what))
    assert told[-1] == ("encoding", 3, 3)
    assert told[0][0] == "reading"


def test_the_encoder_needs_no_engine_and_no_scheduler():
    heavy = ("airflow", "duckdb", "great_expectations", "splink", "pyarrow", "pandas")
    code = (
        "import sys\n"
        "import concord.cli, concord.pprl.files, concord.pprl.vectors\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "plugins")},
    )
    assert done.stdout.strip() == "[]"
