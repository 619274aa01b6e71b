import json
from pathlib import Path

import duckdb
import pytest

NIGHTS = ("2026-01-05", "2026-01-06", "2026-01-07")
POLICE_KEYS = {
    "person": "person_id",
    "incident": "incident_id",
    "offense": "incident_id, offense_seq",
    "involvement": "incident_id, person_id, role",
    "arrest": "arrest_id",
}


def rows(sql: str) -> list[tuple[object, ...]]:
    return duckdb.connect().execute(sql).fetchall()


def counts(root: Path, night: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(
        (root / "truth" / night / "counts.json").read_text()
    )
    return found


def police(root: Path, table: str) -> str:
    return (
        f"read_csv('{root}/served/police_rms/*/police_rms_{table}_*.csv', "
        "all_varchar = true, filename = true)"
    )


@pytest.mark.parametrize(("table", "key"), POLICE_KEYS.items())
def test_applying_police_actions_gives_what_exists(
    county_root: Path, table: str, key: str
) -> None:
    # A repaired orphan changes its key; the row under the wrong key stays behind.
    existing, repaired = rows(
        f"""
        WITH latest AS (SELECT *, row_number() OVER (
            PARTITION BY {key} ORDER BY filename DESC) AS newest
          FROM {police(county_root, table)})
        SELECT count(*) FILTER (WHERE action <> 'D'),
          count(*) FILTER (WHERE action <> 'D' AND (
            incident_id LIKE 'IN9%' OR {"person_id" if "person" in key else "''"}
            LIKE 'MN9%')) FROM latest WHERE newest = 1
        """
        if table in ("offense", "involvement")
        else f"""
        WITH latest AS (SELECT *, row_number() OVER (
            PARTITION BY {key} ORDER BY filename DESC) AS newest
          FROM {police(county_root, table)})
        SELECT count(*) FILTER (WHERE action <> 'D'), 0 FROM latest WHERE newest = 1
        """
    )[0]
    truth = counts(county_root, NIGHTS[-1])[f"police_rms/{table}"]["existing"]
    assert truth <= int(str(existing)) <= truth + int(str(repaired))


def test_the_first_night_is_all_inserts_and_later_ones_are_mixed(
    county_root: Path,
) -> None:
    for table in ("person", "incident"):
        actions = rows(
            "SELECT filename LIKE '%/20260105/%', "
            "list(DISTINCT action ORDER BY action) "
            f"FROM {police(county_root, table)} GROUP BY 1 ORDER BY 1"
        )
        assert actions == [(False, ["D", "I", "U"]), (True, ["I"])]


def test_each_night_brings_about_one_percent(county_root: Path) -> None:
    for night in NIGHTS[1:]:
        count = counts(county_root, night)
        existing = sum(c["existing"] for c in count.values())
        new = sum(c["new"] for c in count.values())
        assert 0.005 < new / existing < 0.02
        assert all(
            sum(c[kind] for c in count.values()) for kind in ("changed", "deleted")
        )


def test_probation_is_a_snapshot_and_deletes_by_absence(county_root: Path) -> None:
    def ids(night: str) -> set[object]:
        path = county_root / "served/probation" / night / "persons.ndjson"
        return {row[0] for row in rows(f"SELECT person_id FROM '{path}'")}

    first, second = ids(NIGHTS[0]), ids(NIGHTS[1])
    assert second - first
    assert first - second
    assert (
        len(second) == counts(county_root, NIGHTS[1])["probation/persons"]["existing"]
    )


def test_deleted_clients_leave_no_events_behind(county_root: Path) -> None:
    folder = county_root / "served/probation" / NIGHTS[2]
    orphans = rows(
        f"""SELECT count(*) FROM '{folder}/supervision-periods.ndjson'
        WHERE person_id NOT IN (SELECT person_id FROM '{folder}/persons.ndjson')
          AND person_id NOT LIKE 'PB9%'"""
    )
    assert orphans == [(0,)]


def test_school_deletes_name_items_served_before(county_root: Path) -> None:
    served, deleted = set(), set()
    for night in NIGHTS:
        folder = county_root / "served/school" / night
        for path in folder.glob("*.ndjson"):
            items = [json.loads(line) for line in path.read_text().splitlines()]
            if path.name.endswith(".deletes.ndjson"):
                deleted |= {item["id"] for item in items}
                assert all(item["keyValues"] for item in items)
            else:
                served |= {item["id"] for item in items}
    assert deleted
    assert deleted <= served


def test_change_versions_only_grow(county_root: Path) -> None:
    spans = []
    for night in NIGHTS:
        versions = []
        for path in (county_root / "served/school" / night).glob("*.ndjson"):
            key = "changeVersion" if "deletes" in path.name else "_changeVersion"
            versions += [
                json.loads(line)[key] for line in path.read_text().splitlines()
            ]
        assert len(versions) == len(set(versions))
        spans.append((min(versions), max(versions)))
    assert spans[0][1] < spans[1][0] <= spans[1][1] < spans[2][0]


def test_hospital_deletions_are_bundles_of_known_resources(county_root: Path) -> None:
    known = {
        f"{row[0]}/{row[1]}"
        for name in ("Patient", "Encounter", "Condition")
        for row in rows(
            "SELECT resourceType, id FROM "
            f"read_json('{county_root}/served/hospital/*/{name}.ndjson')"
        )
    }
    bundles = [
        json.loads(line)
        for night in NIGHTS[1:]
        for line in (county_root / "served/hospital" / night / "deleted.ndjson")
        .read_text()
        .splitlines()
    ]
    assert bundles
    for bundle in bundles:
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
        request = bundle["entry"][0]["request"]
        assert request["method"] == "DELETE"
        assert request["url"] in known


@pytest.mark.parametrize(
    ("feed", "pattern", "key", "field"),
    [
        ("police_rms", "*/*_person_*.csv", "person_id", "birth_date"),
        ("police_rms", "*/*_person_*.csv", "person_id", "last_name || first_name"),
        ("school", "*/students.ndjson", "id", "birthDate"),
        ("hospital", "*/Patient.ndjson", "id", "birthDate"),
        ("hospital", "*/Patient.ndjson", "id", "address[1].line[1]"),
        ("probation", "*/persons.ndjson", "person_id", "address.street"),
    ],
)
def test_later_nights_correct_persons(
    county_root: Path, feed: str, pattern: str, key: str, field: str
) -> None:
    reader = "read_csv" if pattern.endswith("csv") else "read_json"
    corrected = rows(
        f"""SELECT {key} FROM {reader}('{county_root}/served/{feed}/{pattern}')
        GROUP BY 1 HAVING count(DISTINCT coalesce(({field})::VARCHAR, '')) > 1"""
    )
    assert corrected


def test_corrections_never_bring_back_placeholders(county_root: Path) -> None:
    worse = rows(
        f"""WITH served AS (FROM {police(county_root, "person")})
        SELECT count(*) FROM served a JOIN served b USING (person_id)
        WHERE a.filename < b.filename AND a.birth_date <> b.birth_date
          AND b.birth_date = '1900-01-01'"""
    )
    assert worse == [(0,)]
