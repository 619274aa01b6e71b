"""The scan finds a planted identifier wherever it hides, none in a clean tree."""

import gzip
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import (
    Finding,
    scan,
    scan_tables,
    scan_tree,
)
from concord.exceptions import ConfigError, DisclosureRefused
from tests.support.leaks import CANARY, PEOPLE, PLANTS, parquet_data

IDENTITIES = (
    "Rosalind", "Thackeray", "José", "Núñez", "518-44-9021", "518449021", "604821",
    "0094417", "555-0148", "5550148", "IL50221877", "Wisteria", CANARY,
)  # fmt: skip


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return Dictionary.from_vault([PEOPLE], tokens=[CANARY], key=b"k" * 32)


def kinds(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.kind for finding in findings}


def scan_text(text: str | bytes, dictionary: Dictionary, folder: Path) -> set[str]:
    path = folder / "run.log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return kinds(scan([path], dictionary))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("linked Rosalind Thackeray tonight", "name"),
        ("THACKERAY, ROSALIND", "name"),
        ("rosalind_thackeray.pdf", "name"),
        ("Thackeray, Rosalind M.", "name"),
        ("rosalind mae thackeray", "name"),
        ("<td>Rosalind</td><td>Thackeray</td>", "name"),
        ("JOSÉ NÚÑEZ ORTEGA", "name"),
        ("Jose Nunez-Ortega", "name"),
        ("row 12: 518-44-9021 is not a date", "ssn"),
        ("518 44 9021", "ssn"),
        ("ssn=518449021", "ssn"),
        ('["518449021"]', "ssn"),
        ("call (217) 555-0148", "phone"),
        ("+1-217-555-0199", "phone"),
        ("phone: 2175550148", "phone"),
        ("to rosalind.thackeray@example.org", "email"),
        ("P-0094417", "source_id"),
        ("person_id p0094417", "source_id"),
        ("student_id=604821", "source_id"),
        ("Patient/604821", "source_id"),
        ("SID il50221877", "state_id"),
        ("at 1409 wisteria ct.", "street"),
        ("604821|F|1987|518449021", "ssn"),
        ("518449021\t2175550148", "phone"),
        ("Thackeray 1987-02-11", "birth_name"),
        ("02/11/1987;THACKERAY", "birth_name"),
        (f"x{CANARY}y", "token"),
    ],
)
def test_every_way_of_writing_is_found(
    text: str, kind: str, dictionary: Dictionary, tmp_path: Path
) -> None:
    assert kind in scan_text(text, dictionary, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "Rosalind met Thackeray",
        "Rosalinda Thackerays",
        "518449021 rows",
        "duration 0.518449021 s",
        "2026-01-05 02:00:00.604821",
        "wrote 604821 rows, 2175550199 bytes",
        "1518-44-90210",
        "UNKNOWN, UNKNOWN",
        "000-00-0000",
        "1987-02-11 in 62704",
        "88",
        "",
    ],
)
def test_what_only_resembles_an_identifier_is_not_found(
    text: str, dictionary: Dictionary, tmp_path: Path
) -> None:
    assert scan_text(text, dictionary, tmp_path) == set()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_identifier_is_found_and_never_shown(
    plant: Callable[[Path], None], dictionary: Dictionary, tmp_path: Path
) -> None:
    plant(tmp_path)

    findings = scan_tree([tmp_path], dictionary)

    assert kinds(findings) & {"name", "ssn", "token"}
    assert "unreadable" not in kinds(findings)
    shown = f"{findings!r} {[str(finding) for finding in findings]}".lower()
    assert not [value for value in IDENTITIES if value.lower() in shown]


def test_a_clean_tree_has_no_finding(dictionary: Dictionary, tmp_path: Path) -> None:
    table = pa.table(
        {
            "person_token": [f"per_{number:026}" for number in range(500)],
            "birth_decade": pa.array([1980] * 500, pa.int16()),
            "note": ["Rosalind", "Thackeray"] * 250,
        }
    )
    pq.write_table(table, tmp_path / "person.parquet", compression="zstd")
    with sqlite3.connect(tmp_path / "ledger.db") as con:
        con.execute("CREATE TABLE event (at TEXT, rows INT, blob BLOB)")
        con.execute("INSERT INTO event VALUES ('02:00:00.604821', 518449021, x'00ff')")
    con.close()
    with duckdb.connect(str(tmp_path / "catalog.duckdb")) as con:
        con.execute("CREATE VIEW person AS SELECT 1 AS n")
    (tmp_path / "task.log.gz").write_bytes(gzip.compress(b"rows=604821\n" * 1000))
    (tmp_path / "report.html").write_text("<p>2175550199 bytes in 518449021 ns</p>")
    (tmp_path / "empty").touch()

    assert scan_tree([tmp_path], dictionary) == ()


