"""Rows of one delivery with the same key: the newest counts, differences are told."""

import duckdb

from concord.contracts.models import Table
from concord.duck import count, one, quoted
from concord.landing.records import RuleCount


def leave_out_superseded(
    con: duckdb.DuckDBPyConnection, table: Table, candidates: str, failures: str
) -> None:
    """Make ``superseded_<table>``: good rows that a newer one replaces.

    Keys that repeat are found first: they are few, and only their rows are sorted.
    """
    updated = table.with_concept("technical.updated_at")
    newest = f"{quoted(updated.name)} DESC NULLS LAST, " if updated else ""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE superseded_{table.name} AS "
        f"SELECT _row FROM {_repeated(table, candidates, failures)} "
        f"QUALIFY row_number() OVER (PARTITION BY {_keys(table)} "
        f"ORDER BY {newest}_row DESC) > 1"
    )


def conflicts(
    con: duckdb.DuckDBPyConnection, table: Table, candidates: str, failures: str
) -> RuleCount:
    """Count good rows of one key, and of one moment of change, that differ.

    Only rows that were superseded can have such a row beside them.
    """
    updated = table.with_concept("technical.updated_at")
    moment = f", {quoted(updated.name)}" if updated else ""
    every = ", ".join(quoted(c.name) for c in table.columns)
    differing = (
        f"(SELECT count(*) AS n FROM {_repeated(table, candidates, failures)} "
        f"GROUP BY {_keys(table)}{moment} HAVING count(DISTINCT row({every})) > 1)"
    )
    rows = 0
    if count(con, f"superseded_{table.name}"):
        (rows,) = one(con, f"SELECT coalesce(sum(n), 0) FROM {differing}")
    return RuleCount(
        table.name,
        f"conflict:{table.key[0].name}",
        "warning",
        ", ".join(c.name for c in table.key),
        count(con, f"(FROM {_good(candidates, failures)})") if rows else 0,
        0,
        int(rows),
    )


def _keys(table: Table) -> str:
    return ", ".join(quoted(c.name) for c in table.key)


def _good(candidates: str, failures: str) -> str:
    return f"{candidates} WHERE _row NOT IN (SELECT _row FROM {failures})"


def _repeated(table: Table, candidates: str, failures: str) -> str:
    keys, good = _keys(table), _good(candidates, failures)
    return (
        f"{good} AND ({keys}) IN (SELECT ({keys}) FROM {good} GROUP BY {keys} "
        "HAVING count(*) > 1)"
    )
