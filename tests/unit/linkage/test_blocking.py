"""Every pair that a rule brings together is compared once, however it is found."""

from itertools import combinations

import duckdb
import numpy as np
import pytest

from concord.linkage.blocking import block

Node = dict[str, str | None]
RULES = {
    "l.ssn = r.ssn": lambda a, b: same(a["ssn"], b["ssn"]),
    "l.last = r.last AND SUBSTR(l.first, 1, 1) = SUBSTR(r.first, 1, 1)": lambda a, b: (
        same(a["last"], b["last"]) and same(a["first"], b["first"], 1)
    ),
    "l.first = r.last AND l.last = r.first": lambda a, b: (
        same(a["first"], b["last"]) and same(a["last"], b["first"])
    ),
    # Not the same both ways: the record with the smaller number stands on the left.
    "l.first = r.last": lambda a, b: same(a["first"], b["last"]),
}


def same(one: str | None, other: str | None, letters: int | None = None) -> bool:
    return None not in (one, other) and one[:letters] == other[:letters]


def drawn(rng: np.random.Generator) -> list[Node]:
    """Return records of few names, many unknown, so that much is alike."""
    values = {"ssn": ["1", "2", None], "first": ["AX", "AY", "B", None]}
    values["last"] = values["first"]
    return [{name: rng.choice(v) for name, v in values.items()} for _ in range(25)]


def blocked(nodes: list[Node], rules: list[str], changed: list[int] | None) -> list:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE node (unique_id INT, ssn TEXT, first TEXT, last TEXT)"
        )
        con.executemany(
            "INSERT INTO node VALUES (?, ?, ?, ?)",
            [[number, *node.values()] for number, node in enumerate(nodes)],
        )
        if changed is not None:
            con.execute("CREATE TABLE new AS FROM node WHERE unique_id IN ?", [changed])
        block(con, "pair", "node", rules, None if changed is None else "new")
        return con.sql(
            "SELECT join_key_l, join_key_r FROM pair ORDER BY ALL"
        ).fetchall()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("part", [None, 4])
def test_every_pair_of_a_rule_is_found_once(seed: int, part: int | None) -> None:
    rng = np.random.default_rng(seed)
    nodes = drawn(rng)
    changed = None if part is None else rng.choice(len(nodes), part, False).tolist()
    expected = [
        (one, other)
        for one, other in combinations(range(len(nodes)), 2)
        if any(agree(nodes[one], nodes[other]) for agree in RULES.values())
        and (changed is None or {one, other} & {*changed})
    ]
    assert blocked(nodes, list(RULES), changed) == expected
    assert expected


def test_a_number_that_nobody_has_finds_no_pair() -> None:
    nodes: list[Node] = [{"ssn": None, "first": "A", "last": "B"}] * 3
    assert blocked(nodes, ["l.ssn = r.ssn"], None) == []
