"""Groups from links: connected, limited in size, never against a refusal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.exceptions import LinkageError
from concord.linkage.clustering import connect, cut_contradictions, limit_size

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
