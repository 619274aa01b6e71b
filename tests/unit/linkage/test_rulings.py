"""What decisions make of the model's clusters."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from concord.linkage.rulings import KeyLink, Rulings, apply_rulings


def ruled(
    clusters: str,
    *,
    joined: str = "",
    parted: str = "",
    links: tuple[KeyLink, ...] = (),
) -> str:
    """Group letters, e.g. ``ab c``; pairs are written ``ab bc``."""
    table = pa.table(
        {
            "record_key": [key for group in clusters.split() for key in group],
            "cluster_id": [min(group) for group in clusters.split() for _ in group],
        }
    )
    rulings = Rulings(
        frozenset((one, other) for one, other in joined.split()),
        frozenset((one, other) for one, other in parted.split()),
    )

    def links_among(keys: Sequence[str]) -> list[KeyLink]:
        return [link for link in links if {link[1], link[2]} <= {*keys}]

    made = apply_rulings(table, rulings, links_among).to_pydict()
    groups: dict[str, str] = {}
    for key, cluster in zip(made["record_key"], made["cluster_id"], strict=True):
        groups[cluster] = groups.get(cluster, "") + key
    assert made["record_key"] == sorted(made["record_key"])
    assert all(cluster == min(group) for cluster, group in groups.items())
    return " ".join(sorted(groups.values()))


@pytest.mark.parametrize(
    ("clusters", "rulings", "expected"),
    [
        ("ab cd", {}, "ab cd"),
        ("ab cd", {"joined": "bd"}, "abcd"),
        ("ab", {"parted": "ab"}, "a b"),
        ("abc", {"parted": "ac", "links": ((9, "a", "b"), (6, "b", "c"))}, "ab c"),
        ("abc", {"parted": "ac", "links": ((6, "a", "b"), (9, "b", "c"))}, "a bc"),
        ("ab c", {"joined": "bc", "parted": "ab"}, "a bc"),
        ("ab cd e", {"joined": "bc", "parted": "ad"}, "abc d e"),
        ("ab", {"joined": "xy", "parted": "xz"}, "ab"),
    ],
)
def test_decisions_win_over_the_model(clusters, rulings, expected) -> None:
    assert ruled(clusters, **rulings) == expected


def test_decisions_chain_through_a_record_that_is_missing_tonight() -> None:
    assert ruled("a c", joined="ab bc") == "ac"
    assert ruled("ac", joined="ab", parted="bc") == "a c"


def test_whoever_hung_on_a_parted_record_stays_where_the_links_are_strongest() -> None:
    links = ((9.0, "a", "b"), (8.0, "b", "c"), (7.0, "c", "d"), (6.0, "d", "e"))
    assert ruled("abcde", parted="ae", links=links) == "abcd e"
    assert ruled("abcde", parted="ae") == "abcd e", "without links the first keep them"


def test_a_link_to_a_record_of_another_cluster_joins_nothing() -> None:
    assert ruled("ab cd", parted="ab cd", links=((9.0, "b", "c"),)) == "a b c d"


def test_contradiction_is_seen_through_chains() -> None:
    chain = frozenset({("a", "b"), ("b", "c")})
    assert Rulings(chain, frozenset({("a", "c")})).contradiction()
    assert not Rulings(chain, frozenset({("a", "d")})).contradiction()
