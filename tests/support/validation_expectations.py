"""Expectations of every compiled kind, drawn to hold for some rows and fail others."""

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.support.validation_values import VALUES

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
    if kind == "integer":
        values = values | st.sampled_from([0.0, 1.0, 2.0])
    return st.lists(st.none() | values.map(written), max_size=4)


SET_KINDS = ("text", "integer", "real", "money", "flag")
MOMENT_KINDS = ("day", "time", "instant")


def written(value: Any) -> Any:
    """A value as a suite's JSON holds it."""
    if isinstance(value, dt.date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


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
    return {
        "min_value": None if which == "high" else written(low),
        "max_value": None if which == "low" else written(high),
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


PAIRS_IGNORED = ("neither", "both_values_are_missing", "either_value_is_missing")
RECORDS_IGNORED = ("never", "all_values_are_missing", "any_value_is_missing")
RECORD_KINDS = (
    "expect_compound_columns_to_be_unique",
    "expect_select_column_values_to_be_unique_within_record",
    "expect_multicolumn_values_to_be_equal",
    "expect_multicolumn_sum_to_equal",
)


@st.composite
def pairs(draw: st.DrawFn, *, sets: bool = True) -> dict[str, Any]:
    """An expectation about two columns."""
    tests = ["a_to_be_greater_than_b", "to_be_equal"]
    test = draw(st.sampled_from([*tests, "to_be_in_set"] if sets else tests))
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
        ignore_row_if=draw(st.sampled_from([None, *PAIRS_IGNORED])),
        mostly=draw(mostly),
        **extra,
    )


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """An expectation about several columns of a record."""
    kind = draw(st.sampled_from(RECORD_KINDS))
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
        ignore_row_if=draw(st.sampled_from([None, *RECORDS_IGNORED])),
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
