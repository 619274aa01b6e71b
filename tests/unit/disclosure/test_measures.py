"""Measures of disclosure: equal to pycanon's, and persons rather than rows."""

import json
from collections import Counter, defaultdict
from math import exp, log
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.disclosure.measures import Measured, OfValues, measure

VECTORS = json.loads((Path(__file__).parent / "pycanon_vectors.json").read_text())
SCALES = {"word": "nominal", "number": "ordered"}
EXACT = 1e-12


def loaded(columns: dict[str, str], rows: list[Any]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    named = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    con.execute(f"CREATE TABLE rows ({named})")
    if rows:
        marks = ", ".join("?" for _ in columns)
        con.executemany(f"INSERT INTO rows VALUES ({marks})", rows)
    return con


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_every_measure_equals_pycanons(case: dict[str, Any]) -> None:
    kinds = dict.fromkeys(case["quasi"], "VARCHAR")
    con = loaded({**kinds, "word": "VARCHAR", "number": "BIGINT"}, case["rows"])

    found = measure(con, "rows", case["quasi"], 5, sensitive=SCALES)

    assert found.k == case["said"]["k"]
    assert [of.column for of in found.values] == ["word", "number"]
    for of in found.values:
        said = case["said"][of.column]
        assert of.l == said["l"]
        assert int(of.entropy_l + EXACT) == said["entropy_l"]
        assert of.t == pytest.approx(said["t"], abs=EXACT)
        assert of.delta == pytest.approx(said["delta"], abs=EXACT)
        assert of.beta == pytest.approx(said["beta"], abs=EXACT)


def test_the_vectors_say_what_made_them_and_hold_l_above_1() -> None:
    assert VECTORS["made_by"].startswith("pycanon ")
    assert {c["said"]["word"]["l"] for c in VECTORS["cases"]} >= {1, 3}


def test_people_alone_and_at_risk_are_counted() -> None:
    rows = [("F", 1)] * 6 + [("F", 2)] * 3 + [("M", 1)]
    con = loaded({"sex": "VARCHAR", "band": "BIGINT"}, rows)

    found = measure(con, "rows", ["sex", "band"], 5)

    assert found == Measured(
        persons=10, classes=3, k=1, unique=1, at_risk=4, mean_risk=0.3
    )
    assert found.share(found.at_risk) == 0.4


def test_a_missing_value_is_a_value_of_its_own() -> None:
    rows = [("F", None)] * 3 + [("F", "x")] * 2 + [(None, None)]
    con = loaded({"sex": "VARCHAR", "word": "VARCHAR"}, rows)

    found = measure(con, "rows", ["sex"], 5, sensitive={"word": "nominal"})

    assert (found.classes, found.k, found.unique) == (2, 1, 1)
    assert found.values[0].l == 1
    assert found.values[0].homogeneous == 1
    assert found.values[0].t == pytest.approx(1 / 3)


def test_one_person_with_many_rows_counts_once() -> None:
    rows = [("ann", "F", "burn")] * 9 + [("bea", "F", "cut"), ("bea", "M", "cut")]
    con = loaded({"who": "VARCHAR", "sex": "VARCHAR", "why": "VARCHAR"}, rows)

    found = measure(con, "rows", ["sex"], 5, person="who", sensitive={"why": "nominal"})

    assert (found.persons, found.classes, found.k) == (2, 2, 1)
    assert (found.unique, found.at_risk) == (1, 2)
    assert found.mean_risk == pytest.approx((1 / 2 + 1) / 2)
    by_hand = OfValues(
        column="why", l=1, entropy_l=1.0, t=pytest.approx(1 / 3),
        delta=pytest.approx(log(3 / 2)), beta=pytest.approx(0.5), homogeneous=1,
    )  # fmt: skip
    assert found.values == (by_hand,)


def test_ordered_values_one_step_apart_are_nearer_than_far_ones() -> None:
    near = loaded({"q": "VARCHAR", "v": "BIGINT"}, [("a", 1), ("a", 1), ("b", 2)])
    far = loaded(
        {"q": "VARCHAR", "v": "BIGINT"},
        [("a", 1), ("a", 1), ("b", 9), ("c", 2), ("c", 3)],
    )

    def t(con: duckdb.DuckDBPyConnection) -> float:
        found = measure(con, "rows", ["q"], 5, sensitive={"v": "ordered"})
        return found.values[0].t

    assert t(near) == pytest.approx(2 / 3)
    assert t(far) == pytest.approx(0.6)


def test_one_value_of_an_ordered_column_tells_nothing() -> None:
    con = loaded({"q": "VARCHAR", "v": "BIGINT"}, [("a", 1), ("b", 1)])

    found = measure(con, "rows", ["q"], 5, sensitive={"v": "ordered"})

    assert (found.values[0].t, found.values[0].delta, found.values[0].beta) == (0, 0, 0)


@pytest.mark.parametrize("person", [None, "who"])
def test_nobody_is_no_risk(person: str | None) -> None:
    con = loaded({"who": "VARCHAR", "q": "VARCHAR", "v": "VARCHAR"}, [])

    found = measure(con, "rows", ["q"], 5, person=person, sensitive={"v": "nominal"})

    assert found == Measured(0, 0, 0, 0, 0, 0.0)
    assert found.share(0) == 0.0


def test_nothing_is_left_behind_and_the_summary_holds_no_value() -> None:
    con = loaded({"q": "VARCHAR", "v": "VARCHAR"}, [("canary", "parrot")] * 3)

    summary = measure(con, "rows", ["q"], 5, sensitive={"v": "nominal"}).summary()

    assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [
        ("rows",)
    ]
    assert not {"canary", "parrot"} & set(json.dumps(summary).split('"'))
    assert summary["values"] == [
        {"column": "v", "l": 1, "entropy_l": 1.0, "t": 0.0, "delta": 0.0,
         "beta": 0.0, "homogeneous": 3},
    ]  # fmt: skip


letters = st.one_of(st.none(), st.sampled_from("ab"))
facts = st.lists(st.tuples(st.sampled_from("uvwxyz"), letters, letters), max_size=40)


@settings(max_examples=50, deadline=None)
@given(rows=facts)
def test_persons_are_weighted_as_counted_by_hand(rows: list[Any]) -> None:
    con = loaded({"who": "VARCHAR", "q": "VARCHAR", "v": "VARCHAR"}, rows)
    persons: defaultdict[Any, set[str]] = defaultdict(set)
    values: defaultdict[Any, Counter[Any]] = defaultdict(Counter)
    for who, q, _ in rows:
        persons[q].add(who)
    for _, q, v in set(rows):
        values[q][v] += 1
    smallest = {
        who: min(len(alike) for alike in persons.values() if who in alike)
        for who, _, _ in rows
    }

    found = measure(con, "rows", ["q"], 3, person="who", sensitive={"v": "nominal"})

    assert found.persons == len(smallest)
    assert found.k == min(smallest.values(), default=0)
    assert found.unique == sum(n == 1 for n in smallest.values())
    assert found.at_risk == sum(n < 3 for n in smallest.values())
    if rows:
        entropies = [
            exp(-sum(n / c.total() * log(n / c.total()) for n in c.values()))
            for c in values.values()
        ]
        assert found.values[0].l == min(map(len, values.values()))
        assert found.values[0].entropy_l == pytest.approx(min(entropies))
