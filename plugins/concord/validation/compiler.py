"""A GX suite, compiled for the columns of one table.

Each row-level expectation becomes one SQL predicate, each table-level one an
aggregate; kinds that can't be proven equal to GX stay with GX itself. Everything that
can be wrong with a suite is found here, before any row is read.
"""

from collections.abc import Mapping
from string import Formatter
from typing import TYPE_CHECKING, Any

from concord.exceptions import SuiteError
from concord.validation.aggregates import TABLE_KINDS
from concord.validation.columns import Column, Table
from concord.validation.conditions import names, scope
from concord.validation.predicates import ROW_KINDS
from concord.validation.rules import (
    CompiledSuite,
    NativeRule,
    QueryRule,
    RowRule,
    Rule,
    TableRule,
)

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

__all__ = ["QUERY_KIND", "REFUSED", "CompiledSuite", "compile_suite", "query_text"]
QUERY_KIND = "unexpected_rows_expectation"
_IN_SET = "use expect_column_values_to_be_in_set"
_REGEX = "use expect_column_values_to_match_regex"
_QUERY = "use unexpected_rows_expectation"
REFUSED: Mapping[str, str] = {
    # Their results carry values of the data, whatever the result format.
    "expect_column_most_common_value_to_be_in_set": _IN_SET,
    "expect_column_distinct_values_to_be_in_set": _IN_SET,
    "expect_column_distinct_values_to_contain_set": _QUERY,
    "expect_column_distinct_values_to_equal_set": _IN_SET,
    "expect_column_quantile_values_to_be_between": _QUERY,
    "expect_column_kl_divergence_to_be_less_than": _QUERY,
    # GX runs them on SQL data sources only.
    "expect_column_values_to_match_like_pattern": _REGEX,
    "expect_column_values_to_not_match_like_pattern": _REGEX,
    "expect_column_values_to_match_like_pattern_list": _REGEX,
    "expect_column_values_to_not_match_like_pattern_list": _REGEX,
    "expect_query_results_to_match_comparison": _QUERY,
    "expect_table_row_count_to_equal_other_table": _QUERY,
}


def compile_suite(
    suite: "ExpectationSuite",
    columns: Mapping[str, str],
    row_column: str = "_row",
) -> CompiledSuite:
    """Compile a suite for columns given as name to DuckDB type.

    `row_column` numbers the rows; it is not a column that expectations may count.
    """
    table = Table(
        tuple(
            Column(name, kind) for name, kind in columns.items() if name != row_column
        )
    )
    rules = tuple(_compile(suite.name, e, table) for e in suite.expectations)
    ids = [rule.rule for rule in rules]
    if repeated := sorted({rule for rule in ids if ids.count(rule) > 1}):
        raise SuiteError(f"suite [{suite.name}]: rules {repeated} occur twice")
    return CompiledSuite(suite.name, rules)


def _compile(suite: str, e: Any, table: Table) -> Rule:
    """Compile one expectation, naming suite and rule in every error."""
    kind = e.expectation_type
    rule = (e.meta or {}).get("rule")
    if not rule:
        raise SuiteError(f"suite [{suite}]: {kind} has no meta.rule")
    common = {
        "rule": rule,
        "kind": kind,
        "severity": e.severity.value,
        "expectation": e.configuration.to_json_dict(),
    }
    try:
        if kind in REFUSED:
            raise SuiteError(f"the kind is refused; {REFUSED[kind]}")
        if kind in ROW_KINDS:
            return _row_rule(e, table, common)
        if kind in TABLE_KINDS:
            return _table_rule(e, table, common)
        if kind == QUERY_KIND:
            query = query_text(e.unexpected_rows_query)
            return QueryRule(**common, columns=(), query=query)
        return _native_rule(e, table, common)
    except SuiteError as error:
        problem = str(error)
    raise SuiteError(f"suite [{suite}], rule [{rule}], {kind}: {problem}")


def _row_rule(e: Any, table: Table, common: dict[str, Any]) -> Rule:
    """Compile an expectation about rows, or leave it to GX."""
    check = ROW_KINDS[e.expectation_type](e, table)
    rows = scope(e.row_condition, table)
    if check is None:
        return _native_rule(e, table, common)
    judged = check.judged if rows == "TRUE" else f"{rows} AND ({check.judged})"
    return RowRule(
        **common,
        columns=check.columns,
        predicate=check.predicate,
        scope=rows,
        judged=judged,
        keys=check.keys,
        reports_missing=check.reports_missing,
        mostly=float(e.mostly),
    )


def _table_rule(e: Any, table: Table, common: dict[str, Any]) -> Rule:
    """Compile an expectation about the table as a whole."""
    rows = scope(getattr(e, "row_condition", None), table)
    measure = TABLE_KINDS[e.expectation_type](e, table, rows)
    return TableRule(
        **common,
        columns=measure.columns,
        success=measure.success,
        observed=measure.observed,
    )


def _native_rule(e: Any, table: Table, common: dict[str, Any]) -> Rule:
    """Keep an expectation for GX itself, with the columns that it needs."""
    from great_expectations.expectations import expectation as gx

    named = [getattr(e, key, None) for key in ("column", "column_A", "column_B")]
    listed = [*named, *(getattr(e, "column_list", None) or ())]
    condition = getattr(e, "row_condition", None)
    scope(condition, table)  # refuses what GX itself should not run either
    return NativeRule(
        **common,
        columns=tuple(
            dict.fromkeys(
                table[name].name for name in (*listed, *names(condition)) if name
            )
        ),
        judges_rows=isinstance(
            e,
            gx.ColumnMapExpectation
            | gx.ColumnPairMapExpectation
            | gx.MulticolumnMapExpectation,
        ),
    )


def query_text(query: str) -> str:
    """Check that a query reads `{batch}`, and only that, as GX would fill it in."""
    try:
        fields = {
            field for _, field, _, _ in Formatter().parse(query) if field is not None
        }
    except ValueError as error:
        raise SuiteError(f"query [{query}]: {error}; double a literal brace") from None
    if fields != {"batch"}:
        raise SuiteError(
            f"query [{query}] must read {{batch}} and no other placeholder; "
            "double a literal brace"
        )
    return query
