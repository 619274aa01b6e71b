"""Blocking rules that can find a pair in some records."""

import re
from collections.abc import Sequence

import duckdb

from concord.duck import one

_NUMBER = re.compile(r"l\.(\w+) = r\.\1")


def fruitful(
    con: duckdb.DuckDBPyConnection, nodes: str, rules: Sequence[str]
) -> list[str]:
    """Leave out rules about a number that no two records share.

    Every later rule is asked to leave out the pairs of those before it, so a rule that
    finds nothing still costs.
    """
    numbers = {rule: found[1] for rule in rules if (found := _NUMBER.fullmatch(rule))}
    if not numbers:
        return list(rules)
    shared = ", ".join(f"count({n}) > count(DISTINCT {n})" for n in numbers.values())
    found = one(con, f"SELECT {shared} FROM {nodes}")
    fruitless = {rule for rule, some in zip(numbers, found, strict=True) if not some}
    return [rule for rule in rules if rule not in fruitless]
