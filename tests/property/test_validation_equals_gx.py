"""Every compiled kind gives what Great Expectations gives on pandas.

The same table is judged twice: by the compiled suite in DuckDB, and by GX itself on a
pandas frame with its COMPLETE result format. Success, counts, percentages and failing
row numbers must be the same to the last bit. CONCORD_EXAMPLES sets how many tables
each test makes.
"""

import datetime as dt
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concord.exceptions import SuiteError
from concord.validation.compiler import compile_suite
from concord.validation.native import frame
from concord.validation.regexes import to_re2
from concord.validation.rules import NativeRule
from concord.validation.running import run
from concord.validation.suites import build

EXAMPLES = int(os.environ.get("CONCORD_EXAMPLES", "25"))
examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# What comes in: nulls, blanks, Unicode, NaN, negative zero, infinities, time zones.

TEXTS = [
    "", " ", "a", "A", "b", "ab", "a b", "a\n", "\n", "a\nb", "7", "42", "IL1234567",
    "é", "e\u0301", "ß", "\u0663", "\u0663\u0664", "\u00a0", "\x1c", "\x0b", "_", "-",
    "it's", 'say "x"', "nan", "None", "\U0001f937\U0001f3fc\u200d\u2642\ufe0f", "İ",
    "ſ", "K", "\ufeff", "\ue000", "\U0010ffff", "%", "\\",
]  # fmt: skip
REALS = [
    0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 2.0, 100.0, 0.1, -273.15, 5e-324, 1e308, -1e308,
    float("inf"), float("-inf"), float("nan"), 2.0**53,
]  # fmt: skip
INTEGERS = [0, 1, -1, 2, 3, 100, 2**31, -(2**31), 2**53 - 1, -(2**53) + 1]
DAYS = [
    dt.date(1, 1, 1), dt.date(1899, 12, 31), dt.date(1900, 1, 1), dt.date(2000, 2, 29),
    dt.date(2026, 1, 5), dt.date(2026, 1, 6), dt.date(9999, 12, 31),
]  # fmt: skip
TIMES = [
    dt.datetime(1, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2026, 1, 5), dt.datetime(2026, 1, 5, 0, 0, 0, 1),
    dt.datetime(2026, 1, 5, 23, 59, 59, 999999), dt.datetime(2026, 3, 8, 2, 30),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
]  # fmt: skip
CHICAGO = dt.timezone(dt.timedelta(hours=-6))
KOLKATA = dt.timezone(dt.timedelta(hours=5, minutes=30))
INSTANTS = [
    dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 5, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 5, tzinfo=CHICAGO), dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 5, 11, 30, tzinfo=KOLKATA),
    dt.datetime(2026, 1, 5, 0, 0, 0, 1, tzinfo=dt.UTC),
]  # fmt: skip

text = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4
)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "text": text,
    "integer": st.sampled_from(INTEGERS) | st.integers(-3, 3),
    "real": st.sampled_from(REALS),
    "money": st.decimals(-10, 10, places=2) | st.sampled_from([Decimal("0.10")]),
    "day": st.sampled_from(DAYS),
    "time": st.sampled_from(TIMES),
    "instant": st.sampled_from(INSTANTS),
    "flag": st.booleans(),
}
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "money": pa.decimal128(9, 2),
    "day": pa.date32(),
    "time": pa.timestamp("us"),
    "instant": pa.timestamp("us", "UTC"),
    "flag": pa.bool_(),
}
DUCKDB = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "money": "DECIMAL(9,2)",
    "day": "DATE",
    "time": "TIMESTAMP",
    "instant": "TIMESTAMP WITH TIME ZONE",
    "flag": "BOOLEAN",
}


@st.composite
def tables(draw: st.DrawFn, *kinds: str, most: int = 10) -> pa.Table:
    """A table of numbered rows with three columns of each kind, named kind_0 to _2."""
    size = draw(st.integers(0, most))
    columns = {"_row": pa.array(range(100, 100 + size), pa.int64())}
    for kind in kinds:
        for place in range(3):
            values = draw(
                st.lists(st.none() | VALUES[kind], min_size=size, max_size=size)
            )
            columns[f"{kind}_{place}"] = pa.array(values, ARROW[kind])
    return pa.table(columns)


