"""Counts of persons: withheld, rounded, attacked, and coarser until none is found."""

from dataclasses import replace
from datetime import date
from itertools import product

import duckdb
import numpy as np
import pytest

from concord.disclosure.attacker import Attacker, Contradiction
from concord.disclosure.audit import attack, audit
from concord.disclosure.cells import WITHHELD, CellRule, show
from concord.disclosure.counts import Dimension, count_persons
from concord.disclosure.table_protection import protect_table, protect_tables
from concord.exceptions import ConfigError, DisclosureRefused
from tests.support.counted import SHAPES, counted, uneven

RULE = CellRule()
PERIOD = date(2026, 1, 1)
SEX = Dimension("sex", ("F", "M"))
KIND = Dimension("kind", ("knife", "fist"))


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE hurt (period DATE, sex VARCHAR, kind VARCHAR, who VARCHAR)"
        )
        yield connection


def hurt(con, *rows: tuple[str, str, str]) -> None:
    con.executemany("INSERT INTO hurt VALUES ('2026-01-01', ?, ?, ?)", rows)


def test_persons_are_counted_once_in_a_cell_and_once_in_each_sum(con) -> None:
    hurt(con, ("F", "knife", "a"), ("F", "knife", "a"), ("F", "fist", "a"))
    hurt(con, ("F", "knife", "b"), ("M", "fist", "c"))
    counts = count_persons(con, "hurt", "who", "period", (SEX, KIND))[PERIOD]
    assert counts.cells.tolist() == [[2, 1, 2], [0, 1, 1], [2, 2, 3]]
    assert counts.additive == (True, False)


@pytest.mark.parametrize("value", ["zqxlou", None])
def test_a_value_that_is_not_declared_is_refused_and_not_shown(con, value) -> None:
    hurt(con, ("F", value, "a"))
    with pytest.raises(
        DisclosureRefused, match=r"hurt\.kind: 1 rows have no value"
    ) as e:
        count_persons(con, "hurt", "who", "period", (SEX, KIND))
    assert "zqxlou" not in str(e.value)


def test_few_are_withheld_and_others_rounded_half_up_as_are_sums() -> None:
    shown = show(counted([[0, 1, 10], [11, 12, 13]]), RULE, 5)
    assert shown.figures.tolist() == [
        [0, WITHHELD, WITHHELD, 10],
        [10, 10, 15, 35],
        [10, 15, 25, 45],
    ]


def test_what_a_figure_stands_for_is_what_rounding_and_withholding_allow() -> None:
    for base, zeros in product((5, 10), (False, True)):
        rule = CellRule(11, (base,), zeros_disclosive=zeros)
        stands_for: dict[int, list[int]] = {}
        for count in range(60):
            figure = int(show(counted([count]), rule, base).figures[0])
            stands_for.setdefault(figure, []).append(count)
        for count in range(50):
            shown = show(counted([count]), rule, base)
            low, high = (int(bound[0]) for bound in shown.bounds())
            possible = stands_for[int(shown.figures[0])]
            assert (low, high) == (min(possible), max(possible)), (count, base)


def test_zeros_are_withheld_where_they_say_something() -> None:
    rule = CellRule(zeros_disclosive=True)
    shown = show(counted([0, 4, 30]), rule, 5)
    assert shown.figures.tolist() == [WITHHELD, WITHHELD, 30, 35]
    found = attack(Attacker([shown]), rule)
    assert found.widths == ((10, 2),), "0 to 9: of 33 to 37 less 28 to 32"
    assert not found.safe, "they could be 0 to 10"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"threshold": 4}, "5 is the least"),
        ({"bases": (20,)}, "can't be rounded to 20"),
    ],
)
def test_a_rule_that_protects_too_little_or_shows_nothing_is_refused(
    rule, message
) -> None:
    with pytest.raises(ConfigError, match=message):
        CellRule(**rule)


# The attack ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["12x10", "6x5x4"])
def test_the_attack_recovers_what_is_withheld_where_nothing_is_rounded(shape) -> None:
    counts = uneven(*SHAPES[shape], seed=1)
    bare = replace(show(counts, RULE, 5), base=1)
    figures = np.where(bare.withheld, WITHHELD, counts.cells)
    found = audit([replace(bare, figures=figures)])
    assert dict(found.widths)[1] >= 2, "known exactly"
    assert not found.safe


