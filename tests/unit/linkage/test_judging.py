"""Measures counted from group sizes equal those counted pair by pair."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.linkage.evaluation import Agreement, judged
from concord.linkage.intervals import measure, wilson
from concord.linkage.judging import (
    FEWEST,
    NOT_RECORDED,
    OTHERS,
    between_agencies,
    by_group,
    overall,
)


@dataclass(frozen=True)
class Record:
    found: int
    person: int
    feed: str


FEEDS = ("hospital", "police", "school")
rows = st.lists(
    st.builds(Record, st.integers(0, 4), st.integers(0, 4), st.sampled_from(FEEDS)),
    max_size=14,
)


def tables(records: list[Record]) -> tuple[pa.Table, pa.Table, pa.Table]:
    keys = pa.array([f"r{n:06d}" for n in range(len(records))], pa.string())

    def column(name: str) -> pa.Array:
        return pa.array([str(getattr(r, name)) for r in records], pa.string())

    return (
        pa.table({"record_key": keys, "person_id": column("found")}),
        pa.table({"record_key": keys, "person": column("person")}),
        pa.table({"record_key": keys, "feed": column("feed")}),
    )


def agreement(pairs: list[tuple[Record, Record]]) -> Agreement:
    return Agreement(
        sum(one.person == other.person for one, other in pairs),
        sum(one.found == other.found for one, other in pairs),
        sum(
            (one.person, one.found) == (other.person, other.found)
            for one, other in pairs
        ),
    )


def whole(records: list[Record], key: str) -> set[frozenset[int]]:
    """Return the groups of two or more records, as sets of places."""
    groups: dict[int, set[int]] = {}
    for place, record in enumerate(records):
        groups.setdefault(getattr(record, key), set()).add(place)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


@given(rows)
@settings(max_examples=25, deadline=None)
def test_pairs_and_whole_persons_equal_listing_them(records: list[Record]) -> None:
    groups, truth, _ = tables(records)
    with judged(groups, truth) as con:
        pairs, persons = overall(con, seed=1)
    assert pairs.counts == agreement(list(combinations(records, 2)))
    true, found = whole(records, "person"), whole(records, "found")
    assert persons.counts == Agreement(len(true), len(found), len(true & found))


@given(rows)
@settings(max_examples=25, deadline=None)
def test_pairs_of_agencies_equal_listing_them(records: list[Record]) -> None:
    groups, truth, feeds = tables(records)
    with judged(groups, truth) as con:
        lines = between_agencies(con, feeds)
    expected = {}
    for pair in combinations(records, 2):
        key = tuple(sorted((pair[0].feed, pair[1].feed)))
        expected.setdefault(key, []).append(pair)
    counted = {key: agreement(pairs) for key, pairs in expected.items()}
    assert {(line.one, line.other): line.pairs for line in lines} == {
        key: pairs for key, pairs in counted.items() if pairs.true + pairs.found
    }


@given(rows, st.lists(st.sampled_from(["a", "b", None]), min_size=5, max_size=5))
@settings(max_examples=25, deadline=None)
def test_links_of_a_group_equal_listing_them(
    records: list[Record], said: list[str | None]
) -> None:
    # So many copies of the people that no group is too small to stand alone.
    many = [
        Record(100 * n + r.found, 100 * n + r.person, r.feed)
        for n in range(FEWEST)
        for r in records
    ]
    groups, truth, _ = tables(many)
    persons = sorted({r.person for r in many})
    traits = pa.table(
        {
            "person": pa.array(list(map(str, persons)), pa.string()),
            "shoe": pa.array([said[p % 100] for p in persons], pa.string()),
        }
    )
    with judged(groups, truth) as con:
        lines = by_group(con, traits, seed=1)
    expected: dict[str, Counter[str]] = {}
    for one in records:
        count = expected.setdefault(said[one.person] or NOT_RECORDED, Counter())
        for other in records:
            if one is not other:
                count["true"] += one.person == other.person
                count["found"] += one.found == other.found
                count["both"] += (one.person, one.found) == (other.person, other.found)
    assert {line.value: line.links.counts for line in lines} == {
        value: Agreement(*(FEWEST * count[k] for k in ("true", "found", "both")))
        for value, count in expected.items()
    }


def test_a_small_group_is_counted_with_the_others() -> None:
    records = [Record(n, n, "police") for n in range(FEWEST + 3)]
    groups, truth, _ = tables(records)
    said = ["many"] * FEWEST + ["rare", "rarer", "rare"]
    traits = pa.table({"person": truth["person"], "shoe": pa.array(said)})
    with judged(groups, truth) as con:
        lines = by_group(con, traits, seed=1)
    assert {line.value: line.persons for line in lines} == {"many": FEWEST, OTHERS: 3}


def test_no_pair_is_ever_listed() -> None:
    records = [Record(0, n // 100_000, "police") for n in range(200_000)]
    groups, truth, feeds = tables(records)
    with judged(groups, truth) as con:
        pairs, _ = overall(con, seed=1)
        (within,) = between_agencies(con, feeds)
    assert pairs.counts == within.pairs
    assert pairs.counts == Agreement(9_999_900_000, 19_999_900_000, 9_999_900_000)


def test_wilson_is_that_of_the_textbook() -> None:
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(10, 10).high == 1.0
    assert wilson(10, 10).low == pytest.approx(0.7225, abs=1e-4)
    assert wilson(0, 0) == wilson(0, 0)


def test_intervals_are_repeatable_and_hold_the_rate() -> None:
    profiles, times = np.array([[3, 3, 3], [3, 1, 1], [0, 1, 0]]), np.array([90, 8, 2])
    found = measure(profiles, times, seed=7)
    assert found == measure(profiles, times, seed=7)
    assert found != measure(profiles, times, seed=8)
    assert found.counts == Agreement(294, 280, 278)
    for rate in (found.precision, found.recall, found.f1):
        assert 0 < rate.low < rate.value < rate.high <= 1


def test_more_persons_make_an_interval_narrower() -> None:
    profiles, times = np.array([[1, 1, 1], [1, 0, 0]]), np.array([90, 10])
    few, many = (measure(profiles, times * n, seed=1).recall for n in (1, 100))
    assert many.high - many.low < (few.high - few.low) / 5
    assert few.value == many.value == 0.9


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    profiles = np.array([[3, 3, 3], [3, 1, 1]])
    true_recall = (0.9 * 3 + 0.1 * 1) / 3
    held = 0
    for trial in range(200):
        times = rng.multinomial(400, [0.9, 0.1])
        recall = measure(profiles, times, seed=trial).recall
        held += recall.low <= true_recall <= recall.high
    assert 180 <= held <= 199


def test_without_an_error_the_interval_still_says_how_sure_that_is() -> None:
    certain = measure(np.array([[1, 1, 1]]), np.array([10]), seed=1)
    assert certain.recall.value == 1.0
    assert certain.recall.low == pytest.approx(0.7225, abs=1e-4)
