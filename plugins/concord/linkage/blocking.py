"""The pairs of records that are compared: what a blocking rule brings together."""

import re
from collections.abc import Iterable

import duckdb

from concord.linkage.settings import UNIQUE_ID

_BOTH_WAYS = re.compile(r"(.*) = (.*)")


def block(
    con: duckdb.DuckDBPyConnection,
    blocked: str,
    nodes: str,
    rules: Iterable[str],
    changed: str | None = None,
) -> None:
    """Write the pairs that the rules bring together, each once, as Splink reads them.

    Splink would ask of every rule's pairs whether no rule before brought them; to take
    each pair once in the end is twice as fast. The smaller number stands on the left:
    comparisons need not be the same both ways.

    Args:
        con: The connection that holds the nodes and gets the pairs.
        blocked: The table to write.
        nodes: The node table.
        rules: SQL conditions on ``l`` and ``r``.
        changed: A part of the nodes. Only pairs that hold one of them are written.
    """
    pairs = " UNION ".join(
        pair for rule in rules for pair in _pairs(nodes, rule, changed)
    )
    con.execute(f"CREATE TABLE {blocked} AS SELECT *, '0' AS match_key FROM ({pairs})")


def _pairs(nodes: str, rule: str, changed: str | None) -> list[str]:
    """Return the queries for the pairs of a rule."""
    left, right = f"l.{UNIQUE_ID}", f"r.{UNIQUE_ID}"
    ordered = f"SELECT {left} AS join_key_l, {right} AS join_key_r"
    if changed is None:
        return [_join(ordered, nodes, nodes, f"({rule}) AND {left} < {right}")]
    if _is_symmetric(rule):
        either = (
            f"SELECT LEAST({left}, {right}) AS join_key_l, "
            f"GREATEST({left}, {right}) AS join_key_r"
        )
        return [_join(either, changed, nodes, f"({rule}) AND {left} <> {right}")]
    return [
        _join(ordered, one, other, f"({rule}) AND {left} < {right}")
        for one, other in ((changed, nodes), (nodes, changed))
    ]


def _join(select: str, left: str, right: str, condition: str) -> str:
    return f"{select} FROM {left} AS l INNER JOIN {right} AS r ON {condition}"


def _is_symmetric(rule: str) -> bool:
    """Say whether a rule only asks that both records hold the same, so either way."""
    sides = [_BOTH_WAYS.fullmatch(part) for part in rule.split(" AND ")]
    return all(m and m[1].replace("l.", "r.") == m[2] for m in sides)
