"""Texts become typed values or counted faults; no row gets lost."""

import json
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.duck import connect
from concord.exceptions import DeliveryHeld
from concord.parsing.loading import load
from concord.settings import Settings

REGISTRY = load_registry(Settings())
POLICE, HOSPITAL = REGISTRY.contracts["police_rms"], REGISTRY.contracts["hospital"]
PROBATION = REGISTRY.contracts["probation"]
ARREST = POLICE.table("arrest")
HEADER = ",".join(c.source for c in ARREST.columns)


@pytest.fixture
def con(tmp_path):
    with connect(Settings(), tmp_path, timezone="America/Chicago") as opened:
        yield opened


def arrests(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "arrest.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def arrest(number: int, **changes: str) -> str:
    row = {
        "arrest_id": f"AR{number:08d}",
        "incident_id": "IN00000001",
        "person_id": "MN00000001",
        "arrest_date": "2025-02-24",
        "arrest_type": "O",
        "ucr_code": "13B",
        "disposition_under_18": "",
        "updated_at": "2025-02-24T23:00:00",
        "action": "I",
    }
    return ",".join({**row, **changes}.values())


def test_types_and_blanks(con, tmp_path) -> None:
    loaded = load(con, POLICE, ARREST, [arrests(tmp_path, arrest(1))])
    row = con.execute(
        "SELECT typeof(arrest_date), typeof(updated_at), disposition_under_18 "
        f"FROM {loaded.relation}"
    ).fetchall()
    assert row == [("DATE", "TIMESTAMP", None)]
    assert (loaded.received, loaded.rejected, loaded.unreadable) == (1, 0, 0)


@pytest.mark.parametrize("text", ["2025-02-30", "24/02/2025", "2025-02-24x", "n/a"])
def test_a_required_date_that_is_none_rejects_the_row(con, tmp_path, text) -> None:
    path = arrests(tmp_path, arrest(1), arrest(2, arrest_date=text))
    loaded = load(con, POLICE, ARREST, [path])
    assert (loaded.received, loaded.rejected) == (2, 1)
    faults = {t.column: t.faults for t in loaded.types}
    assert faults["arrest_date"] == 1


def test_a_broken_line_of_ndjson_is_counted(con, tmp_path) -> None:
    path = tmp_path / "Encounter.ndjson"
    good = {
        "id": "e1",
        "status": "finished",
        "class": {"code": "EMER"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2026-01-05T23:30:00-06:00"},
    }
    path.write_text(json.dumps(good) + '\n{"id": "e2", "sta\n')
    loaded = load(con, HOSPITAL, HOSPITAL.table("encounter"), [path])
    assert (loaded.received, loaded.rejected, loaded.unreadable) == (2, 0, 1)
    rows = con.execute(
        f"SELECT patient_id, started_at FROM {loaded.relation} WHERE NOT _rejected"
    ).fetchall()
    assert [(p, str(t)) for p, t in rows] == [("p1", "2026-01-05 23:30:00")]


def test_offsets_become_the_agencys_local_time(con, tmp_path) -> None:
    """The same instant in summer and written in UTC."""
    path = tmp_path / "Encounter.ndjson"
    times = ["2025-07-01T04:30:00+00:00", "2025-06-30T23:30:00-05:00"]
    path.write_text(
        "".join(
            json.dumps(
                {
                    "id": f"e{n}",
                    "status": "finished",
                    "class": {"code": "EMER"},
                    "subject": {"reference": "Patient/p1"},
                    "period": {"start": text},
                }
            )
            + "\n"
            for n, text in enumerate(times)
        )
    )
    loaded = load(con, HOSPITAL, HOSPITAL.table("encounter"), [path])
    local = con.execute(f"SELECT DISTINCT started_at FROM {loaded.relation}").fetchall()
    assert [str(t) for (t,) in local] == ["2025-06-30 23:30:00"]


def test_a_page_that_is_no_json_is_held_without_its_text(con, tmp_path) -> None:
    good, bad = tmp_path / "1.json", tmp_path / "2.json"
    good.write_text('{"data": []}')
    bad.write_text('{"data": [{"name": "SECRETNAME"')
    with pytest.raises(DeliveryHeld) as held:
        load(con, PROBATION, PROBATION.table("person"), [good, bad])
    assert held.value.code == "UNREADABLE_FILE"
    assert "file 2 of 2" in str(held.value)
    assert "SECRETNAME" not in str(held.value)
    assert held.value.__cause__ is None
    assert held.value.__context__ is None


def test_no_files_give_an_empty_typed_table(con) -> None:
    loaded = load(con, POLICE, ARREST, [])
    assert loaded.received == 0
    columns = con.execute(f"DESCRIBE {loaded.relation}").fetchall()
    assert ("arrest_date", "DATE") in [(name, kind) for name, kind, *_ in columns]
