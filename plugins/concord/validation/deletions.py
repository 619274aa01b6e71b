"""Deletion notices made out: the keys of the rows that the agency deleted.

A notice may name a row by its key, or by an id of the agency's that the contract keeps
in a column; of the latter the last good state tells the key.
"""

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, quoted
from concord.exceptions import DeliveryHeld


def make_out_deletions(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table
) -> None:
    """Make ``deleted_<table>``, keys of deleted rows, from ``noticed_<table>``.

    A notice of a row that was never taken says nothing.

    Raises:
        DeliveryHeld: A notice may be of a row that was taken without its id.
    """
    assert table.deletes is not None
    named = list(table.deletes.key)
    keys = [column.name for column in table.key]
    source = f"noticed_{table.name}"
    if set(named) != set(keys):
        source = _keys_of(con, contract, table, named)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE deleted_{table.name} AS "
        f"SELECT DISTINCT {', '.join(map(quoted, keys))} FROM {source}"
    )


def _keys_of(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table, named: list[str]
) -> str:
    """Return a relation of the noticed rows of the last good state, with their keys."""
    rows, notices = f"told_{table.name}", f"noticed_{table.name}"
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {rows} AS "
        f"{_rows_with_ids(con, contract, table, named)}"
    )
    same = " AND ".join(f"_t.{_id(n)} = _n.{quoted(n)}" for n in named)
    unmet = count(con, f"(FROM {notices} AS _n ANTI JOIN {rows} AS _t ON {same})")
    without = " OR ".join(f"{_id(name)} IS NULL" for name in named)
    if unmet and count(con, f"(FROM {rows} WHERE {without})"):
        raise DeliveryHeld(
            "NOTICE_UNMATCHED",
            feed=contract.id,
            detail=f"{table.name}: {unmet} deletions may be of rows that were taken "
            f"before the contract kept {', '.join(named)}",
            remedy="Run concord refresh for the feed: all rows then have it",
        )
    return f"(FROM {rows} AS _t SEMI JOIN {notices} AS _n ON {same})"


def _rows_with_ids(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table, named: list[str]
) -> str:
    """Return the query of every row's key, as the agency writes it, and of its ids."""
    person, joins = table.person, ""
    picked = []
    for column in table.key:
        value = f"_row.{quoted(column.name)}"
        if person is not None and column.name == person.name:
            lead = next(t for t in (table, *contract.tables) if t.describes_persons)
            value = "_who.source_id"
            joins = f"JOIN previous_identity_{lead.name} AS _who USING (record_key)"
        picked.append(f"{value} AS {quoted(column.name)}")
    kept = con.table(f"previous_{table.name}").columns
    for name in named:
        value = f"_row.{quoted(name)}" if name in kept else "NULL"
        picked.append(f"CAST({value} AS VARCHAR) AS {_id(name)}")
    return f"SELECT {', '.join(picked)} FROM previous_{table.name} AS _row {joins}"


def _id(name: str) -> str:
    """Return what a column is called where its values tell rows apart."""
    return quoted(f"_id_{name}")
