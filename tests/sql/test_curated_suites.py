"""The curated suites, run as the release runs them, over good and spoilt tables."""

from collections.abc import Iterator

import duckdb
import pytest

from concord.curation.sql_files import read_tables
from concord.settings import Settings
from concord.validation.compiler import compile_suite
from concord.validation.results import summary
from concord.validation.running import run
from concord.validation.suites import load_suite
from tests.support.small_release import small_county

SETTINGS = Settings()
NAMES = [t.name for t in read_tables(SETTINGS.include / "sql" / "curated")]


@pytest.fixture(scope="module")
def release() -> Iterator[duckdb.DuckDBPyConnection]:
    with small_county(4).release() as con:
        yield con


@pytest.fixture
def con(release: duckdb.DuckDBPyConnection):
    release.execute("BEGIN")
    yield release
    release.execute("ROLLBACK")


def broken(con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """Return the critical rules of a table's suite that do not hold."""
    suite = load_suite(SETTINGS.expectations / "curated" / f"{table}.json")
    described = con.execute(f"DESCRIBE {table}").fetchall()
    columns = {name: kind for name, kind, *_ in described}
    view = f"numbered_{table}"
    con.execute(f"CREATE TEMP VIEW {view} AS SELECT rowid AS _row, * FROM {table}")
    compiled = compile_suite(suite, {**columns, "_row": "BIGINT"})
    return {
        rule.rule
        for rule in summary(run(con, view, compiled))
        if not rule.success and rule.severity == "critical"
    }


@pytest.mark.parametrize("table", NAMES)
def test_a_good_release_holds_every_critical_rule(con, table: str):
    count = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]

    assert count > 0
    assert broken(con, table) == set()


@pytest.mark.parametrize(
    ("table", "change", "rules"),
    [
        ("person", "INSERT INTO person FROM person", {"key"}),
        ("person", "UPDATE person SET in_school = NULL", {"required:in_school"}),
        ("person", "UPDATE person SET birth_decade = 1987", {"decade"}),
        ("person", "UPDATE person SET zip3 = '62701'", {"zip3"}),
        ("person", "UPDATE person SET zip3 = '036'", {"zip3-population"}),
        ("person", "UPDATE person SET race = 'White'", {"codes:race"}),
        (
            "incident",
            "UPDATE incident SET occurred_on = DATE '2025-01-02'",
            {"coarse:occurred_on"},
        ),
        (
            "incident",
            "UPDATE incident SET case_token = '26-0012345'",
            {"token:case_token"},
        ),
        (
            "incident",
            "UPDATE incident SET agency_id = incident_id",
            {"token:agency_id"},
        ),
        (
            "incident",
            "DELETE FROM place",
            {"place-known"},
        ),
        (
            "involvement",
            "UPDATE involvement SET age_at_incident = '90+'",
            {"band:age_at_incident"},
        ),
        ("arrest", "DELETE FROM person", {"person-known"}),
        ("injury", "UPDATE injury SET mechanism = NULL", {"mechanism"}),
        (
            "attendance_event",
            "UPDATE attendance_event SET event_seq = 0",
            {"key", "positive:event_seq"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_spoilt_release_breaks_the_rule_that_guards_it(
    con, table: str, change: str, rules: set[str]
):
    con.execute(change)

    assert broken(con, table) == rules
