"""Overrides: failures of single rules that a person decided to let through.

An override names a row by a keyed hash of its key, so that its file names nobody. The
steward finds the hash beside the row in the returned-rows file.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from concord.contracts.decisions import EVERY_ROW, Override
from concord.contracts.models import Table
from concord.duck import count, fetch, literal, quoted
from concord.exceptions import ContractError


class RowNames:
    """Names a feed's rows by what cannot be led back to them without the key."""

    def __init__(self, feed: str, key: bytes) -> None:
        self.feed = feed
        self.key = hmac.digest(key, b"names of quarantined rows", "sha256")

    def name(self, table: str, key: Iterable[object]) -> str:
        """Return the name of the row with this primary key."""
        text = "\0".join((self.feed, table, *map(str, key)))
        digest = hmac.new(self.key, text.encode(), hashlib.sha256)
        return digest.hexdigest()[:32]

    def of(self, table: Table, rows: pa.Table) -> list[str]:
        """Return the names of rows, in their order."""
        columns = [rows[c.name].to_pylist() for c in table.key]
        return [self.name(table.name, key) for key in zip(*columns, strict=True)]


def let_through(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    candidates: str,
    failures: str,
    overrides: Sequence[Override],
    names: RowNames,
) -> int:
    """Take from ``failures`` what overrides let through; returns how many rows.

    Which rows they are stands in ``overridden_<table>`` (_row) afterwards.

    Args:
        con: Where the relations live.
        table: The table whose rows were checked.
        candidates: The rows that were checked, with ``_row``.
        failures: A table (_row, rule) of critical failures.
        overrides: The overrides of this table that are in force.
        names: Names rows as overrides do.
    """
    overridden = f"overridden_{table.name}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {overridden} AS "
        f"SELECT DISTINCT _row FROM {failures}"
    )
    for rule in sorted({o.rule for o in overrides}):
        keys = {o.key for o in overrides if o.rule == rule}
        failing = f"{failures} WHERE rule = {literal(rule)}"
        if EVERY_ROW in keys:
            con.execute(f"DELETE FROM {failing}")
            continue
        picked = ", ".join(quoted(c.name) for c in table.key)
        query = (
            f"SELECT _row, {picked} FROM {candidates} WHERE _row IN "
            f"(SELECT _row FROM {failing})"
        )
        rows = fetch(con, query)
        named = zip(rows["_row"].to_pylist(), names.of(table, rows), strict=True)
        freed = [row for row, name in named if name in keys]
        if freed:
            con.execute(f"DELETE FROM {failing} AND _row IN ?", [freed])
    con.execute(f"DELETE FROM {overridden} WHERE _row IN (SELECT _row FROM {failures})")
    return count(con, overridden)


def check_rules_exist(
    feed: str, table: str, overrides: Sequence[Override], rules: Iterable[str]
) -> None:
    """Refuse an override of a rule that the table does not have."""
    known = set(rules)
    for override in overrides:
        if override.rule not in known:
            raise ContractError(
                f"include/overrides/{feed}.yaml: table '{table}' has no rule "
                f"'{override.rule}'. Name one of {', '.join(sorted(known))}"
            )
