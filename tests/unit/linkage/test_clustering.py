"""Groups from links: connected, limited in size, never against a refusal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.exceptions import LinkageError
from concord.linkage.clustering import (
    connect,
    cut_contradictions,
    limit_size,
    loosely_joined,
)

NODES = st.integers(0, 11)
EDGES = st.lists(st.tuples(NODES, NODES), max_size=24)


def arrays(edges: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    left = np.array([one for one, _ in edges], dtype=np.int64)
    right = np.array([other for _, other in edges], dtype=np.int64)
    return left, right


@given(EDGES)
@settings(max_examples=200, deadline=None)
def test_connected_nodes_share_the_smallest_of_them(
    edges: list[tuple[int, int]],
) -> None:
    expected = list(range(12))
    for _ in range(12):
        for one, other in edges:
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert connect(12, *arrays(edges)).tolist() == expected


def test_a_long_chain_is_one_group() -> None:
    count = 5000
    order = np.random.default_rng(1).permutation(count)
    group = connect(count, order[:-1], order[1:])
    assert set(group.tolist()) == {0}


@given(
    st.lists(st.tuples(st.integers(0, 3), NODES, NODES), max_size=24),
    st.lists(st.tuples(NODES, NODES), max_size=8),
)
@settings(max_examples=200, deadline=None)
def test_no_group_holds_a_refused_pair(
    weighted: list[tuple[int, int, int]], refused: list[tuple[int, int]]
) -> None:
    links = [(float(weight), one, other) for weight, one, other in weighted]
    home = cut_contradictions(links, [pair for pair in refused if pair[0] != pair[1]])
    for one, other in refused:
        if one != other and one in home and other in home:
            assert home[one] != home[other]
    whole = connect(12, *arrays([(one, other) for _, one, other in weighted]))
    assert all(whole[node] == whole[group] for node, group in home.items())
    assert all(home[group] == group <= node for node, group in home.items())


def test_the_strongest_links_win() -> None:
    links = [(9.0, 0, 2), (12.0, 1, 2), (8.0, 3, 0)]
    assert cut_contradictions(links, [(0, 1)]) == {0: 0, 1: 1, 2: 1, 3: 0}
    assert cut_contradictions(reversed(links), [(1, 0)]) == {0: 0, 1: 1, 2: 1, 3: 0}


def test_a_group_that_is_too_big_keeps_its_strict_links() -> None:
    weight = np.array([25.0, 7.0, 25.0, 7.0])
    left, right = arrays([(0, 1), (1, 2), (2, 3), (5, 6)])
    keep = limit_size(7, (weight, left, right), largest=3, strict_weight=20.0)
    assert keep.tolist() == [True, False, True, True]
    everything = limit_size(7, (weight, left, right), largest=4, strict_weight=20.0)
    assert everything.all()


def test_a_group_that_stays_too_big_is_refused() -> None:
    weight = np.full(3, 25.0)
    left, right = arrays([(0, 1), (1, 2), (2, 3)])
    with pytest.raises(LinkageError, match="a group of 4 records") as caught:
        limit_size(4, (weight, left, right), largest=3, strict_weight=20.0)
    assert caught.value.code == "GIANT_CLUSTER"


TWO_GROUPS = [(25.0, 0, 1), (22.0, 2, 3)]


def cut(links: list[tuple[float, int, int]]) -> dict[int, int]:
    return cut_contradictions(links, [], bridge_weight=10.0)


def loose(links: list[tuple[float, int, int]], count: int = 6) -> list[int]:
    weight = np.array([link[0] for link in links])
    left, right = arrays([link[1:] for link in links])
    group = connect(count, left, right)
    return loosely_joined(group, (weight, left, right), bridge_weight=10.0).tolist()


def test_one_weak_link_does_not_join_two_groups() -> None:
    links = [*TWO_GROUPS, (6.0, 1, 2)]
    assert cut(links) == {0: 0, 1: 0, 2: 2, 3: 2}
    assert cut_contradictions(links, []) == {0: 0, 1: 0, 2: 0, 3: 0}
    assert loose(links) == [0]


def test_one_strong_link_or_two_weak_ones_join_two_groups() -> None:
    assert set(cut([*TWO_GROUPS, (10.0, 1, 2)]).values()) == {0}
    assert set(cut([*TWO_GROUPS, (6.0, 1, 2), (5.5, 0, 3)]).values()) == {0}
    assert loose([*TWO_GROUPS, (10.0, 1, 2)]) == []


def test_a_record_between_two_groups_goes_with_the_likelier_one() -> None:
    links = [*TWO_GROUPS, (6.0, 1, 4), (7.0, 2, 4)]
    assert cut(links) == {0: 0, 1: 0, 2: 2, 3: 2, 4: 2}
    assert loose(links) == [0]


def test_weak_links_alone_may_make_a_group() -> None:
    links = [(6.0, 0, 3), (6.0, 1, 2), (6.0, 0, 2)]
    assert set(cut(links).values()) == {0}
    assert loose(links) == []


def test_a_record_on_its_own_is_joined_by_one_weak_link() -> None:
    assert cut([(25.0, 0, 1), (6.0, 1, 2)]) == {0: 0, 1: 0, 2: 0}
    assert loose([(25.0, 0, 1), (6.0, 1, 2)]) == []


@given(st.lists(st.tuples(st.sampled_from([6.0, 25.0]), NODES, NODES), max_size=20))
@settings(max_examples=200, deadline=None)
def test_only_groups_found_loose_are_ever_cut_at_a_bridge(
    links: list[tuple[float, int, int]],
) -> None:
    weight = np.array([link[0] for link in links])
    left, right = arrays([link[1:] for link in links])
    whole = connect(12, left, right)
    found = loosely_joined(whole, (weight, left, right), bridge_weight=10.0)
    home = cut(links)
    assert all(home[n] == whole[n] for n in home if whole[n] not in found)
