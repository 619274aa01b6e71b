"""Artefacts are looked through side by side, and the positive control can fail."""

from pathlib import Path

import pyarrow as pa
import pytest

from concord.disclosure import searching
from concord.disclosure.control import control, planted
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.searching import Artefact, KindResult, by_kind, search

PERSONS = pa.table(
    {
        "first_name": ["Rosalind", "Joséphine", "Unknown"],
        "last_name": ["Thackeray", "de la Brambleton", "Unknown"],
        "ssn": ["518-44-9021", "412559871", None],
        "phone": ["+1 (217) 555-0148", None, None],
        "source_id": ["604821", "P-0094417", "88"],
    }
)
DICTIONARY = Dictionary.from_vault([PERSONS], key=b"k" * 32)


def test_processes_find_what_one_alone_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        text = "call 518-44-9021" if number % 2 else "nobody here"
        (tmp_path / f"{number}.log").write_text(text)
    paths = sorted(tmp_path.iterdir())
    artefacts = [Artefact("logs", path, tmp_path) for path in paths]
    sizes: list[int] = []

    alone = search(artefacts, DICTIONARY, tell=sizes.append)
    monkeypatch.setattr(searching, "SMALL", 0)
    spread = search(artefacts, DICTIONARY, workers=2)

    assert sum(sizes) == sum(path.stat().st_size for path in paths)
    assert sorted(f for one in spread for f in one.findings) == sorted(
        f for one in alone for f in one.findings
    )
    assert by_kind(spread) == (KindResult("logs", 6, sum(sizes), 3),)


def test_what_lies_sealed_need_not_open(tmp_path: Path) -> None:
    path = tmp_path / "visit.parquet"
    path.write_bytes(b"PARE" + bytes(100))

    (there,) = search([Artefact("content", path, tmp_path, sealed=True)], DICTIONARY)
    (elsewhere,) = search([Artefact("release", path, tmp_path)], DICTIONARY)

    assert there.findings == ()
    assert [f.kind for f in elsewhere.findings] == ["unreadable"]


def test_a_file_that_is_gone_is_looked_through_with_nothing_found(
    tmp_path: Path,
) -> None:
    (one,) = search([Artefact("logs", tmp_path / "gone.log", tmp_path)], DICTIONARY)
    assert (one.size, one.findings) == (0, ())


def test_the_control_sees_every_identifier_of_the_vault() -> None:
    seen = control(DICTIONARY, [PERSONS])

    assert (seen.sought, seen.seen) == (7, 7)  # two names, two SSNs, a phone, two ids
    assert seen.passed
    assert str(seen) == "7 of 7 identifiers seen (100.0%)"


def test_the_control_fails_where_the_scan_is_blind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Dictionary, "hits", lambda *_, **__: iter(()))

    assert not control(DICTIONARY, [PERSONS]).passed


def test_a_vault_without_anybody_proves_nothing() -> None:
    assert not control(Dictionary.from_vault([]), [PERSONS]).passed


def test_planted_records_are_known_by_one_of_their_tokens() -> None:
    records = [["Zqxbalo", "zqxmail77@example.org"], ["Zqxtero", "zqxnever99"]]
    tokens = [token for record in records for token in record]
    vault = pa.table({"first_name": ["Zqxbalo", "Ann"], "age": [1, 2]})

    found = planted(Dictionary.from_vault([], tokens=tokens), records, [vault])

    assert (found.sought, found.seen, found.passed) == (2, 1, False)
