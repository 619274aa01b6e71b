"""The reverse check: what was published is what the profile's actions can give.

De-identification applies the actions; this reads the finished tables and refuses those
that hold a date, age band or ZIP prefix which no action of the profile produces, so
that a mistake in the one would have to be made in the other as well.
"""

from collections.abc import Sequence

import duckdb

from concord.contracts.models import ConceptAction, ReleaseProfile
from concord.contracts.registry import Registry
from concord.curation.origins import concepts_of
from concord.curation.sql_files import CuratedTable
from concord.deidentification.actions import (
    WITHHELD,
    band_labels,
    bin_labels,
    time_labels,
)
from concord.deidentification.quiet import quietly
from concord.deidentification.shifting import Shift
from concord.deidentification.zip3 import Zip3Table
from concord.duck import literal, one, quoted
from concord.exceptions import DisclosureRefused


def verify_actions(
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[CuratedTable],
    registry: Registry,
    profile: ReleaseProfile,
    zip3_table: Zip3Table,
) -> int:
    """Check every generalised column of the curated tables; returns how many.

    Raises:
        DisclosureRefused: A column holds values that its action does not give.
    """
    checked = 0
    for table in tables:
        tests = _tests(table, registry, profile, zip3_table)
        if tests:
            _check(con, table, tests)
        checked += len(tests)
    return checked


def _tests(
    table: CuratedTable,
    registry: Registry,
    profile: ReleaseProfile,
    zip3_table: Zip3Table,
) -> dict[str, str]:
    """Return the columns to check, each with SQL that is true of a wrong value."""
    tests = {}
    for name, column in table.about.columns.items():
        if column.derived is not None:
            continue
        sources = concepts_of(f"{table.path}: '{name}'", column, registry)
        for source, concept in sources.items():
            action = profile.action_of(concept, source)
            test = _wrong(quoted(name), action, zip3_table)
            if test is not None:
                tests[name] = test
    return tests


def _wrong(column: str, action: ConceptAction, zip3_table: Zip3Table) -> str | None:
    match action.action:
        case "generalise_date":
            return f"{column} <> date_trunc('{action.unit}', {column})"
        case "age_band":
            return f"{column} NOT IN ({_listed(band_labels(action.bands or (0,)))})"
        case "zip3":
            return f"{column} NOT IN ({_listed((*zip3_table.allowed, WITHHELD))})"
        case "time_band":
            return f"{column} NOT IN ({_listed(time_labels(action.hours or 24))})"
        case "bin":
            return f"{column} NOT IN ({_listed(bin_labels(action.edges or (0,)))})"
        case "top_code":
            return f"{column} > {action.top}"
        case "shift_date":
            last = Shift.of(action).last_published
            return f"{column} > DATE '{last.isoformat()}'"
    return None


def _listed(values: Sequence[str]) -> str:
    return ", ".join(literal(value) for value in sorted(values))


def _check(
    con: duckdb.DuckDBPyConnection, table: CuratedTable, tests: dict[str, str]
) -> None:
    counts = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests.values())
    query = f"SELECT {counts} FROM {quoted(table.name)}"
    found = quietly(f"verify {table.name}", one, con, query)
    for name, wrong in zip(tests, found, strict=True):
        if wrong:
            raise DisclosureRefused(
                f"{table.name}.{name}: {wrong} values are not what the profile's "
                "action gives. Nothing is published; correct the SQL or the action"
            )
