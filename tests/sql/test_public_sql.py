"""Rows in, rows out: what is counted for everybody, from small curated tables."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from concord.curation.dictionary import build_dictionary
from concord.curation.running import curate
from concord.curation.selection import as_published, select
from concord.curation.sql_files import CuratedTable
from concord.disclosure.figures import added_columns
from concord.settings import Settings
from tests.support.deidentified import empty_inputs, registry

SETTINGS = Settings()
PROFILE = registry().profile("public")
SELECTED = select(SETTINGS.include, PROFILE)
TABLES = {table.name: table for table in SELECTED.published}
CASES = sorted(path for path in (Path(__file__).parent / "public").glob("*/*"))


@pytest.fixture(scope="module")
def curated() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give every curated table that is counted, empty."""
    with empty_inputs() as con:
        curate(con, [t for t in SELECTED.made if t.name not in TABLES])
        yield con


@pytest.fixture
def con(curated: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    curated.execute("BEGIN")
    yield curated
    curated.execute("ROLLBACK")


def each_table(test):
    return pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)(test)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.parent.name}/{c.name}")
def test_public_table_counts_the_expected_rows(
    con: duckdb.DuckDBPyConnection, case: Path
) -> None:
    for path in case.glob("*.csv"):
        if path.stem != "expected":
            con.execute(
                f"INSERT INTO {path.stem} BY NAME "
                f"FROM read_csv('{path}', header = true, all_varchar = true)"
            )
    table = TABLES[case.parent.name]
    curate(con, [table])
    con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {table.name} ORDER BY ALL")
    header = [column[0] for column in con.description or ()]
    found = [",".join(header), *(",".join(row) for row in con.fetchall())]
    assert found == (case / "expected.csv").read_text().splitlines()


@each_table
def test_every_public_table_has_a_case_and_is_published(table: CuratedTable) -> None:
    assert [case for case in CASES if case.parent.name == table.name]
    folder = SETTINGS.include / "sql" / "public"
    assert {path.stem for path in folder.glob("*.sql")} == set(PROFILE.tables)


@each_table
def test_header_says_grain_key_sources_and_why(table: CuratedTable) -> None:
    lines = [line for line in table.sql.splitlines() if line.startswith("--")]
    header = " ".join(line.removeprefix("--").strip() for line in lines)
    for word in ("Grain: ", "Key: ", "Reads: ", "Why: "):
        assert word in header
    key = re.search(r"Key: ([a-z_, ]+)\.", header)
    assert key is not None
    assert tuple(key.group(1).split(", ")) == table.about.key


@each_table
def test_what_protection_adds_is_described_and_the_person_is_not_published(
    table: CuratedTable,
) -> None:
    rule = table.about.counts
    assert rule is not None
    assert tuple(table.about.added) == added_columns(rule)
    dictionary = build_dictionary([as_published(table)], registry(), one(table))
    (described,) = dictionary.tables
    names = [column.name for column in described.columns]
    assert names == [*table.about.key, *added_columns(rule)]
    assert rule.person not in names


def one(table: CuratedTable):
    return PROFILE.model_copy(update={"tables": (table.name,)})


@each_table
def test_suite_holds_the_key_and_withholding(table: CuratedTable) -> None:
    path = SETTINGS.expectations / "public" / f"{table.name}.json"
    rules = {e["meta"]["rule"] for e in json.loads(path.read_text())["expectations"]}
    assert {"key", "rounded", "withheld"} <= rules
    assert {f"values:{name}" for name in table.about.key[1:]} <= rules
