"""Pairwise quality counted from group sizes equals quality counted pair by pair."""

from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.linkage.evaluation import Quality, evaluate


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=14))
@settings(max_examples=30, deadline=None)
def test_counts_equal_listing_every_pair(rows: list[tuple[int, int]]) -> None:
    keys = [f"r{n}" for n in range(len(rows))]
    found = pa.table(
        {
            "record_key": pa.array(keys, pa.string()),
            "person_id": pa.array([str(group) for group, _ in rows], pa.string()),
        }
    )
    truth = pa.table(
        {
            "record_key": pa.array(keys, pa.string()),
            "person": pa.array([str(person) for _, person in rows], pa.string()),
        }
    )
    pairs = list(combinations(rows, 2))
    assert evaluate(found, truth) == Quality(
        records=len(rows),
        pairs_true=sum(one[1] == other[1] for one, other in pairs),
        pairs_found=sum(one[0] == other[0] for one, other in pairs),
        pairs_correct=sum(one == other for one, other in pairs),
    )


def test_only_records_with_known_truth_count() -> None:
    found = pa.table({"record_key": ["a", "b", "c"], "cluster_id": ["a", "a", "a"]})
    truth = pa.table({"record_key": ["a", "b", "d"], "person": ["1", "1", "1"]})
    quality = evaluate(found, truth)
    assert quality == Quality(2, 1, 1, 1)
    assert (quality.precision, quality.recall, quality.f1) == (1.0, 1.0, 1.0)


def test_shares_are_of_the_right_whole() -> None:
    quality = Quality(records=10, pairs_true=8, pairs_found=5, pairs_correct=4)
    assert quality.precision == pytest.approx(0.8)
    assert quality.recall == pytest.approx(0.5)
    assert quality.f1 == pytest.approx(8 / 13)
