from collections.abc import Iterator

import duckdb
import pytest

from concord.contracts.models import ConceptAction
from concord.curation.sql_files import read_tables
from concord.curation.verification import verify_actions
from concord.exceptions import DisclosureRefused
from concord.settings import Settings
from tests.support.deidentified import registry, zip3_table
from tests.support.small_release import small_county

TABLES = read_tables(Settings().include / "sql" / "curated")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with small_county(3).release() as con:
        yield con


def verify(con: duckdb.DuckDBPyConnection) -> int:
    profile = registry().profile("research")
    return verify_actions(con, TABLES, registry(), profile, zip3_table())


def test_what_de_identification_made_is_what_the_actions_give(con):
    described = [
        name
        for table in TABLES
        for name, column in table.about.columns.items()
        if name == "zip3"
        or name.startswith("age_at_")
        or (column.type == "DATE" and table.name != "source_coverage")
    ]

    assert verify(con) == len(described) >= 25


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("incident", "occurred_on", "DATE '2025-06-01'"),
        ("injury", "recorded_on", "DATE '2025-01-02'"),
        ("arrest", "age_at_arrest", "'47'"),
        ("encounter", "age_at_arrival", "'90+'"),
        ("person", "zip3", "'036'"),
        ("place", "zip3", "'62701'"),
    ],
)
def test_a_value_that_no_action_gives_is_refused_by_count(
    con, table: str, column: str, value: str
):
    con.execute(f"UPDATE {table} SET {column} = {value}")
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]

    with pytest.raises(DisclosureRefused, match=f"{table}.{column}: {rows} values"):
        verify(con)


def test_the_profile_decides_what_is_right(con):
    research = registry().profile("research")
    month = ConceptAction(action="generalise_date", unit="month")
    changed = {**research.concepts, "event.time": month}
    by_month = research.model_copy(update={"concepts": changed})
    con.execute("UPDATE incident SET occurred_on = DATE '2025-06-01'")

    assert verify_actions(con, TABLES, registry(), by_month, zip3_table()) > 0
