"""Rows in, rows out: every curated table over small folders of CSV files."""

import json
import re
from pathlib import Path

import duckdb
import pytest

from concord.contracts.models import Concept
from concord.curation.running import curate
from concord.curation.sql_files import CuratedTable, read_tables
from concord.settings import Settings
from tests.support.deidentified import registry

SETTINGS = Settings()
FOLDER = SETTINGS.include / "sql" / "curated"
TABLES = {table.name: table for table in read_tables(FOLDER)}
CASES = sorted(path for path in (Path(__file__).parent / "curated").glob("*/*"))
BANNED = ("current_date", "now(", "today(", "random(", "uuid(", "date_diff", "datediff")


def each_table(test):
    return pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)(test)


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.parent.name}/{c.name}")
def test_curated_table_gives_the_expected_rows(
    con: duckdb.DuckDBPyConnection, case: Path
):
    for path in case.glob("*.csv"):
        if path.stem != "expected":
            con.execute(
                f"INSERT INTO {path.stem} BY NAME "
                f"FROM read_csv('{path}', header = true, all_varchar = true)"
            )
    table = TABLES[case.parent.name]
    header, *expected = rows(case / "expected.csv")

    made = curate(con, [table])

    con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {table.name}")
    assert [column[0] for column in con.description] == header
    found = [["" if v is None else v for v in row] for row in con.fetchall()]
    assert found == expected
    assert made == {table.name: len(expected)}


@each_table
def test_every_curated_table_has_a_case(table: CuratedTable):
    assert [case for case in CASES if case.parent.name == table.name]


def test_every_case_is_of_a_curated_table():
    assert {case.parent.name for case in CASES} <= TABLES.keys()


@each_table
def test_header_says_grain_key_sources_and_why(table: CuratedTable):
    lines = [line for line in table.sql.splitlines() if line.startswith("--")]
    header = " ".join(line.removeprefix("--").strip() for line in lines)

    for word in ("Grain: ", "Key: ", "Reads: ", "Why: "):
        assert word in header
    key = re.search(r"Key: ([a-z_, ]+)\.", header)
    assert key is not None
    assert tuple(key.group(1).split(", ")) == table.about.key


@each_table
def test_rows_leave_in_the_order_of_the_key(table: CuratedTable):
    last = table.sql.rstrip().splitlines()[-1]
    ordered = last.removeprefix("ORDER BY ").split(", ")

    assert [column.split(".")[-1] for column in ordered] == list(table.about.key)


@each_table
def test_sql_never_reads_the_clock_or_chance(table: CuratedTable):
    lowered = table.sql.lower()

    assert [word for word in BANNED if word in lowered] == []


@each_table
def test_sql_names_no_identifier(table: CuratedTable):
    def identifies(concept: Concept) -> bool:
        return concept.identity in ("direct", "free_text")

    names = {
        column.name
        for contract in registry().contracts.values()
        for source in contract.tables
        for column in source.columns
        if identifies(column.concept)
    }
    code = re.sub(r"--.*", "", table.sql)

    assert set(re.findall(r"[a-z_]+", code)) & names == set()


@each_table
def test_every_curated_table_has_a_suite_that_holds_its_key(table: CuratedTable):
    path = SETTINGS.expectations / "curated" / f"{table.name}.json"
    suite = json.loads(path.read_text())
    key = next(e for e in suite["expectations"] if e["meta"]["rule"] == "key")
    columns = key["kwargs"].get("column_list") or [key["kwargs"]["column"]]

    assert suite["name"] == f"curated.{table.name}"
    assert tuple(columns) == table.about.key
    assert key["severity"] == "critical"
    named = {e["kwargs"].get("column") for e in suite["expectations"]} - {None}
    assert named <= table.about.columns.keys()


def test_every_suite_and_profile_table_is_curated():
    suites = {path.stem for path in (SETTINGS.expectations / "curated").glob("*.json")}
    profile = registry().profile("research")

    assert suites == TABLES.keys()
    assert set(profile.tables) == TABLES.keys()
