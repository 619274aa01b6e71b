"""Foreign keys of a delivery, checked against its own rows and the last good state."""

from dataclasses import dataclass

import duckdb

from concord.contracts.models import Column, Contract, Table
from concord.duck import count, one, quoted


@dataclass(frozen=True)
class Orphans:
    """Rows whose reference leads nowhere."""

    rule: str
    column: str
    required: bool
    relation: str
    elements: int
    missing: int
    unexpected: int


def in_dependency_order(contract: Contract) -> list[Table]:
    """Return the tables so that each comes after those it refers to."""
    ordered: list[Table] = []
    waiting = list(contract.tables)
    while waiting:
        done = {t.name for t in ordered}
        ready = [t for t in waiting if _parents(t) <= done | {t.name}]
        ordered += ready or waiting
        waiting = [t for t in waiting if t not in ordered]
    return ordered


def _parents(table: Table) -> set[str]:
    return {c.references.split(".")[0] for c in table.columns if c.references}


def orphans(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    column: Column,
    source: str,
    known: str,
) -> Orphans:
    """Find rows of ``source`` whose reference is not among the ``known`` keys.

    Args:
        con: Where the relations live.
        table: The referring table.
        column: The referring column.
        source: A relation with ``_row``; deletions already left out.
        known: A relation of one column ``original``.
    """
    relation = f"orphan_{table.name}_{column.name}"
    name = quoted(column.name)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT _row FROM {source} "
        f"WHERE {name} IS NOT NULL AND {name} NOT IN (FROM {known})"
    )
    elements, present = one(con, f"SELECT count(*), count({name}) FROM {source}")
    return Orphans(
        rule=f"reference:{column.name}",
        column=column.name,
        required=column.required,
        relation=relation,
        elements=elements,
        missing=elements - present,
        unexpected=count(con, relation),
    )
