"""Row-level expectation kinds as SQL predicates, each equal to GX on pandas.

A builder returns None where only GX itself can run the expectation, and raises
SuiteError where GX could not run it or could never be satisfied.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from concord.exceptions import SuiteError
from concord.validation.columns import Column, Table, real, text
from concord.validation.regexes import to_re2


@dataclass(frozen=True)
class Check:
    """How one expectation judges a row; the fields are those of `RowRule`."""

    columns: tuple[str, ...]
    predicate: str
    judged: str = "TRUE"
    keys: tuple[str, ...] = ()
    reports_missing: bool = True


Builder = Callable[[Any, Table], Check | None]


def within(value: str, low: str | None, high: str | None, e: Any) -> str:
    """Write the test that a value lies between the bounds there are."""
    parts = []
    if low is not None:
        strict = getattr(e, "strict_min", False)
        parts.append(f"{value} {'>' if strict else '>='} {low}")
    if high is not None:
        strict = getattr(e, "strict_max", False)
        parts.append(f"{value} {'<' if strict else '<='} {high}")
    return " AND ".join(parts) or "TRUE"


def bounds(column: Column, e: Any) -> tuple[str | None, str | None]:
    """Write an expectation's bounds for comparison with a column."""
    low = None if e.min_value is None else column.bound(e.min_value)
    high = None if e.max_value is None else column.bound(e.max_value)
    return low, high


# One column: a missing value is not judged.


def _each(test: Callable[[Column, Any], str | None]) -> Builder:
    """Judge the present values of one column by a test."""

    def build(e: Any, table: Table) -> Check | None:
        column = table[e.column]
        predicate = test(column, e)
        if predicate is None:
            return None
        return Check((column.name,), predicate, judged=column.present)

    return build


def _null(e: Any, table: Table) -> Check:
    column = table[e.column]
    return Check((column.name,), f"NOT ({column.present})", reports_missing=False)


def _not_null(e: Any, table: Table) -> Check:
    column = table[e.column]
    return Check((column.name,), column.present, reports_missing=False)


def _unique(e: Any, table: Table) -> Check | None:
    column = table[e.column]
    if column.family == "other":
        return None
    return Check((column.name,), "TRUE", judged=column.present, keys=(column.value,))


def _between(column: Column, e: Any) -> str:
    low, high = bounds(column, e)
    if low is not None and high is not None and e.min_value > e.max_value:
        raise SuiteError(f"min_value [{e.min_value}] is above max_value")
    return within(column.value, low, high, e)


def _in_set(column: Column, e: Any) -> str | None:
    if column.family == "other":
        return None
    if column.family in ("date", "timestamp", "instant"):
        raise SuiteError(
            f"GX on pandas never finds a {column.type} in a set of texts; "
            "use expect_column_values_to_be_between or unexpected_rows_expectation"
        )
    members = column.members(e.value_set)
    return f"{column.value} IN ({', '.join(members)})" if members else "FALSE"


def _not_in_set(column: Column, e: Any) -> str | None:
    if column.family == "other":
        return None
    members = column.members(e.value_set)
    return f"{column.value} NOT IN ({', '.join(members)})" if members else "TRUE"


def _must_be_text(column: Column) -> None:
    """Refuse rules about characters on a column that has none."""
    if column.family != "text":
        raise SuiteError(f"column [{column.name}] is {column.type}, not text")


def _matches(column: Column, patterns: Iterable[str], joint: str) -> str | None:
    """Test a text column by patterns, if RE2 can run them all."""
    _must_be_text(column)
    tests = []
    for pattern in patterns:
        translated = to_re2(pattern)
        if translated is None:
            return None
        tests.append(f"regexp_matches({column.value}, {text(translated)})")
    return f"({joint.join(tests)})"


def _regex(column: Column, e: Any) -> str | None:
    return _matches(column, [e.regex], " OR ")


def _not_regex(column: Column, e: Any) -> str | None:
    found = _matches(column, [e.regex], " OR ")
    return found and f"NOT {found}"


def _regex_list(column: Column, e: Any) -> str | None:
    return _matches(column, e.regex_list, " OR " if e.match_on == "any" else " AND ")


def _not_regex_list(column: Column, e: Any) -> str | None:
    found = _matches(column, e.regex_list, " OR ")
    return found and f"NOT {found}"


def _lengths(column: Column, e: Any) -> str:
    _must_be_text(column)
    low, high = (None if x is None else str(x) for x in (e.min_value, e.max_value))
    return within(f"length({column.value})", low, high, e)


def _length(column: Column, e: Any) -> str:
    _must_be_text(column)
    return f"length({column.value}) = {real(e.value)}"


# Several columns: a comparison with a missing value does not hold, and the row is
# judged unless ignore_row_if says otherwise.

_JUDGED = {
    "both_values_are_missing": " OR ",
    "either_value_is_missing": " AND ",
    "neither": None,
    "all_values_are_missing": " OR ",
    "any_value_is_missing": " AND ",
    "never": None,
}


def _judged(e: Any, columns: tuple[Column, ...]) -> str:
    """Write which rows are judged, by `ignore_row_if`."""
    if e.ignore_row_if not in _JUDGED:
        raise SuiteError(f"ignore_row_if [{e.ignore_row_if}] is not one of GX's")
    joint = _JUDGED[e.ignore_row_if]
    return joint.join(column.present for column in columns) if joint else "TRUE"