@pytest.mark.parametrize("seed", range(6))
def test_the_attack_finds_the_intervals_that_trying_every_table_finds(seed) -> None:
    rng = np.random.default_rng(seed)
    rule = CellRule(5, (5,))
    shown = show(counted(rng.integers(0, 9, (2, 2))), rule, 5)
    tried = np.array(list(product(range(12), repeat=4))).reshape(-1, 2, 2)
    full = np.concatenate([tried, tried.sum(1, keepdims=True)], 1)
    full = np.concatenate([full, full.sum(2, keepdims=True)], 2)
    low, high = shown.bounds()
    possible = full[((full >= low) & (full <= high)).all((1, 2))]

    attacker = Attacker([shown])
    hidden = attacker.withheld
    attacker.reach(hidden, 0, 99)
    found_low, found_high = attacker.found(hidden)
    flat = possible.reshape(len(possible), -1)[:, hidden]
    assert found_low.tolist() == flat.min(0).tolist()
    assert found_high.tolist() == flat.max(0).tolist()


def test_persons_who_stand_in_two_cells_are_no_more_in_all_than_in_the_cells() -> None:
    counts = replace(counted([8, 8]), cells=np.array([8, 8, 12]))
    assert counts.additive == (False,)
    found = audit([show(counts, RULE, 5)])
    assert found.widths == ((10, 2),), (
        "with sums of cells it would be 1 to 10 of 11, 12"
    )
    strict = replace(show(counts, RULE, 5), additive=(True,))
    assert found.safe
    assert audit([strict]).widths == ((10, 2),)


def test_tables_that_can_not_count_the_same_persons_contradict_one_another() -> None:
    one, other = counted([40, 40], "one"), counted([60, 60], "other")
    with pytest.raises(Contradiction, match="contradict one another"):
        audit([show(one, RULE, 5), show(other, RULE, 5)])


# Protection ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "seed"), [*((shape, 0) for shape in SHAPES), ("8x7", 2), ("6x5x4", 1)]
)
def test_no_cell_of_the_five_shapes_can_be_recovered_or_narrowed(shape, seed) -> None:
    counts = uneven(*SHAPES[shape], seed)
    assert ((counts.cells > 0) & (counts.cells < 11)).sum() >= 6
    found = protect_table(counts, RULE)
    assert found.audit.exact == 0
    assert found.audit.full == found.audit.withheld
    if found.base == 5:
        assert found.mean_error <= 1.5
    again = audit(found.tables)
    assert again == found.audit, "the figures that leave are those that were attacked"
    assert found.summary()["audit"]["exact"] == 0


def test_a_base_that_tells_too_much_gives_way_to_a_rougher_one() -> None:
    counts = uneven(*SHAPES["8x7"], seed=2)
    assert not audit([show(counts, RULE, 5)]).safe
    found = protect_table(counts, RULE)
    assert (found.base, found.steps) == (10, ("unsafe rounded to 5",))


def test_a_table_that_no_base_saves_loses_its_finest_dimension() -> None:
    found = protect_table(uneven(*SHAPES["12x7x4"], seed=0), RULE)
    assert found.steps[:3] == (
        "unsafe rounded to 5",
        "unsafe rounded to 10",
        "table summed over c",
    )
    assert [d.name for d in found.tables[0].dimensions] == ["a", "b"]


def test_a_handful_in_one_cell_stays_where_zeros_are_shown_and_hides_else() -> None:
    counts = counted([[3, 0], [0, 0]])
    (shown,) = protect_table(counts, RULE).tables
    assert shown.figures[0].tolist() == [WITHHELD, 0, WITHHELD]
    (shown,) = protect_table(counts, CellRule(zeros_disclosive=True)).tables
    assert (shown.figures == WITHHELD).all()


def test_of_a_table_that_nothing_saves_the_total_is_left() -> None:
    found = protect_table(counted([[8, 0], [0, 8]]), RULE)
    assert found.tables[0].dimensions == ()
    assert found.tables[0].figures == 15


def test_tables_of_the_same_persons_are_attacked_and_protected_together() -> None:
    whole = uneven((6, 5, 4), 40, seed=1)
    a, b, c = whole.dimensions
    one = replace(whole, name="one", dimensions=(a, b), cells=whole.cells[..., -1])
    other = replace(whole, name="other", dimensions=(a, c), cells=whole.cells[:, -1])
    found = protect_tables([one, other], RULE)
    assert found.audit.safe
    assert found.audit.cells == 7 * 6 + 7 * 5 - 7, "what both show is one unknown"


def test_what_one_table_tells_narrows_another_of_the_same_persons() -> None:
    """A sum that the other table gives exactly leaves one cell less room."""
    cells = np.full((3, 3), 40)
    cells[0, 0] = 5
    one = counted(cells, "one", "ab")
    other = counted([[45, 40], [60, 60], [60, 60]], "other", "ac")
    rounded = show(one, RULE, 5)
    exact = replace(show(other, RULE, 5), base=1, figures=other.cells)
    assert audit([rounded]).safe
    assert audit([exact]).withheld == 0
    together = audit([rounded, exact])
    assert together.widths == ((9, 1),)
    assert not together.safe