def test_a_finding_names_artefact_place_kind_and_fingerprint(tmp_path: Path) -> None:
    folder = tmp_path / "r000001" / "person"
    folder.mkdir(parents=True)
    parquet_data(folder)

    def in_column(key: bytes) -> Finding:
        findings = scan_tree([tmp_path], Dictionary.from_vault([PEOPLE], key=key))
        (finding,) = (f for f in findings if f.locator.startswith("column"))
        return finding

    finding = in_column(b"k" * 32)

    assert finding.artefact == "r000001/person/t.parquet"
    assert finding.locator == "column note, row group 1"
    assert finding.kind == "name"
    assert in_column(b"k" * 32) == finding
    assert in_column(b"x" * 32).fingerprint != finding.fingerprint


def test_a_byte_offset_leads_there(dictionary: Dictionary, tmp_path: Path) -> None:
    path = tmp_path / "task.log"
    path.write_text("." * 5_000_000 + f" {CANARY} ")

    (finding,) = scan([path], dictionary, base=tmp_path)

    assert (finding.artefact, finding.locator) == ("task.log", "byte 5000001")


def nested_gzip(content: bytes, times: int) -> bytes:
    for _ in range(times):
        content = gzip.compress(content, mtime=0)
    return content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.parquet", b"PAR1 not really PAR1"),
        ("broken.zip", b"PK\x03\x04 not really"),
        ("broken.db", b"SQLite format 3\x00 not really"),
        ("broken.duckdb", b"01234567DUCK not really"),
        ("work.duckdb.gz", gzip.compress(b"01234567DUCK and more", mtime=0)),
        ("deep.gz", nested_gzip(b"Rosalind", 5)),
        ("cut.gz", gzip.compress(b"Rosalind Thackeray " + bytes(5000), mtime=0)[:-12]),
    ],
)
def test_what_cannot_be_opened_is_reported(
    name: str, content: bytes, dictionary: Dictionary, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    findings = scan_tree([tmp_path], dictionary)

    assert "unreadable" in kinds(findings)
    assert ("name" in kinds(findings)) == (name == "cut.gz")


def test_a_file_that_may_not_be_read_is_reported(
    dictionary: Dictionary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_text("clean")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)

    assert kinds(scan([tmp_path / "a.log"], dictionary)) == {"unreadable"}


def test_a_member_too_large_to_unpack_is_scanned_in_part_and_reported(
    dictionary: Dictionary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concord.disclosure.artefacts.LARGEST_MEMBER", 100_000)
    content = b"Rosalind Thackeray" + bytes(300_000) + CANARY.encode()
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(content))

    assert kinds(scan_tree([tmp_path], dictionary)) == {"name", "unreadable"}


def test_a_file_that_vanishes_meanwhile_is_skipped(
    dictionary: Dictionary, tmp_path: Path
) -> None:
    assert scan([tmp_path / "rotated.log"], dictionary) == ()


def test_a_condemned_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    tokens = [f"zqxtoken{number:05}" for number in range(3000)]
    (tmp_path / "a.log").write_text(" ".join(tokens))

    findings = scan_tree([tmp_path], Dictionary.from_vault([], tokens=tokens))

    assert len(findings) == 1000


def test_a_single_file_can_be_scanned(dictionary: Dictionary, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(CANARY)

    (finding,) = scan_tree([tmp_path / "a.log"], dictionary)

    assert finding.artefact == "a.log"


def test_a_pipe_does_not_stop_the_scan(dictionary: Dictionary, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert scan_tree([tmp_path], dictionary) == ()


def test_a_token_must_be_long_enough_to_be_unique() -> None:
    with pytest.raises(ConfigError, match="canary token 2"):
        Dictionary.from_vault([], tokens=[CANARY, "M"])


def test_an_empty_dictionary_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("Rosalind Thackeray")

    assert scan_tree([tmp_path], Dictionary.from_vault([])) == ()


def test_the_dictionary_never_shows_an_identifier(dictionary: Dictionary) -> None:
    assert repr(dictionary) == f"Dictionary({len(dictionary)} forms)"
    assert len(dictionary) > 20


def test_clean_tables_pass_the_gate(dictionary: Dictionary) -> None:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE person AS SELECT 'per_0' AS person_token, 518449021 AS n, "
            "DATE '2026-01-01' AS year, 'Rosalind' AS note"
        )

        scan_tables(con, ["person"], dictionary)


@pytest.mark.parametrize("value", ["'THACKERAY ROSALIND'", "'518449021'", "['604821']"])
def test_a_leak_in_a_table_closes_the_gate(value: str, dictionary: Dictionary) -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE incident AS SELECT {value} AS note, 1 AS n")

        with pytest.raises(DisclosureRefused) as refused:
            scan_tables(con, ["incident"], dictionary)

    message = str(refused.value)
    assert "table incident, column note: " in message
    assert "× 1" in message
    assert not [value for value in IDENTITIES if value.lower() in message.lower()]
