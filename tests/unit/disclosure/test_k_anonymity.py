"""k-anonymity: every class large enough, at the least cost, the same each time."""

import pickle
from collections import Counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contracts.risk import Coarser, KAnonymity
from concord.disclosure.k_anonymity import Risk, protect
from concord.exceptions import ContractError, DisclosureRefused, RiskRefused

RULE = KAnonymity(k=5, quasiIdentifiers=("sex", "race", "zip3"), maxSuppressedShare=1)
Row = tuple[str | None, str | None, str | None]


def persons(*groups: tuple[int, str | None, str | None, str | None]) -> list[Row]:
    return [tuple(row) for count, *row in groups for _ in range(count)]


def load(rows: list[Row]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE person (person_token VARCHAR, sex VARCHAR, race VARCHAR, "
        "zip3 VARCHAR, note VARCHAR)"
    )
    if rows:
        con.executemany(
            "INSERT INTO person VALUES (?, ?, ?, ?, 'kept')",
            [(f"per_{number:05}", *row) for number, row in enumerate(rows)],
        )
    return con


def published(con: duckdb.DuckDBPyConnection) -> list[tuple[str | None, ...]]:
    return con.execute(
        "SELECT sex, race, zip3, disclosure_state FROM person ORDER BY person_token"
    ).fetchall()


def test_large_classes_stay_as_they_are() -> None:
    con = load(persons((5, "F", "W", "627"), (6, "M", "B", None)))

    risk = protect(con, "person", "person_token", RULE)

    expected = [("F", "W", "627", "ok")] * 5 + [("M", "B", None, "ok")] * 6
    assert published(con) == expected
    assert risk == Risk(
        table="person",
        quasi_identifiers=("sex", "race", "zip3"),
        k_required=5,
        k_before=5,
        k_after=5,
        records=11,
        at_risk=0,
        generalised=0,
        suppressed=0,
        classes=2,
        classes_before=2,
        unique_before=0,
        changed={"sex": 0, "race": 0, "zip3": 0},
    )


def test_the_finest_quasi_identifier_goes_first_and_only_as_far_as_needed() -> None:
    rows = persons((7, "F", "W", "627"), (3, "F", "B", "627"), (2, "F", "B", "628"))
    con = load(rows)

    risk = protect(con, "person", "person_token", RULE)

    expected = [("F", "W", "627", "ok")] * 7 + [("F", "B", None, "generalised")] * 5
    assert published(con) == expected
    assert (risk.k_before, risk.k_after, risk.at_risk) == (2, 5, 5)
    assert (risk.generalised, risk.suppressed, risk.touched) == (5, 0, 5)


def test_what_was_missing_and_what_was_withheld_are_told_apart() -> None:
    rows = persons((5, "F", "B", None), (3, "F", "B", "627"), (2, "F", "B", "628"))
    con = load(rows)

    protect(con, "person", "person_token", RULE)

    expected = [("F", "B", None, "ok")] * 5 + [("F", "B", None, "generalised")] * 5
    assert published(con) == expected


def test_suppressed_rows_are_joined_until_they_are_k() -> None:
    con = load(persons((20, "F", "W", "627"), (2, "M", "B", "628")))

    risk = protect(con, "person", "person_token", RULE)

    states = Counter(row[3] for row in published(con))
    assert states == {"ok": 17, "suppressed": 5}
    assert risk.suppressed_share == 5 / 22
    assert published(con)[:3] == [(None, None, None, "suppressed")] * 3


def test_the_smallest_class_joins_whole_when_none_can_spare_rows() -> None:
    rows = persons((5, "F", "W", "627"), (6, "F", "A", "627"), (2, "M", "B", "628"))
    con = load(rows)

    risk = protect(con, "person", "person_token", RULE)

    assert Counter(row[3] for row in published(con)) == {"ok": 6, "suppressed": 7}
    assert risk.k_after == 6


def test_other_columns_are_never_touched() -> None:
    con = load(persons((1, "F", "W", "627"), (9, "M", "B", "628")))

    protect(con, "person", "person_token", RULE)

    assert con.execute("SELECT DISTINCT note FROM person").fetchall() == [("kept",)]


def test_an_empty_table_passes() -> None:
    risk = protect(load([]), "person", "person_token", RULE)

    assert (risk.records, risk.k_after, risk.suppressed_share) == (0, 0, 0.0)


def test_fewer_persons_than_k_are_refused() -> None:
    con = load(persons((4, "F", "W", "627")))

    with pytest.raises(DisclosureRefused, match=r"4 rows can't be brought to k=5"):
        protect(con, "person", "person_token", RULE)


def test_too_many_suppressed_rows_are_refused() -> None:
    rule = RULE.model_copy(update={"max_suppressed_share": 0.1})
    con = load(persons((20, "F", "W", "627"), (2, "M", "B", "628")))

    with pytest.raises(DisclosureRefused, match=r"5 of 22 rows \(22.7%\)"):
        protect(con, "person", "person_token", rule)


def test_a_person_with_two_rows_is_refused() -> None:
    con = load(persons((9, "F", "W", "627")))
    con.execute("INSERT INTO person SELECT * FROM person LIMIT 1")

    with pytest.raises(DisclosureRefused, match="10 rows for 9 values of person_token"):
        protect(con, "person", "person_token", RULE)


def test_a_table_without_any_declared_column_is_refused() -> None:
    rule = KAnonymity(k=5, quasiIdentifiers=("zip",), maxSuppressedShare=1)

    with pytest.raises(DisclosureRefused, match="none of the declared"):
        protect(load([]), "person", "person_token", rule)


def test_the_summary_holds_counts_only() -> None:
    con = load(persons((20, "F", "W", "627"), (2, "M", "B", "628")))

    summary = protect(con, "person", "person_token", RULE).summary()

    assert summary["suppressed_share"] == 0.227273
    assert not {"F", "W", "B", "M"} & set(map(str, summary.values()))


values = st.one_of(st.none(), st.sampled_from("abc"))
tables = st.lists(st.tuples(values, values, values), max_size=60)


@settings(max_examples=60, deadline=None)
@given(rows=tables, k=st.integers(min_value=5, max_value=12))
def test_every_class_has_k_rows_afterwards(rows: list[Row], k: int) -> None:
    rule = RULE.model_copy(update={"k": k})
    con, again = load(rows), load(rows)
    if 0 < len(rows) < k:
        with pytest.raises(DisclosureRefused):
            protect(con, "person", "person_token", rule)
        return

    risk = protect(con, "person", "person_token", rule)
    protect(again, "person", "person_token", rule)

    after = published(con)
    assert all(size >= k for size in Counter(after).values())
    assert all(size >= k for size in Counter(row[:3] for row in after).values())
    assert after == published(again)
    assert len(after) == len(rows) == risk.records
    for before, (*kept, state) in zip(rows, after, strict=True):
        assert all(new in (old, None) for old, new in zip(before, kept, strict=True))
        assert state != "ok" or tuple(kept) == before
        assert (state == "suppressed") <= (kept == [None, None, None])
    assert risk.touched == sum(row[3] != "ok" for row in after)


def test_rows_become_coarser_before_they_lose_anything() -> None:
    coarser = {"race": {"groups": {"other": ["A", "I"]}}}
    rule = RULE.model_copy(
        update={"coarser": {"race": Coarser.model_validate(coarser["race"])}}
    )
    con = load(
        persons((6, "F", "W", "627"), (3, "F", "A", "627"), (2, "F", "I", "627"))
    )

    risk = protect(con, "person", "person_token", rule)

    expected = [("F", "W", "627", "ok")] * 6 + [
        ("F", "other", "627", "generalised")
    ] * 5
    assert published(con) == expected
    assert risk.changed == {"sex": 0, "race": 5, "zip3": 0}
    assert risk.information_loss == 5 / 33


def test_numbers_are_widened_and_a_value_of_no_group_is_withheld() -> None:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE person AS SELECT i AS person_token, if(i < 5, 'A', 'W') AS race, "
        "1980 + 10 * (i % 2) AS decade FROM range(10) AS t(i)"
    )
    rule = KAnonymity.model_validate(
        {
            "k": 5, "quasiIdentifiers": ["race", "decade"], "maxSuppressedShare": 1,
            "coarser": {"decade": {"width": 20}, "race": {"groups": {"A": ["A"]}}},
        }
    )  # fmt: skip

    protect(con, "person", "person_token", rule)

    assert con.execute(
        "SELECT DISTINCT race, decade, disclosure_state FROM person ORDER BY race"
    ).fetchall() == [("A", 1980, "generalised"), (None, 1980, "generalised")]


