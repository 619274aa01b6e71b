"""The three bands: what is kept, what is asked, and how much a night may change."""

import duckdb
import pyarrow as pa
import pytest

from concord.linkage.churn import FLOOR, LIMIT, Churn, churn
from concord.linkage.guard import Tables
from concord.linkage.pairs import keep_together, links_among, possible_pairs
from concord.linkage.review import review_queue
from concord.linkage.rulings import Rulings
from concord.linkage.settings import Thresholds

THRESHOLDS = Thresholds(link_weight=5.0, split_weight=2.0, review_weight=0.0)
TABLES = Tables()


def assigned(**person: str) -> pa.Table:
    return pa.table(
        {
            "record_key": pa.array(list(person), pa.string()),
            "person_id": pa.array(list(person.values()), pa.string()),
        }
    )


@pytest.fixture
def con():
    """Hold records a to d and three pairs: sure, on the border, refused."""
    with duckdb.connect() as con:
        con.execute(
            f"CREATE TABLE {TABLES.nodes} AS SELECT * FROM "
            "(VALUES (0, 'a'), (1, 'b'), (2, 'c'), (3, 'd')) "
            "AS n(unique_id, record_key)"
        )
        con.execute(
            f"CREATE TABLE {TABLES.pairs} AS SELECT * FROM (VALUES "
            "(0, 1, 6.0::DOUBLE, NULL), (2, 1, 3.0, NULL), (2, 3, 9.0, 'given names')) "
            "AS p(unique_id_l, unique_id_r, match_weight, refusal)"
        )
        yield con


@pytest.mark.parametrize(
    ("weight", "previous", "links"),
    [
        (3.0, None, ["ab"]),
        (3.0, assigned(b="p", c="q"), ["ab"]),
        (3.0, assigned(b="p", c="p"), ["ab", "bc"]),
        (2.0, assigned(b="p", c="p"), ["ab", "bc"]),
        (1.9, assigned(b="p", c="p"), ["ab"]),
        (3.0, assigned(c="p", d="p"), ["ab"]),
    ],
)
def test_who_was_one_person_is_parted_only_below_the_lower_threshold(
    con, weight, previous, links
) -> None:
    con.execute(f"UPDATE {TABLES.pairs} SET match_weight = ? WHERE match_weight = 3",
                [weight])  # fmt: skip
    keep_together(con, TABLES, previous, THRESHOLDS)
    found = links_among(con, TABLES, list("abcd"), THRESHOLDS)
    assert sorted("".join(sorted(pair[1:])) for pair in found) == links


def test_what_is_neither_sure_nor_refused_is_possible(con) -> None:
    possible = possible_pairs(con, TABLES, THRESHOLDS).to_pylist()
    assert possible == [{"one": "b", "other": "c", "weight": 3.0}]
    assert links_among(con, TABLES, ["a", "c"], THRESHOLDS) == []


def test_thresholds_must_rise() -> None:
    with pytest.raises(ValueError, match="thresholds must rise"):
        Thresholds(link_weight=5.0, split_weight=6.0, review_weight=0.0)


def test_the_queue_asks_once_between_two_persons_and_most_change_first() -> None:
    ids = assigned(a="p", b="p", c="q", d="r", e="r", f="r", g="s")
    possible = pa.table(
        {
            "one": ["a", "b", "a", "d", "a", "c"],
            "other": ["c", "c", "d", "e", "g", "g"],
            "weight": [1.0, 2.0, 1.5, 4.0, 3.0, 4.5],
        }
    )
    parted = Rulings(parted=frozenset({("b", "g")}))
    queue = review_queue(possible, ids, parted).to_pylist()
    assert [(q["one"], q["other"], q["joins"]) for q in queue] == [
        ("a", "d", 6),
        ("b", "c", 2),
        ("c", "g", 1),
    ]
    assert (queue[0]["records_one"], queue[0]["records_other"]) == (2, 3)


def test_churn_counts_records_of_both_nights_whose_id_changed() -> None:
    before = assigned(a="p", b="q", c="r", gone="s")
    after = assigned(a="p", b="p", c="r", new="t")
    assert churn(after, before) == Churn(3, 1)
    assert churn(after, None) == Churn(0, 0)
    assert Churn(0, 0).share == 0


@pytest.mark.parametrize(
    ("records", "changed", "held"),
    [(10_000, 50, False), (10_000, 51, True), (100, FLOOR, False), (100, 11, True)],
)
def test_half_a_per_cent_and_more_than_ten_records_stop_a_night(
    records, changed, held
) -> None:
    assert Churn(records, changed).exceeds(LIMIT) is held
