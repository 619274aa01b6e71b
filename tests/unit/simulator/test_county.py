import hashlib
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from simulator.county import County

NIGHTS = ("2026-01-05", "2026-01-06", "2026-01-07")
ID_OF = {
    "police_rms": ("police_rms/*/*_person_*.csv", "person_id"),
    "probation": ("probation/*/persons.ndjson", "person_id"),
    "school": ("school/*/students.ndjson", "studentUniqueId"),
    "hospital": ("hospital/*/Patient.ndjson", "id"),
}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "night.txt"  # the agencies' clock
    }


def numbers(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[float, ...]:
    return tuple(con.execute(sql).fetchall()[0])


def test_same_seed_gives_same_bytes(county_root: Path, tmp_path: Path) -> None:
    again = County(7, 2000)
    for night in range(3):
        again.write_night(tmp_path, night)
    assert digests(tmp_path) == digests(county_root)


def test_a_night_does_not_depend_on_what_was_written_before(
    county_root: Path, tmp_path: Path
) -> None:
    County(7, 2000).write_night(tmp_path, 2)
    expected = digests(county_root)
    written = digests(tmp_path)
    assert len(written) > 20
    assert written == {name: expected[name] for name in written}


def test_an_earlier_night_can_be_written_again(
    county_root: Path, tmp_path: Path
) -> None:
    county = County(7, 2000)
    county.write_night(tmp_path, 1)
    county.write_night(tmp_path, 0)
    written = digests(tmp_path)
    expected = digests(county_root)
    assert written == {name: expected[name] for name in written}


def test_another_seed_gives_other_people(county_root: Path, tmp_path: Path) -> None:
    County(8, 2000).write_night(tmp_path, 0)
    assert not set(digests(tmp_path).values()) & {
        digest
        for name, digest in digests(county_root).items()
        if name.endswith(("persons.ndjson", "students.ndjson", "Patient.ndjson"))
    }


def test_the_first_load_has_exactly_the_planned_events(
    county_root: Path, tmp_path: Path
) -> None:
    events = {
        "incident", "offense", "involvement", "arrest", "supervision-periods",
        "violations", "studentSchoolAssociations", "studentSchoolAttendanceEvents",
        "disciplineIncidents", "disciplineActions", "Encounter", "Condition",
    }  # fmt: skip
    County(3, 1000, events=8000).write_night(tmp_path, 0)
    for root, total in ((county_root, 5 * 2000), (tmp_path, 8000)):
        counts = json.loads((root / "truth/2026-01-05/counts.json").read_text())
        kept = {n: c for n, c in counts.items() if n.split("/")[1] in events}
        assert len(kept) == len(events)
        assert sum(count["existing"] for count in kept.values()) == total


def test_impossible_counties_are_refused_with_the_number() -> None:
    with pytest.raises(ValueError, match="persons is 5"):
        County(7, 5)
    with pytest.raises(ValueError, match="events is 10"):
        County(7, 1000, events=10)
    with pytest.raises(ValueError, match="night is -1"):
        County(7, 1000).night(-1)


def test_too_many_events_are_refused_with_the_limit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can have between"):
        County(7, 500, events=500_000).write_night(tmp_path, 0)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("person", "person_id"),
        ("incident", "incident_id"),
        ("incident", "case_number"),
        ("offense", "incident_id, offense_seq"),
        ("involvement", "incident_id, person_id, role"),
        ("involvement", "incident_id, seq"),
        ("arrest", "arrest_id"),
        ("client", "person_id"),
        ("period", "period_id"),
        ("violation", "violation_id"),
        ("student", "studentUniqueId"),
        ("student", "id"),
        ("enrollment", "entryDate, schoolReference, studentReference"),
        (
            "attendance",
            "attendanceEventCategoryDescriptor, eventDate, sessionReference, "
            "studentReference",
        ),
        ("attendance", "id"),
        ("discipline", "incidentIdentifier"),
        ("action", "disciplineActionIdentifier"),
        ("patient", "id"),
        ("patient", "identifier[1].value"),
        ("encounter", "id"),
        ("condition", "id"),
    ],
)
def test_keys_are_unique(
    first_load: duckdb.DuckDBPyConnection, table: str, key: str
) -> None:
    rows, distinct = numbers(
        first_load,
        f"SELECT (SELECT count(*) FROM {table}), "
        f"(SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table}))",
    )
    assert rows == distinct > 0


@pytest.mark.parametrize("feed", ID_OF)
def test_truth_covers_every_served_person_record(county_root: Path, feed: str) -> None:
    pattern, column = ID_OF[feed]
    reader = "read_csv" if pattern.endswith("csv") else "read_json"
    missing, served = numbers(
        duckdb.connect(),
        f"""WITH served AS (SELECT DISTINCT {column} AS source_id
              FROM {reader}('{county_root}/served/{pattern}', union_by_name = true)),
            known AS (SELECT source_id
              FROM '{county_root}/truth/2026-01-07/record_person.parquet'
              WHERE feed = '{feed}')
        SELECT count(*) FILTER (WHERE source_id NOT IN (FROM known)), count(*)
        FROM served""",
    )
    assert missing == 0
    assert served > 200


def test_agencies_overlap_as_in_life(first_load: duckdb.DuckDBPyConnection) -> None:
    records, persons = numbers(
        first_load, "SELECT count(*), count(DISTINCT person) FROM record_person"
    )
    assert 1.65 <= records / persons <= 1.85
    shares = dict(
        first_load.execute(
            "SELECT feed, count(DISTINCT person) / 2016 "
            "FROM record_person GROUP BY feed"
        ).fetchall()
    )
    assert 0.45 < shares["police_rms"] < 0.65
    assert 0.07 < shares["probation"] < 0.14
    assert 0.18 < shares["school"] < 0.30
    assert 0.75 < shares["hospital"] < 0.90


def test_only_police_and_hospital_keep_somebody_twice(
    first_load: duckdb.DuckDBPyConnection,
) -> None:
    twice = dict(
        first_load.execute(
            "SELECT feed, 1 - count(DISTINCT person) / count(*) "
            "FROM record_person GROUP BY feed"
        ).fetchall()
    )
    assert twice["probation"] == twice["school"] == 0
    assert 0.03 < twice["police_rms"] < 0.08
    assert 0 < twice["hospital"] < 0.02


def test_the_manifest_describes_the_files(county_root: Path) -> None:
    for number, night in enumerate(NIGHTS):
        folder = county_root / "served/police_rms" / night.replace("-", "")
        manifest = json.loads((folder / "manifest.json").read_text())
        assert ("full" in manifest["window"]) == (number == 0)
        assert {f["name"] for f in manifest["files"]} == {
            path.name for path in folder.glob("*.csv")
        }
        for file in manifest["files"]:
            content = (folder / file["name"]).read_bytes()
            assert file["bytes"] == len(content)
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
            rows = numbers(
                duckdb.connect(),
                f"SELECT count(*) FROM read_csv('{folder / file['name']}', "
                "all_varchar = true, header = true)",
            )
            assert rows == (file["rows"],)


def test_nights_may_begin_on_any_date(tmp_path: Path) -> None:
    county = County(5, 300, first_night=date(2026, 7, 3))
    for night in range(3):
        county.write_night(tmp_path, night)
    newest = tmp_path / "truth/2026-07-05/counts.json"
    assert json.loads(newest.read_text())["school/students"]["existing"] > 0
