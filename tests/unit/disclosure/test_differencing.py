"""What two tables tell together: from night to night, and within one release."""

from datetime import date

import duckdb
import numpy as np
import pytest

from concord.disclosure.audit import audit
from concord.disclosure.cells import CellRule, show
from concord.disclosure.counts import Dimension
from concord.disclosure.differencing import (
    Rows,
    learned,
    refuse_changed,
    same_persons,
)
from concord.exceptions import DisclosureRefused
from tests.support.counted import counted

RULE = CellRule()
PERIOD = date(2026, 1, 1)
SEX = Dimension("sex", ("F", "M"))
KIND = Dimension("kind", ("knife", "fist"))


def shown(cells, base: int = 5):
    return [show(counted(cells), RULE, base)]


def refused(before, now) -> str:
    with pytest.raises(DisclosureRefused) as caught:
        refuse_changed(PERIOD, "r000001", before, now)
    return str(caught.value)


def test_two_nights_that_differ_by_one_person_are_refused_with_the_reason() -> None:
    """Ten become eleven: the first was ten, the second is eleven."""
    cells = np.full((5, 5), 40)
    cells[0, 0] = 10
    before = shown(cells)
    cells[0, 0] = 11
    now = shown(cells)
    assert audit(before).safe, "each night alone tells nothing"
    assert audit(now).safe
    message = refused(before, now)
    assert "table, 2026-01-01: 1 figures differ from r000001" in message
    assert "would learn 2 counts exactly" in message
    assert "with the next period only" in message


def test_the_same_figures_again_tell_nothing_new() -> None:
    before, now = shown([[5, 40], [60, 70]]), shown([[6, 40], [60, 70]])
    refuse_changed(PERIOD, "r000001", before, now)
    assert learned([before, now]).exact == 0


def test_thirty_nights_of_growth_give_counts_away_that_no_night_alone_does() -> None:
    rng = np.random.default_rng(7)
    cells = np.array([9, 38, 51, 66])
    nights = []
    for _ in range(30):
        nights.append(shown(cells))
        cells = cells + rng.poisson(0.2, cells.shape)
    assert all(audit(night).exact == 0 for night in nights)

    given = learned(nights)
    assert given.exact >= 10, "counts of some night, certain"
    differing = [n for n in nights if (n[0].figures != nights[0][0].figures).any()]
    assert len(differing) >= 20
    for night in differing:
        assert "which is out and frozen" in refused(nights[0], night)
    for night in nights:
        if not any(night is other for other in differing):
            refuse_changed(PERIOD, "r000001", nights[0], night)


def test_another_table_of_a_period_that_is_out_is_refused() -> None:
    before = shown([[20, 40], [60, 70]])
    now = [*before, show(counted([90, 100], "more", "d"), RULE, 5)]
    assert "Give a changed table a new name" in refused(before, now)


# Tables of one release ------------------------------------------------------------


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        for table in ("one", "other"):
            connection.execute(
                f"CREATE TABLE {table} "
                "(period DATE, sex VARCHAR, kind VARCHAR, who VARCHAR)"
            )
        yield connection


def fill(con, table: str, people) -> None:
    con.executemany(
        f"INSERT INTO {table} VALUES ('2026-01-01', ?, ?, ?)",
        [("FM"[n % 2], ("knife", "fist")[n % 3 == 0], f"p{n}") for n in people],
    )


def rows(table: str, *dimensions: Dimension) -> Rows:
    return Rows(table, "who", "period", dimensions)


def grouped(con, one=(SEX, KIND), other=(SEX,)) -> list[list[int]]:
    tables = [rows("one", *one), rows("other", *other)]
    return same_persons(con, tables, PERIOD, 11)


@pytest.mark.parametrize("missing", [1, 10])
def test_overlapping_tables_that_differ_by_few_persons_are_refused(
    con, missing
) -> None:
    fill(con, "one", range(60))
    fill(con, "other", range(60 - missing))
    with pytest.raises(DisclosureRefused) as caught:
        grouped(con)
    message = str(caught.value)
    assert "one and other, 2026-01-01" in message
    assert "differ by fewer than 11 persons that only one of the two has" in message
    assert "p59" not in message


def test_few_persons_are_found_in_the_cell_that_they_stand_in(con) -> None:
    """In all each table has many of its own; among the women one table has one more."""
    women, men = range(0, 60, 2), range(1, 101, 2)
    fill(con, "one", [*women, *men[:35]])
    fill(con, "other", [*women[1:], *men[15:]])
    with pytest.raises(DisclosureRefused, match=r"common counts \(sex\)"):
        grouped(con)


def test_tables_that_differ_by_many_or_in_both_directions_may_stand_side_by_side(
    con,
) -> None:
    fill(con, "one", range(60))
    fill(con, "other", range(30))
    assert grouped(con) == [[0], [1]]
    con.execute("DELETE FROM other")
    fill(con, "other", range(1, 61))
    assert grouped(con, other=()) == [[0], [1]], "one person each way is nobody's count"


def test_tables_of_the_same_persons_are_found_and_go_together(con) -> None:
    fill(con, "one", range(60))
    fill(con, "other", range(60))
    assert grouped(con) == [[0, 1]]


def test_a_difference_hidden_in_a_withheld_cell_is_none(con) -> None:
    fill(con, "one", range(8))
    fill(con, "other", range(7))
    assert grouped(con) == [[0], [1]]
