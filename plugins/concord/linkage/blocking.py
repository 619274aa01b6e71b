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
    numbers = {rule: m[1] for rule in rules if (m := _NUMBER.fullmatch(rule))}
    if not numbers:
        return list(rules)
    shared = ", ".join(f"count({n}) > count(DISTINCT {n})" for n in numbers.values())
    answers = one(con, f"SELECT {shared} FROM {nodes}")
    useful = dict(zip(numbers, answers, strict=True))
    return [rule for rule in rules if useful.get(rule, True)]
