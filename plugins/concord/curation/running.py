"""Runs the curated SQL and holds each result against its description."""

import re
from collections.abc import Sequence

import duckdb

from concord.curation.purity import line_of
from concord.curation.sql_files import CuratedTable
from concord.deidentification.quiet import quietly
from concord.duck import count, quoted
from concord.exceptions import ConfigError

UNBOUND = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors found before any row is read; what they say quotes SQL, never values."""


def curate(
    con: duckdb.DuckDBPyConnection, tables: Sequence[CuratedTable]
) -> dict[str, int]:
    """Create each table in the order given; returns the rows of each.

    The connection holds the inputs: ``<feed>__<table>`` of every contract (empty for a
    feed that has never delivered), ``persons``, ``places`` and ``source_states``.

    Raises:
        ConfigError: An input is missing, or a result isn't what its file describes.
    """
    return {table.name: _create(con, table) for table in tables}


def _create(con: duckdb.DuckDBPyConnection, table: CuratedTable) -> int:
    present = {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    missing = sorted(table.reads - present)
    if missing:
        raise ConfigError(
            f"{_where(table, missing[0])}: reads {', '.join(missing)}, which no "
            "contract, profile or curated table gives. Correct the name, or take the "
            "table out of the release profile"
        )
    _check_columns(con, table)
    quietly(f"curate {table.name}", con.execute, _statement(table))
    return count(con, quoted(table.name))


def _statement(table: CuratedTable) -> str:
    return f"CREATE TABLE {quoted(table.name)} AS {table.sql}"


def _check_columns(con: duckdb.DuckDBPyConnection, table: CuratedTable) -> None:
    """Compare the query's columns, in order and with types, with the description."""
    try:
        result = con.execute(f"DESCRIBE {table.sql}").fetchall()
    except UNBOUND as error:
        told = str(error)
        line = re.search(r"^LINE (\d+):", told, re.MULTILINE)
        where = f"{table.path}:{line[1]}" if line else f"{table.path}:1"
        problem = " ".join(told.partition("LINE ")[0].split())
        raise ConfigError(
            f"{where}: {problem}. Correct the query, or the contract"
        ) from error
    found = {name: kind for name, kind, *_ in result}
    described = {name: column.type for name, column in table.about.columns.items()}
    if len(found) != len(result):
        raise ConfigError(f"{table.path}:1: a column occurs twice. Name each once")
    extra = [name for name in found if name not in described]
    if extra:
        raise ConfigError(
            f"{_where(table, extra[0])}: column {', '.join(extra)} is not described. "
            f"Describe it in {table.name}.yaml, or take it out"
        )
    lacking = [name for name in described if name not in found]
    if lacking:
        raise ConfigError(
            f"{table.path}:1: column {', '.join(lacking)} is described but not made. "
            f"Make it, or take it out of {table.name}.yaml"
        )
    for name, kind in found.items():
        if kind != described[name]:
            raise ConfigError(
                f"{_where(table, name)}: column {name} is {kind}, but "
                f"{table.name}.yaml says {described[name]}. Correct one of them"
            )
    if list(found) != list(described):
        raise ConfigError(
            f"{table.path}:1: columns are made in the order {', '.join(found)}. Put "
            f"{table.name}.yaml in the same order"
        )


def _where(table: CuratedTable, word: str) -> str:
    """Return file and line of a word of the query."""
    return f"{table.path}:{line_of(table.sql, word)}"