@pytest.mark.parametrize(
    ("column", "how"),
    [("race", {"width": 20}), ("decade", {"groups": {"old": ["1980"]}})],
)
def test_words_are_not_widened_nor_numbers_grouped(
    column: str, how: dict[str, object]
) -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE person (person_token INT, race VARCHAR, decade INT)")
    con.execute("INSERT INTO person VALUES (1, 'canary', 1980)")
    rule = KAnonymity.model_validate(
        {
            "k": 5, "quasiIdentifiers": ["race", "decade"], "maxSuppressedShare": 1,
            "coarser": {column: how},
        }
    )  # fmt: skip

    with pytest.raises(ContractError, match=f"'{column}' of person is") as refused:
        protect(con, "person", "person_token", rule)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("coarser", "message"),
    [
        ({"age": {"width": 5}}, "'age' is coarsened but no quasi-identifier"),
        ({"sex": {}}, "needs one of 'width'"),
        ({"sex": {"width": 5, "groups": {"a": ["b"]}}}, "needs one of 'width'"),
    ],
)
def test_coarser_values_that_make_no_sense_are_refused(
    coarser: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        KAnonymity(
            k=5, quasiIdentifiers=("sex",), maxSuppressedShare=1, coarser=coarser
        )


def test_too_many_touched_rows_are_refused_with_a_code() -> None:
    rule = RULE.model_copy(update={"max_touched_share": 0.4})
    con = load(
        persons((5, "F", "W", "627"), (3, "F", "B", "627"), (2, "F", "B", "628"))
    )

    with pytest.raises(
        RiskRefused, match=r"5 of 10 rows \(50.0%\) would be"
    ) as refused:
        protect(con, "person", "person_token", rule)
    assert refused.value.code == "TOO_MUCH_WITHHELD"
    assert pickle.loads(pickle.dumps(refused.value)).code == "TOO_MUCH_WITHHELD"