# Both judges.


@lru_cache(maxsize=1)
def gx_context() -> Any:
    """One quiet ephemeral context for all tests."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("oracle")
        .add_dataframe_asset("oracle")
        .add_batch_definition_whole_dataframe("oracle")
    )


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """GX logs a traceback for each expectation that it could not evaluate."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def by_gx(data: pd.DataFrame, suite: Any) -> dict[str, dict[str, Any]]:
    """What GX itself says, by rule."""
    batch = gx_context().get_batch({"dataframe": data})
    result = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["_row"],
            "exclude_unexpected_values": True,
            "partial_unexpected_count": 0,
        },
    )
    said = {}
    for one in result.results:
        rule = one.expectation_config.meta["rule"]
        infos = [one.exception_info, *one.exception_info.values()]
        if any(isinstance(i, dict) and i.get("raised_exception") for i in infos):
            said[rule] = {"raised": str(one.exception_info)}
            continue
        places = one.result.get("unexpected_index_list") or []
        said[rule] = {
            **{key: value for key, value in one.result.items() if "index" not in key},
            "success": one.success,
            "rows": sorted(int(row) for place in places for row in place["_row"]),
        }
    return said


def by_concord(
    con: duckdb.DuckDBPyConnection, suite: Any, columns: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """What the compiled suite says, by rule."""
    compiled = compile_suite(suite, columns)
    native = [rule for rule in compiled.rules if isinstance(rule, NativeRule)]
    assert not native, [rule.expectation for rule in native]
    outcome = run(con, "batch", compiled)
    failing: dict[str, list[int]] = {rule.rule: [] for rule in compiled.rules}
    for row, rule in con.execute(
        f"SELECT _row, rule FROM {outcome.failures}"
    ).fetchall():
        failing[rule].append(row)
    con.execute(f"DROP TABLE {outcome.failures}")
    for rule, rows in failing.items():
        assert outcome.rule_counts.get(rule, 0) == len(rows)
    return {
        rule.rule: {
            **result.result,
            "success": result.success,
            "rows": sorted(failing[rule.rule]),
        }
        for rule, result in zip(compiled.rules, outcome.result.results, strict=True)
    }


def assert_same(
    table: pa.Table, expectations: list[dict[str, Any]], *, days_as_dates: bool = False
) -> None:
    """Judge a table by both and compare everything that ours tells."""
    suite = build(
        "batch",
        [
            {
                "severity": "critical",
                **expectation,
                "meta": {"rule": f"rule-{place}", "why": "to compare"},
            }
            for place, expectation in enumerate(expectations)
        ],
    )
    with duckdb.connect() as con:
        con.register("arrow", table)
        con.execute("SET TimeZone = 'America/Chicago'")
        con.execute("CREATE TABLE batch AS FROM arrow")
        data = frame(con, "batch", tuple(table.column_names))
        types = {
            name: DUCKDB[name.split("_")[0]]
            for name in table.column_names
            if name != "_row"
        }
        ours = by_concord(con, suite, types)
    if days_as_dates:
        for name in table.column_names:
            if name.startswith("day"):
                data[name] = pd.Series(table[name].to_pylist(), dtype=object)
    theirs = by_gx(data, suite)
    for place, expectation in enumerate(expectations):
        rule = f"rule-{place}"
        if "raised" in theirs[rule]:
            # GX fails on pairs where no row is left to judge; we say: none failed.
            assert expectation["type"].endswith("pair_values_to_be_in_set"), theirs[
                rule
            ]
            assert (ours[rule]["element_count"], ours[rule]["success"]) == (0, True)
            continue
        told = {key: theirs[rule].get(key) for key in ours[rule]}
        assert ours[rule] == told, expectation


# What is expected of them.

mostly = st.sampled_from([None, 0.0, 1 / 3, 0.5, 2 / 3, 1.0])


def expectation(kind: str, **kwargs: Any) -> dict[str, Any]:
    """An expectation without the arguments that are None."""
    given_ = {key: value for key, value in kwargs.items() if value is not None}
    return {"type": kind, "kwargs": given_}


def members(kind: str) -> st.SearchStrategy[list[Any]]:
    """Members of a value set that a column of a kind can hold."""
    values = VALUES[kind]
    if kind == "real":
        values = values.filter(lambda value: value == value) | st.integers(-2, 2)
    if kind == "money":
        values = values.map(float)
    if kind == "integer":
        values = values | st.sampled_from([0.0, 1.0, 2.0])
    if kind in ("day", "time", "instant"):
        values = values.map(lambda value: value.isoformat())
    return st.lists(st.none() | values, max_size=4)


SET_KINDS = ("text", "integer", "real", "money", "flag")
MOMENT_KINDS = ("day", "time", "instant")


@st.composite
def one_column(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about presence, sets or lengths in one column."""
    kind = draw(st.sampled_from((*SET_KINDS, *MOMENT_KINDS)))
    column = f"{kind}_0"
    tests = ["to_be_null", "to_not_be_null", "to_be_unique", "to_not_be_in_set"]
    if kind in SET_KINDS:
        tests.append("to_be_in_set")
    test = draw(st.sampled_from(tests))
    value_set = draw(members(kind)) if test.endswith("in_set") else None
    return expectation(
        f"expect_column_values_{test}",
        column=column,
        value_set=value_set,
        mostly=draw(mostly),
    )


@st.composite
def lengths(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about lengths."""
    if draw(st.booleans()):
        return expectation(
            "expect_column_value_lengths_to_equal",
            column="text_0",
            value=draw(st.integers(0, 4)),
            mostly=draw(mostly),
        )
    return expectation(
        "expect_column_value_lengths_to_be_between",
        column="text_0",
        **draw(between(st.integers(0, 4), ordered=False)),
        mostly=draw(mostly),
    )


@st.composite
def between(
    draw: st.DrawFn, values: st.SearchStrategy[Any], *, ordered: bool = True
) -> dict[str, Any]:
    """Bounds, one or both, strict or not."""
    low, high = draw(st.tuples(values, values))
    if ordered and low > high:
        low, high = high, low
    which = draw(st.sampled_from(["low", "high", "both"]))
    written = [
        value.isoformat() if isinstance(value, dt.date) else value
        for value in (low, high)
    ]
    return {
        "min_value": None if which == "high" else written[0],
        "max_value": None if which == "low" else written[1],
        "strict_min": draw(st.sampled_from([None, True, False])),
        "strict_max": draw(st.sampled_from([None, True, False])),
    }


def bound_values(kind: str) -> st.SearchStrategy[Any]:
    """Values that may stand as a bound for a column of a kind."""
    if kind == "integer":
        return VALUES["integer"] | st.sampled_from([0.5, -0.5, 1.5])
    if kind == "money":
        return st.sampled_from([-10.0, -0.1, 0.0, 0.1, 0.25, 5.0, 5])
    if kind == "real":
        return VALUES["real"].filter(lambda value: value == value)
    return VALUES[kind]


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation that values, or the least or greatest, lie between bounds."""
    kind = draw(st.sampled_from(("integer", "real", "money", *MOMENT_KINDS)))
    name = draw(st.sampled_from(["values", "values", "min", "max"]))
    return expectation(
        f"expect_column_{name}_to_be_between",
        column=f"{kind}_0",
        **draw(between(bound_values(kind))),
        mostly=draw(mostly) if name == "values" else None,
    )


PATTERNS = [
    r"^[a-z]$", r"^\d+$", r"\d", r"\D", r"^\w+$", r"\W", r"\s", r"^\S+$", r"a", r"^$",
    r"a$", r"a\Z", r"^a.b$", r"^IL[0-9]{7}$", r"(a|b)+$", r"[^a]", r"^[\w-]{2,}$", r".",
    r"^(?:\d{2}|\s*)$", r"[\s\d]", r"[^\W\d]", r"'", r"\\", r"^.{1,3}$", r"^(a|ab)$",
]  # fmt: skip


@st.composite
def regexes(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about patterns."""
    negated = draw(st.sampled_from(["", "not_"]))
    if draw(st.booleans()):
        return expectation(
            f"expect_column_values_to_{negated}match_regex",
            column="text_0",
            regex=draw(st.sampled_from(PATTERNS)),
            mostly=draw(mostly),
        )
    patterns = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3)
    match_on = None if negated else draw(st.sampled_from([None, "any", "all"]))
    return expectation(
        f"expect_column_values_to_{negated}match_regex_list",
        column="text_0",
        regex_list=draw(patterns),
        match_on=match_on,
        mostly=draw(mostly),
    )


@st.composite
def pairs(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about two columns."""
    ignore = st.sampled_from(
        [None, "neither", "both_values_are_missing", "either_value_is_missing"]
    )
    test = draw(
        st.sampled_from(["a_to_be_greater_than_b", "to_be_equal", "to_be_in_set"])
    )
    comparable = [("integer", "real"), ("real", "money"), ("day", "time")]
    comparable += [(kind, kind) for kind in VALUES if kind != "flag"]
    if test == "to_be_in_set":
        a, b = draw(st.tuples(st.sampled_from(SET_KINDS), st.sampled_from(SET_KINDS)))
        value = {
            k: st.none() | members(k).map(lambda m: m[0] if m else None) for k in (a, b)
        }
        extra = {
            "value_pairs_set": draw(
                st.lists(st.tuples(value[a], value[b]).map(list), max_size=4)
            )
        }
    else:
        a, b = draw(st.sampled_from(comparable))
        extra = {}
        if test.startswith("a_to"):
            extra["or_equal"] = draw(st.sampled_from([None, True, False]))
        elif draw(st.booleans()):
            a = b = "flag"
    return expectation(
        f"expect_column_pair_values_{test}",
        column_A=f"{a}_0",
        column_B=f"{b}_1",
        ignore_row_if=draw(ignore),
        mostly=draw(mostly),
        **extra,
    )


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about several columns of a record."""
    ignore = st.sampled_from(
        [None, "never", "all_values_are_missing", "any_value_is_missing"]
    )
    kind = draw(
        st.sampled_from(
            [
                "expect_compound_columns_to_be_unique",
                "expect_select_column_values_to_be_unique_within_record",
                "expect_multicolumn_values_to_be_equal",
                "expect_multicolumn_sum_to_equal",
            ]
        )
    )
    size = draw(st.integers(2, 3))
    extra = {}
    if kind == "expect_compound_columns_to_be_unique":
        names = [f"{k}_{n}" for k in VALUES for n in range(3)]
        columns = draw(
            st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True)
        )
    elif kind == "expect_multicolumn_sum_to_equal":
        of = draw(st.sampled_from(["integer", "real"]))
        columns = [f"{of}_{place}" for place in range(size)]
        extra["sum_total"] = draw(st.sampled_from([0, 1, 2, 3, 0.5, 1.0, float("inf")]))
    else:
        of = draw(st.sampled_from(list(VALUES)))
        columns = [f"{of}_{place}" for place in range(size)]
    return expectation(
        kind,
        column_list=columns,
        ignore_row_if=draw(ignore),
        mostly=draw(mostly),
        **extra,
    )


def comparison(column: str, operator: str, parameter: Any) -> dict[str, Any]:
    """A comparison as GX writes it in a suite."""
    return {
        "type": "comparison",
        "column": {"name": column},
        "operator": operator,
        "parameter": parameter,
    }


@st.composite
def conditions(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """A row condition."""
    shape = draw(st.sampled_from(["comparison", "set", "null", "and", "or"]))
    if shape in ("and", "or") and depth:
        parts = st.lists(conditions(depth=0), min_size=2, max_size=2)
        return {"type": shape, "conditions": draw(parts)}
    kind = draw(st.sampled_from(["text", "integer", "real"]))
    column = f"{kind}_1"
    value = {
        "text": st.sampled_from(["", "a", "b", "it's", 'say "x"', "é"]),
        "integer": st.integers(-2, 3),
        "real": st.sampled_from([0.0, 0.5, -0.5, 1, 2]),
    }[kind]
    if shape == "null":
        kind = draw(st.sampled_from(list(VALUES)))
        return {
            "type": "nullity",
            "column": {"name": f"{kind}_1"},
            "is_null": draw(st.booleans()),
        }
    if shape == "set":
        chosen = draw(st.lists(value, min_size=1, max_size=3))
        return comparison(column, draw(st.sampled_from(["IN", "NOT_IN"])), chosen)
    operators = ["==", "!=", "<", "<=", ">", ">="]
    return comparison(column, draw(st.sampled_from(operators)), draw(value))


@st.composite
def whole_table(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about counts, proportions and sums."""
    name = draw(
        st.sampled_from(
            [
                "table_row_count",
                "column_unique_value_count",
                "column_proportion_of_unique_values",
                "column_proportion_of_non_null_values",
                "column_mean",
                "column_sum",
            ]
        )
    )
    column = None
    values: st.SearchStrategy[Any] = st.integers(0, 10)
    if name.startswith("column_proportion"):
        values = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0])
    if name.startswith("column"):
        column = f"{draw(st.sampled_from(list(VALUES)))}_0"
    if name in ("column_mean", "column_sum"):
        column = "small_0"
        values = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0])
    return expectation(
        f"expect_{name}_to_be_between",
        column=column,
        row_condition=draw(st.none() | conditions()),
        **draw(between(values)),
    )


# The proofs.


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
        st.lists(one_column() | pairs() | records(), min_size=5, max_size=8)
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


atoms = st.sampled_from(
    ["a", "b", "7", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", ".", "[a-c]", "[^a]",
     r"[\d_]", r"[^\s]", "é", r"\.", "^", "$", r"\Z", r"\A", "-"]
)  # fmt: skip
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        inner.map(lambda p: f"({p})?"),
        inner.map(lambda p: f"(?:{p}){{1,2}}"),
        inner.map(lambda p: f"(?:{p})*"),
    ),
    max_leaves=6,
)


@settings(max_examples=EXAMPLES * 8, deadline=None)
@given(patterns, st.lists(text, min_size=1, max_size=30))
def test_a_translated_pattern_matches_what_python_matches(
    pattern: str, values: list[str]
) -> None:
    translated = to_re2(pattern)
    if translated is None:
        return
    with duckdb.connect() as con:
        con.register("arrow", pa.table({"value": pa.array(values, pa.string())}))
        found = con.execute(
            "SELECT regexp_matches(value, $1) FROM arrow", [translated]
        ).fetchall()
    assert [row[0] for row in found] == [
        re.search(pattern, value) is not None for value in values
    ]


@pytest.mark.parametrize("pattern", [r"\d", r"\w", r"\s", r"[^\d]", r"[^\w]", r"[^\s]"])
def test_a_category_is_python_s_for_every_character(pattern: str) -> None:
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT list(code) FROM range(1, 1114112) AS codes(code) "
            "WHERE code NOT BETWEEN 55296 AND 57343 "
            "AND regexp_matches(chr(code::INTEGER), $1)",
            [to_re2(pattern)],
        ).fetchone()
    matcher = re.compile(pattern)
    surrogates = range(0xD800, 0xE000)
    assert found is not None
    assert found[0] == [
        code
        for code in range(1, 0x110000)
        if code not in surrogates and matcher.search(chr(code))
    ]


@pytest.mark.parametrize(
    "pattern", ["[[:alpha:]]", r"\p{L}", r"\z", "(", r"(?x) a b", "(?a)x"]
)
def test_a_pattern_that_gx_reads_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(SuiteError, match="is not usable"):
        to_re2(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        r"(a)\1",
        r"\ba",
        "(?i)k",
        "a$b",
        "a++",
        "(?:a$)*b",
        "a{1001}",
        "(?m)^a",
    ],
)
def test_a_pattern_without_a_twin_is_left_to_gx(pattern: str) -> None:
    assert to_re2(pattern) is None
