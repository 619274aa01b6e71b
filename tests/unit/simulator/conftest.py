"""A county of 2,000 persons with three nights, written once for all tests."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from simulator.county import County

SEED, PERSONS, NIGHTS = 7, 2000, 3


@pytest.fixture(scope="session")
def county_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("county")
    county = County(SEED, PERSONS)
    for night in range(NIGHTS):
        county.write_night(root, night)
    return root


@pytest.fixture(scope="session")
def first_load(county_root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The first night's files and truth as flat tables."""
    con = duckdb.connect()
    served, truth = county_root / "served", county_root / "truth" / "2026-01-05"
    for table in ("person", "incident", "offense", "involvement", "arrest"):
        path = served / "police_rms/20260105"
        con.execute(
            f"CREATE TABLE {table} AS FROM read_csv("
            f"'{path}/police_rms_{table}_20260105T020000Z.csv', all_varchar = true)"
        )
    for name, path in {
        "client": "probation/2026-01-05/persons.ndjson",
        "period": "probation/2026-01-05/supervision-periods.ndjson",
        "violation": "probation/2026-01-05/violations.ndjson",
        "student": "school/2026-01-05/students.ndjson",
        "enrollment": "school/2026-01-05/studentSchoolAssociations.ndjson",
        "attendance": "school/2026-01-05/studentSchoolAttendanceEvents.ndjson",
        "discipline": "school/2026-01-05/disciplineIncidents.ndjson",
        "action": "school/2026-01-05/disciplineActions.ndjson",
        "patient": "hospital/2026-01-05/Patient.ndjson",
        "encounter": "hospital/2026-01-05/Encounter.ndjson",
        "condition": "hospital/2026-01-05/Condition.ndjson",
    }.items():
        con.execute(
            f"CREATE TABLE {name} AS FROM read_json('{served / path}', "
            "format = 'newline_delimited', maximum_depth = 12, sample_size = -1)"
        )
    for name in ("record_person", "events", "defects"):
        con.execute(f"CREATE VIEW {name} AS FROM '{truth / name}.parquet'")
    yield con
    con.close()
