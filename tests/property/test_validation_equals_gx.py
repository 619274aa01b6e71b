"""Every compiled kind gives what Great Expectations gives on pandas.

The same table is judged twice: by the compiled suite in DuckDB, and by GX itself on a
pandas frame with its COMPLETE result format. Success, counts, percentages and failing
row numbers must be the same to the last bit. CONCORD_EXAMPLES sets how many tables
each test makes.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.validation_expectations import (
    MOMENT_KINDS,
    PAIRS_IGNORED,
    PATTERNS,
    RECORD_KINDS,
    RECORDS_IGNORED,
    conditions,
    expectation,
    lengths,
    one_column,
    pairs,
    ranges,
    records,
    regexes,
    whole_table,
    written,
)
from tests.support.validation_judges import assert_same
from tests.support.validation_values import HARD, HARD_TEXTS, hard_table, tables

EXAMPLES = int(os.environ.get("CONCORD_EXAMPLES", "12"))
examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """GX logs a traceback for each expectation that it could not evaluate."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def test_every_kind_equals_gx_on_every_hard_value() -> None:
    suite = []
    for kind in HARD:
        one, two, three = (f"{kind}_{place}" for place in range(3))
        suite += [
            expectation(f"expect_column_values_to_{test}", column=one)
            for test in ("be_null", "not_be_null", "be_unique")
        ]
        suite += [
            expectation(test, column_list=[one, two, three], ignore_row_if=ignore)
            for ignore in RECORDS_IGNORED
            for test in RECORD_KINDS[:3]
        ]
        suite += [
            expectation(
                f"expect_column_pair_values_{test}",
                column_A=one,
                column_B=two,
                ignore_row_if=ignore,
            )
            for ignore in PAIRS_IGNORED
            for test in ("to_be_equal", "a_to_be_greater_than_b")
            if kind != "flag" or test == "to_be_equal"
        ]
    assert_same(hard_table(), suite)


@pytest.mark.parametrize("strict", [False, True])
def test_every_bound_equals_gx_on_every_hard_value(strict: bool) -> None:
    suite = []
    for kind in ("integer", "real", "money", *MOMENT_KINDS):
        bounds = sorted(value for value in HARD[kind] if value == value)
        for low, high in pairwise(bounds):
            limits = [written(value) for value in (low, high)]
            for name in ("values", "min", "max"):
                suite.append(
                    expectation(
                        f"expect_column_{name}_to_be_between",
                        column=f"{kind}_0",
                        min_value=limits[0],
                        max_value=limits[1],
                        strict_min=strict,
                        strict_max=strict,
                    )
                )
    assert_same(hard_table(), suite, days_as_dates=True)


@examples
@given(
    tables("text", "integer", "real", "money", "day", "time", "instant", "flag"),
    st.lists(one_column() | lengths(), min_size=8, max_size=12),
)
def test_one_column_kinds_equal_gx(
    table: pa.Table, suite: list[dict[str, Any]]
) -> None:
    assert_same(table, suite)


@examples
@given(
    tables("integer", "real", "money", "day", "time", "instant"),
    st.lists(ranges(), min_size=8, max_size=12),
)
def test_bounds_equal_gx(table: pa.Table, suite: list[dict[str, Any]]) -> None:
    # GX compares a day with a date bound only where the frame holds dates.
    assert_same(table, suite, days_as_dates=True)


@examples
@given(tables("text"), st.lists(regexes(), min_size=4, max_size=8))
def test_patterns_equal_gx(table: pa.Table, suite: list[dict[str, Any]]) -> None:
    assert_same(table, suite)


@examples
@given(
    tables("text", "integer", "real", "money", "day", "time", "instant", "flag"),
    st.lists(pairs() | records(), min_size=6, max_size=10),
)
def test_pairs_and_records_equal_gx(
    table: pa.Table, suite: list[dict[str, Any]]
) -> None:
    assert_same(table, suite)


@examples
@given(
    tables("text", "integer", "real", "money", "day", "time", "instant", "flag"),
    st.data(),
)
def test_row_conditions_equal_gx(table: pa.Table, data: st.DataObject) -> None:
    suite = data.draw(
        st.lists(one_column() | pairs(sets=False) | records(), min_size=5, max_size=8)
    )
    for one in suite:
        one["kwargs"]["row_condition"] = data.draw(conditions())
    assert_same(table, suite)


@examples
@given(
    tables("text", "integer", "real", "money", "day", "time", "instant", "flag"),
    st.data(),
)
def test_table_kinds_equal_gx(table: pa.Table, data: st.DataObject) -> None:
    # Sums of halves and quarters are exact in any order of adding.
    small = st.none() | st.sampled_from(
        [0.0, -0.0, 0.5, -0.25, 1.0, 3.0, float("nan"), float("inf"), float("-inf")]
    )
    values = data.draw(
        st.lists(small, min_size=table.num_rows, max_size=table.num_rows)
    )
    table = table.append_column("small_0", pa.array(values, pa.float64()))
    suite = data.draw(st.lists(whole_table(), min_size=6, max_size=10))
    assert_same(table, suite)


def test_every_pattern_equals_gx_on_every_hard_text() -> None:
    values: list[str | None] = [None, *HARD_TEXTS]
    rows = pa.array(range(len(values)), pa.int64())
    table = pa.table({"_row": rows, "text_0": pa.array(values, pa.string())})
    kinds = ("match_regex", "not_match_regex")
    assert_same(
        table,
        [
            expectation(f"expect_column_values_to_{kind}", column="text_0", regex=regex)
            for regex in PATTERNS
            for kind in kinds
        ],
    )
