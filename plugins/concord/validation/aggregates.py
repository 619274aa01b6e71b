"""Table-level expectation kinds as SQL aggregates, each equal to GX on pandas.

Success is decided inside SQL, so that a minimum, a maximum or a mean never leaves
the database; only counts and proportions are observed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from concord.exceptions import SuiteError
from concord.validation.columns import Column, Table, real
from concord.validation.predicates import bounds, within


@dataclass(frozen=True)
class Measure:
    """How one expectation judges the table; the fields are those of `TableRule`."""

    columns: tuple[str, ...]
    success: str
    observed: str | None = None


Builder = Callable[[Any, Table, str], Measure]


# The shape of the table is known before any row is read.


def _shape(columns: tuple[str, ...], holds: bool) -> Measure:
    return Measure(columns, str(holds).upper())


def _columns_match_set(e: Any, table: Table, scope: str) -> Measure:
    if e.column_set is None:
        raise SuiteError("column_set is missing")
    missing = set(e.column_set) - set(table.names)
    unexpected = set(table.names) - set(e.column_set)
    return _shape((), not missing and not (e.exact_match and unexpected))


def _columns_match_list(e: Any, table: Table, scope: str) -> Measure:
    if e.column_list is None:
        raise SuiteError("column_list is missing")
    return _shape((), list(table.names) == list(e.column_list))


def _column_exists(e: Any, table: Table, scope: str) -> Measure:
    if not e.column_index:  # GX reads index 0 as no index
        return _shape((e.column,), e.column in table.names)
    return _shape((e.column,), table.names[e.column_index :][:1] == (e.column,))


def _column_count_equals(e: Any, table: Table, scope: str) -> Measure:
    return _count(str(len(table.names)), f"= {real(e.value)}")


def _column_count_between(e: Any, table: Table, scope: str) -> Measure:
    return _observed((), str(len(table.names)), e)


# Counts and proportions may be told.


def _count(count: str, test: str) -> Measure:
    return Measure((), f"{count} {test}", observed=count)


def _observed(columns: tuple[str, ...], value: str, e: Any) -> Measure:
    """Measure a count or proportion between the expectation's bounds."""
    limits = (e.min_value, e.max_value)
    if not all(limit is None or isinstance(limit, int | float) for limit in limits):
        raise SuiteError(f"bounds [{limits[0]}, {limits[1]}] are not both numbers")
    low, high = (None if limit is None else real(limit) for limit in limits)
    return Measure(columns, within(value, low, high, e), observed=value)


def _row_count_between(e: Any, table: Table, scope: str) -> Measure:
    return _observed((), f"count(*) FILTER (WHERE {scope})", e)


def _row_count_equals(e: Any, table: Table, scope: str) -> Measure:
    return _count(f"count(*) FILTER (WHERE {scope})", f"= {real(e.value)}")


def _present(column: Column, scope: str) -> str:
    return f"count({column.value}) FILTER (WHERE {scope})"


def _distinct(column: Column, scope: str) -> str:
    return f"count(DISTINCT {column.value}) FILTER (WHERE {scope})"


def _ratio(part: str, whole: str) -> str:
    """Divide two counts; nothing out of nothing is 0, as in GX."""
    return f"coalesce({part}::DOUBLE / nullif({whole}, 0)::DOUBLE, 0)"


def _unique_count(e: Any, table: Table, scope: str) -> Measure:
    column = table[e.column]
    return _observed((column.name,), _distinct(column, scope), e)


def _unique_proportion(e: Any, table: Table, scope: str) -> Measure:
    column = table[e.column]
    ratio = _ratio(_distinct(column, scope), _present(column, scope))
    return _observed((column.name,), ratio, e)


def _present_proportion(e: Any, table: Table, scope: str) -> Measure:
    column = table[e.column]
    rows = f"count(*) FILTER (WHERE {scope})"
    return _observed((column.name,), _ratio(_present(column, scope), rows), e)


# Anything else that is computed from values stays in the database.


def _aggregate(name: str, *, numbers_only: bool, empty: str = "NULL") -> Builder:
    """Compare an aggregate of one column with the expectation's bounds."""

    def build(e: Any, table: Table, scope: str) -> Measure:
        column = table[e.column]
        if column.group != "number" and numbers_only:
            raise SuiteError(f"column [{column.name}] is {column.type}, not a number")
        low, high = bounds(column, e)
        value = f"{name}({column.value}) FILTER (WHERE {scope})"
        if column.group == "number":
            # Infinities of both signs sum to NaN, which no bound admits.
            value = f"nullif(coalesce({value}, {empty})::DOUBLE, 'nan'::DOUBLE)"
        test = f"{value} IS NOT NULL AND {within(value, low, high, e)}"
        return Measure((column.name,), f"coalesce({test}, FALSE)")

    return build


TABLE_KINDS: dict[str, Builder] = {
    "expect_table_columns_to_match_set": _columns_match_set,
    "expect_table_columns_to_match_ordered_list": _columns_match_list,
    "expect_column_to_exist": _column_exists,
    "expect_table_column_count_to_equal": _column_count_equals,
    "expect_table_column_count_to_be_between": _column_count_between,
    "expect_table_row_count_to_equal": _row_count_equals,
    "expect_table_row_count_to_be_between": _row_count_between,
    "expect_column_unique_value_count_to_be_between": _unique_count,
    "expect_column_proportion_of_unique_values_to_be_between": _unique_proportion,
    "expect_column_proportion_of_non_null_values_to_be_between": _present_proportion,
    "expect_column_min_to_be_between": _aggregate("min", numbers_only=False),
    "expect_column_max_to_be_between": _aggregate("max", numbers_only=False),
    "expect_column_mean_to_be_between": _aggregate("avg", numbers_only=True),
    "expect_column_sum_to_be_between": _aggregate("sum", numbers_only=True, empty="0"),
}
