import json
from pathlib import Path

import duckdb
import pytest

from simulator.county import County
from simulator.defects import DEFECTS


def number(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    return float(con.execute(sql).fetchall()[0][0])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """Truth and a few served tables of a county large enough for rates."""
    root = tmp_path_factory.mktemp("large")
    County(11, 15_000).write_night(root, 0)
    con = duckdb.connect()
    con.execute(f"CREATE TABLE e AS FROM '{root}/truth/2026-01-05/events.parquet'")
    con.execute(
        f"CREATE TABLE defects AS FROM '{root}/truth/2026-01-05/defects.parquet'"
    )
    for name, path in (
        ("period", "probation/2026-01-05/supervision-periods.ndjson"),
        ("violation", "probation/2026-01-05/violations.ndjson"),
        ("discipline", "school/2026-01-05/disciplineIncidents.ndjson"),
        ("encounter", "hospital/2026-01-05/Encounter.ndjson"),
        ("condition", "hospital/2026-01-05/Condition.ndjson"),
    ):
        con.execute(
            f"CREATE TABLE {name} AS FROM read_json('{root}/served/{path}', "
            "maximum_depth = 12, sample_size = -1)"
        )
    for name in ("incident", "offense", "arrest", "involvement"):
        con.execute(
            f"CREATE TABLE {name} AS FROM read_csv('{root}/served/police_rms/20260105/"
            f"police_rms_{name}_20260105T020000Z.csv', all_varchar = true)"
        )
    return con


def test_an_assault_visit_has_a_cause_and_an_injury(
    large: duckdb.DuckDBPyConnection,
) -> None:
    visits, complete = large.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE cause AND injury) FROM (
          SELECT e.source_key,
            bool_or(regexp_matches(code.coding[1].code, '^(X9|Y0).*A$')) AS cause,
            bool_or(regexp_matches(code.coding[1].code, '^[ST].*A$')) AS injury
          FROM e JOIN encounter n ON n.id = e.source_key
          JOIN condition c ON c.encounter.reference = 'Encounter/' || n.id
          WHERE e."table" = 'Encounter' AND happening IS NOT NULL
            AND n.class.code = 'EMER' GROUP BY 1)
        """
    ).fetchall()[0]
    assert visits > 50
    # A few diagnoses are malformed on purpose.
    assert complete / visits > 0.97


def test_police_hear_of_half_of_the_assaults_on_the_same_day(
    large: duckdb.DuckDBPyConnection,
) -> None:
    assaults, reported, same_day = large.execute(
        """
        WITH visit AS (SELECT happening, min(event_date) AS day FROM e
            WHERE "table" = 'Encounter' AND happening IS NOT NULL GROUP BY 1),
          heard AS (SELECT happening, event_date AS day FROM e
            WHERE "table" = 'incident' AND happening IS NOT NULL)
        SELECT count(*), count(heard.day), count(*) FILTER (WHERE heard.day = visit.day)
        FROM visit LEFT JOIN heard USING (happening)
        """
    ).fetchall()[0]
    assert 0.38 < reported / assaults < 0.62
    assert same_day == reported


def test_reported_assaults_are_assaults_in_police_data(
    large: duckdb.DuckDBPyConnection,
) -> None:
    codes = large.execute(
        """
        SELECT ucr_code, count(*) FROM e JOIN offense o ON o.incident_id = e.source_key
        WHERE e."table" = 'incident' AND happening IS NOT NULL AND offense_seq = '1'
        GROUP BY 1
        """
    ).fetchall()
    assert {code for code, _ in codes} <= {"13A", "13B", "13C", "99Z"}


def test_a_third_of_arrests_lead_to_supervision(
    large: duckdb.DuckDBPyConnection,
) -> None:
    share = number(
        large,
        "SELECT avg((arrest_id IN (SELECT arrest_number FROM period "
        "WHERE arrest_number IS NOT NULL))::INT) FROM arrest",
    )
    assert 0.25 < share < 0.35


def test_supervision_after_arrest_is_of_the_same_person_and_later(
    large: duckdb.DuckDBPyConnection,
) -> None:
    pairs, wrong = large.execute(
        """
        SELECT count(*), count(*) FILTER (
            WHERE s.person <> a.person OR s.event_date <= a.event_date)
        FROM period p
        JOIN e a ON a."table" = 'arrest' AND a.source_key = p.arrest_number
        JOIN e s ON s."table" = 'supervision-periods' AND s.source_key = p.period_id
        """
    ).fetchall()[0]
    assert pairs > 10
    assert wrong == 0


def test_supervised_persons_have_violations_inside_their_periods(
    large: duckdb.DuckDBPyConnection,
) -> None:
    outside = number(
        large,
        """
        SELECT count(*) FROM violation v JOIN period p USING (period_id)
        WHERE violation_date NOT BETWEEN start_date AND
            coalesce(end_date, DATE '2026-01-05')
          AND violation_id NOT IN (SELECT source_key FROM defects)
          AND period_id NOT IN (SELECT source_key FROM defects)
        """,
    )
    assert number(large, "SELECT count(*) FROM violation") > 200
    assert outside == 0


def test_some_discipline_carries_the_police_case_number(
    large: duckdb.DuckDBPyConnection,
) -> None:
    named, matching, reported = large.execute(
        """
        SELECT count(*), count(*) FILTER (
            WHERE occurred_at::DATE = incidentDate AND location_code = '53'),
          count(*) FILTER (WHERE reportedToLawEnforcement)
        FROM discipline JOIN incident ON case_number = caseNumber
        WHERE incidentIdentifier NOT IN (SELECT incidentIdentifier FROM discipline d
            JOIN defects ON source_key = d.id)
          AND incident_id NOT IN (SELECT source_key FROM defects)
        """
    ).fetchall()[0]
    assert named > 3
    assert named == matching == reported
    assert named < number(large, "SELECT count(*) FROM discipline") * 0.2


def test_juveniles_and_only_they_have_a_disposition(
    large: duckdb.DuckDBPyConnection,
) -> None:
    young = number(
        large, "SELECT avg((disposition_under_18 IS NOT NULL)::INT) FROM arrest"
    )
    assert 0.02 < young < 0.35


def test_exceptionally_cleared_incidents_have_no_arrest(
    large: duckdb.DuckDBPyConnection,
) -> None:
    both = number(
        large,
        "SELECT count(*) FROM incident JOIN arrest USING (incident_id) "
        "WHERE clearance IN ('A', 'B', 'C', 'D', 'E')",
    )
    assert both == 0


@pytest.mark.parametrize(
    ("child", "column", "parent", "key", "place"),
    [
        ("offense", "incident_id", "incident", "incident_id", "offense"),
        ("involvement", "incident_id", "incident", "incident_id", "involvement"),
        ("involvement", "person_id", "person", "person_id", "involvement"),
        ("arrest", "person_id", "person", "person_id", "arrest"),
        ("arrest", "incident_id", "incident", "incident_id", "arrest"),
        ("period", "person_id", "client", "person_id", "supervision-periods"),
        ("period", "arrest_number", "arrest", "arrest_id", "supervision-periods"),
        ("violation", "period_id", "period", "period_id", "violations"),
        ("violation", "person_id", "client", "person_id", "violations"),
        (
            "enrollment", "studentReference.studentUniqueId", "student",
            "studentUniqueId", "studentSchoolAssociations",
        ),
        (
            "attendance", "studentReference.studentUniqueId", "student",
            "studentUniqueId", "studentSchoolAttendanceEvents",
        ),
        (
            "action", "studentReference.studentUniqueId", "student",
            "studentUniqueId", "disciplineActions",
        ),
        (
            "encounter", "subject.reference", "patient", "'Patient/' || id",
            "Encounter",
        ),
        (
            "condition", "encounter.reference", "encounter", "'Encounter/' || id",
            "Condition",
        ),
    ],
)  # fmt: skip
def test_orphans_are_exactly_the_declared_ones(
    first_load: duckdb.DuckDBPyConnection,
    child: str,
    column: str,
    parent: str,
    key: str,
    place: str,
) -> None:
    orphans = number(
        first_load,
        f"SELECT count(*) FROM {child} WHERE {column} IS NOT NULL "
        f"AND {column} NOT IN (SELECT {key} FROM {parent})",
    )
    name = column.split(".")[-1].replace("reference", "")
    declared = number(
        first_load,
        "SELECT count(*) FROM defects WHERE defect = 'orphan' "
        f"AND \"table\" = '{place}' AND (\"column\" = '{name}' OR "
        f"'{column}' = \"column\" || '.reference')",
    )
    assert orphans == declared


def test_defects_are_rare_and_of_many_kinds(large: duckdb.DuckDBPyConnection) -> None:
    defects = number(large, "SELECT count(*) FROM defects")
    assert 0.0015 < defects / (15_000 * (5 + 1.77)) < 0.004
    assert number(large, "SELECT count(DISTINCT defect) FROM defects") >= 8


def test_every_declared_defect_stands_in_the_served_row(
    first_load: duckdb.DuckDBPyConnection, county_root: Path
) -> None:
    planted = {
        (defect.name, defect.column): defect.value.strip("'")
        for defects in DEFECTS.values()
        for defect in defects
        if defect.name != "orphan"
    }
    rows = first_load.execute(
        'SELECT feed, source_key, defect, "column" FROM defects '
        "WHERE defect NOT IN ('orphan', 'future_date', 'impossible_date')"
    ).fetchall()
    assert rows
    lines = {
        feed: [
            line
            for folder in ("2026-01-05", "20260105")
            for path in (county_root / "served" / feed).glob(f"{folder}/*")
            for line in path.read_text().splitlines()
        ]
        for feed in {row[0] for row in rows}
    }
    for feed, key, defect, column in rows:
        value = planted[defect, column]
        assert any(key.split("|")[0] in line and value in line for line in lines[feed])


def test_history_ends_before_the_first_night(
    first_load: duckdb.DuckDBPyConnection,
) -> None:
    latest = number(
        first_load,
        "SELECT count(*) FROM events WHERE event_date >= DATE '2026-01-05'",
    )
    assert latest == 0


def test_truth_is_never_served(county_root: Path) -> None:
    served = {path.name for path in (county_root / "served").rglob("*")}
    truth = {path.name for path in (county_root / "truth/2026-01-05").iterdir()}
    assert len(truth) == 8
    assert not served & truth
    people = json.loads((county_root / "truth/2026-01-05/canaries.json").read_text())
    assert {person["feed"] for person in people} == {
        "police_rms", "probation", "school", "hospital",
    }  # fmt: skip
