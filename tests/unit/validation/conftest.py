"""A small table, and suites made of short calls."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb
import pytest

from concord.validation.compiler import compile_suite
from concord.validation.rules import SuiteOutcome
from concord.validation.running import run
from concord.validation.suites import build

COLUMNS = {
    "_row": "BIGINT",
    "id": "VARCHAR",
    "code": "VARCHAR",
    "age": "BIGINT",
    "score": "DOUBLE",
    "born": "DATE",
    "seen": "TIMESTAMP",
    "sent": "TIMESTAMP WITH TIME ZONE",
    "open": "BOOLEAN",
    "tags": "VARCHAR[]",
}
ROWS = """
    (10, 'A1', 'x', 30, 1.5, DATE '1990-01-01', TIMESTAMP '2026-01-05 10:00:00',
     TIMESTAMPTZ '2026-01-05 10:00:00+00', true, ['t']),
    (11, 'A1', 'y', NULL, 'nan'::DOUBLE, DATE '2001-02-03',
     TIMESTAMP '2026-01-05 11:00:00', NULL, false, []),
    (12, 'b', NULL, 200, 2.5, NULL, NULL, NULL, NULL, NULL),
    (13, NULL, 'z', -1, -0.0, DATE '2026-01-06', TIMESTAMP '2026-01-04 09:00:00',
     TIMESTAMPTZ '2026-01-05 11:00:00+01', true, ['u', 'v'])
"""

Declare = Callable[..., dict[str, Any]]
Judge = Callable[..., SuiteOutcome]


@pytest.fixture
def declare() -> Declare:
    """Write an expectation as a suite's file would: rule, kind, arguments."""

    def write(
        rule: str, kind: str, severity: str = "critical", **kwargs: Any
    ) -> dict[str, Any]:
        return {
            "type": kind if "_" in kind and kind.startswith(("expect_", "unex")) else
            f"expect_column_values_to_{kind}",
            "kwargs": kwargs,
            "severity": severity,
            "meta": {"rule": rule, "why": f"Because {rule} matters."},
        }  # fmt: skip

    return write


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the table `people`."""
    with duckdb.connect() as connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE people ({declared})")
        connection.execute(f"INSERT INTO people VALUES {ROWS}")
        yield connection


@pytest.fixture
def judge(con: duckdb.DuckDBPyConnection) -> Judge:
    """Build, compile and run expectations over a table."""

    def judged(
        *expectations: Mapping[str, Any],
        relation: str = "people",
        columns: Mapping[str, str] = COLUMNS,
        row_column: str = "_row",
    ) -> SuiteOutcome:
        suite = build("feed.people", expectations)
        return run(con, relation, compile_suite(suite, columns, row_column), row_column)

    return judged
