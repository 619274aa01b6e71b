"""A judged sample speaks for all pairs, with an interval that knows its size."""

from collections import Counter
from datetime import date

import pyarrow as pa
import pytest

from concord.linkage.measuring import Judged
from concord.linkage.prediction import link
from concord.linkage.sampling import (
    Stratum,
    candidate_pairs,
    curve_of,
    draw,
    estimate,
    judged_pairs,
    strata,
)

NIGHT = date(2026, 1, 5)
SURE, DOUBTFUL, UNLINKED = (
    Stratum(True, 15.0, 9000, 100, 100),
    Stratum(True, 5.0, 1000, 100, 80),
    Stratum(False, 0.0, 400, 100, 25),
)


def pairs(*strata_sizes: tuple[bool, float | None, int]) -> pa.Table:
    rows = [
        {"one": f"a{n}{at}", "other": f"b{n}{at}", "linked": linked, "lowest": lowest}
        for n, (linked, lowest, size) in enumerate(strata_sizes)
        for at in range(size)
    ]
    return pa.Table.from_pylist(rows)


def test_each_stratum_counts_as_many_pairs_as_it_stands_for() -> None:
    found = estimate([SURE, DOUBTFUL, UNLINKED], seed=1)
    assert found.counts.found == 10_000
    assert found.counts.correct == 9800
    assert found.counts.true == 9900
    assert found.precision.value == pytest.approx(0.98)
    assert found.recall.value == pytest.approx(9800 / 9900)
    for rate in (found.precision, found.recall, found.f1):
        assert rate.low < rate.value <= rate.high <= 1


def test_a_stratum_that_nobody_judged_is_left_out() -> None:
    unseen = Stratum(False, -5.0, 10_000, 0, 0)
    assert estimate([SURE, unseen], 1).counts == estimate([SURE], 1).counts


def test_thresholds_are_the_lowest_weights_of_the_strata() -> None:
    curve = curve_of([SURE, DOUBTFUL, UNLINKED])
    assert [point.weight for point in curve] == [0.0, 5.0, 15.0]
    assert [point.precision for point in curve] == pytest.approx(
        [9900 / 10_400, 0.98, 1.0]
    )
    assert [point.recall for point in curve] == pytest.approx(
        [1.0, 9800 / 9900, 9000 / 9900]
    )


def test_small_strata_are_drawn_whole_and_the_rest_shared() -> None:
    drawn = draw(pairs((True, 15.0, 900), (True, 0.0, 10), (False, 0.0, 300)), 100, 1)
    counted = Counter(
        (row["linked"], row["lowest"], row["pairs_in_stratum"])
        for row in drawn.to_pylist()
    )
    assert counted == {
        (True, 15.0, 900): 45,
        (True, 0.0, 10): 10,
        (False, 0.0, 300): 45,
    }


def test_the_same_seed_draws_the_same_and_order_tells_nothing() -> None:
    every = pairs((True, 15.0, 50), (False, 0.0, 50))
    drawn = draw(every, 40, 1)
    assert drawn.equals(draw(every, 40, 1))
    assert not drawn.equals(draw(every, 40, 2))
    assert drawn["linked"].to_pylist() != sorted(drawn["linked"].to_pylist())


def test_unsure_counts_as_not_judged() -> None:
    sample = draw(pairs((True, 15.0, 4)), 4, 1)
    labels = {0: True, 1: False, 2: None}
    assert judged_pairs(sample, labels) == Judged(4, 2, 1)
    assert strata(sample, labels) == (Stratum(True, 15.0, 4, 2, 1),)


def test_judging_every_pair_gives_the_quality_itself(springfield, model) -> None:
    records, truth = springfield
    clusters = link(records, model, night=NIGHT, threads=2).clusters
    groups = clusters.rename_columns(["record_key", "person_id"])
    every = candidate_pairs(records, groups, model, NIGHT, threads=2)
    person = dict(zip(*truth.to_pydict().values(), strict=True))
    group = dict(zip(*groups.to_pydict().values(), strict=True))
    rows = every.to_pylist()
    assert len({(row["one"], row["other"]) for row in rows}) == len(rows)
    assert all(row["one"] < row["other"] for row in rows)
    assert all(
        row["linked"] == (group[row["one"]] == group[row["other"]]) for row in rows
    )
    sizes = Counter(group.values())
    assert sum(row["linked"] for row in rows) == sum(
        n * (n - 1) // 2 for n in sizes.values()
    )
    sample = draw(every, len(rows), 1)
    labels = {
        place: person[row["one"]] == person[row["other"]]
        for place, row in enumerate(sample.to_pylist())
    }
    found = estimate(strata(sample, labels), 1)
    same = [person[row["one"]] == person[row["other"]] for row in rows]
    linked = [row["linked"] for row in rows]
    assert found.counts.true == sum(same)
    assert found.counts.found == sum(linked)
    assert found.counts.correct == sum(
        one and other for one, other in zip(same, linked, strict=True)
    )
