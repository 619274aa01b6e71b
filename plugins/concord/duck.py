"""DuckDB opened the way every step needs it: bounded, closed to the outside, sealed."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from concord.settings import Settings
from concord.spilling import spill_into

BATCH = 1 << 17


@contextmanager
def connect(
    settings: Settings, workspace: Path, *, timezone: str = "UTC"
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database that spills, if at all, sealed into ``workspace``."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
        },
    )
    try:
        spill_into(connection, workspace)
        connection.execute("LOAD icu")
        connection.execute("SET GLOBAL TimeZone = " + literal(timezone))
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a configured text as an SQL literal; never used for a row's value."""
    return "'" + text.replace("'", "''") + "'"


def one(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[Any] | None = None,
) -> tuple[Any, ...]:
    """Run a query that returns one row, and return it.

    The result is read to its end: DuckDB does nothing else on the connection before.
    """
    rows: list[tuple[Any, ...]] = connection.execute(query, parameters).fetchall()
    return rows[0]


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Count the rows of a table, view or parenthesised query."""
    return int(one(connection, f"SELECT count(*) FROM {relation}")[0])


def fetch(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """Run a query and return its rows as an Arrow table."""
    table: pa.Table = connection.sql(query).to_arrow_table()
    return table


def stream(connection: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader:
    """Run a query and return its rows as they come; they are to be read to the end."""
    reader: pa.RecordBatchReader = connection.sql(query).to_arrow_reader(BATCH)
    return reader


def side_by_side(
    connection: duckdb.DuckDBPyConnection,
    *steps: Callable[[duckdb.DuckDBPyConnection], Any],
) -> list[Any]:
    """Run steps that don't need one another, each on a cursor in a thread of its own.

    A cursor sees the database's tables; temporary and registered ones are its own. All
    steps end before the error of the first one that failed, in their order, is raised.
    """

    def run(step: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        with connection.cursor() as cursor:
            return step(cursor)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(run, steps))