def _pair(test: Callable[[Column, Column, Any], str | None]) -> Builder:
    """Judge two columns against each other."""

    def build(e: Any, table: Table) -> Check | None:
        a, b = table[e.column_A], table[e.column_B]
        if "other" in (a.family, b.family):
            return None
        predicate = test(a, b, e)
        if predicate is None:
            return None
        return Check((a.name, b.name), predicate, judged=_judged(e, (a, b)))

    return build


def _comparable(a: Column, b: Column) -> None:
    """Refuse to compare columns whose types have no common order."""
    days = {"date", "timestamp"}
    if a.group != b.group and not {a.group, b.group} <= days:
        raise SuiteError(
            f"columns [{a.name}] of type {a.type} and [{b.name}] of type {b.type} "
            "can't be compared"
        )


def _greater(a: Column, b: Column, e: Any) -> str:
    _comparable(a, b)
    if a.family == "boolean":
        raise SuiteError(f"booleans of [{a.name}] and [{b.name}] have no order")
    return f"{a.value} {'>=' if e.or_equal else '>'} {b.value}"


def _equal(a: Column, b: Column, e: Any) -> str:
    _comparable(a, b)
    return f"{a.value} = {b.value}"


def _pair_in_set(a: Column, b: Column, e: Any) -> str:
    if e.row_condition is not None:
        raise SuiteError(
            "GX 1.24 counts rows outside row_condition for this kind; "
            "use unexpected_rows_expectation"
        )
    for column in (a, b):
        if column.family in ("date", "timestamp", "instant"):
            raise SuiteError(
                f"GX on pandas never finds a {column.type} in a set of texts; "
                "use unexpected_rows_expectation"
            )
    pairs = (f"({_is(a, x)} AND {_is(b, y)})" for x, y in e.value_pairs_set)
    return " OR ".join(pairs) or "FALSE"


def _is(column: Column, value: Any) -> str:
    """Test a column for one value of a pair, where None stands for a missing one."""
    if value is None:
        return f"NOT ({column.present})"
    return f"{column.value} = {column.member(value)}"


def _listed(e: Any, table: Table) -> tuple[Column, ...]:
    """Look up the columns of a column list."""
    return tuple(table[name] for name in e.column_list)


def _several(columns: tuple[Column, ...], e: Any, predicate: str) -> Check:
    """Judge a list of columns together."""
    names = tuple(column.name for column in columns)
    return Check(names, predicate, judged=_judged(e, columns))


def _one_kind(columns: tuple[Column, ...]) -> bool:
    """Tell whether all columns hold one kind of value that we can compare."""
    groups = {column.group for column in columns}
    return len(groups) == 1 and "other" not in groups


def _compound_unique(e: Any, table: Table) -> Check | None:
    columns = _listed(e, table)
    if any(column.family == "other" for column in columns):
        return None
    keys = tuple(column.value for column in columns)
    return replace(_several(columns, e, "TRUE"), keys=keys)


def _all_different(e: Any, table: Table) -> Check | None:
    columns = _listed(e, table)
    tests = (
        f"{a.value} IS DISTINCT FROM {b.value}" for a, b in combinations(columns, 2)
    )
    return _several(columns, e, " AND ".join(tests)) if _one_kind(columns) else None


def _all_equal(e: Any, table: Table) -> Check | None:
    first, *others = columns = _listed(e, table)
    tests = (f"{other.value} IS NOT DISTINCT FROM {first.value}" for other in others)
    return _several(columns, e, " AND ".join(tests)) if _one_kind(columns) else None


_SUMMED_IN_ORDER = 7  # numpy adds more numbers pairwise, which rounds otherwise


def _sum(e: Any, table: Table) -> Check | None:
    columns = _listed(e, table)
    for column in columns:
        if column.group != "number":
            raise SuiteError(f"column [{column.name}] is {column.type}, not a number")
    if len(columns) > _SUMMED_IN_ORDER:
        return None
    total = " + ".join(f"{column.value}::DOUBLE" for column in columns)
    return _several(columns, e, f"{total} = {real(e.sum_total)}")


ROW_KINDS: dict[str, Builder] = {
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_be_between": _each(_between),
    "expect_column_values_to_be_in_set": _each(_in_set),
    "expect_column_values_to_not_be_in_set": _each(_not_in_set),
    "expect_column_values_to_match_regex": _each(_regex),
    "expect_column_values_to_not_match_regex": _each(_not_regex),
    "expect_column_values_to_match_regex_list": _each(_regex_list),
    "expect_column_values_to_not_match_regex_list": _each(_not_regex_list),
    "expect_column_value_lengths_to_be_between": _each(_lengths),
    "expect_column_value_lengths_to_equal": _each(_length),
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(_greater),
    "expect_column_pair_values_to_be_equal": _pair(_equal),
    "expect_column_pair_values_to_be_in_set": _pair(_pair_in_set),
    "expect_compound_columns_to_be_unique": _compound_unique,
    "expect_select_column_values_to_be_unique_within_record": _all_different,
    "expect_multicolumn_values_to_be_equal": _all_equal,
    "expect_multicolumn_sum_to_equal": _sum,
}
