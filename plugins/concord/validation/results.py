"""GX's own result objects from counts, and what may be told about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from concord.validation.rules import (
    CompiledSuite,
    QueryRule,
    RowRule,
    Rule,
    RuleResult,
    SuiteOutcome,
)

if TYPE_CHECKING:
    from great_expectations.core import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )

# All that a result may hold: nothing here is computed from a value.
_COUNTS = (
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "missing_count",
    "missing_percent",
    "unexpected_percent_total",
    "unexpected_percent_nonmissing",
)
_OBSERVED_COUNTS = frozenset(
    {
        "expect_table_row_count_to_equal",
        "expect_table_row_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_column_count_to_be_between",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "unexpected_rows_expectation",
    }
)


@dataclass(frozen=True)
class Tally:
    """How many rows a rule saw, judged and failed."""

    elements: int
    judged: int
    unexpected: int


def row_result(rule: RowRule, tally: Tally) -> "ExpectationValidationResult":
    """Make GX's result for a rule about rows."""
    holds = (tally.judged - tally.unexpected) / tally.judged if tally.judged else 1.0
    return expectation_result(
        rule,
        success=not tally.judged or holds >= rule.mostly,
        result=_row_counts(tally, reports_missing=rule.reports_missing),
    )


def _row_counts(tally: Tally, *, reports_missing: bool) -> dict[str, Any]:
    """Count as GX does: percentages are of the judged rows, None out of nothing."""
    missing = tally.elements - tally.judged
    of_judged = _percent(tally.unexpected, tally.judged)
    counts: dict[str, Any] = {
        "element_count": tally.elements,
        "unexpected_count": tally.unexpected,
        "unexpected_percent": of_judged,
    }
    if reports_missing:
        counts |= {
            "missing_count": missing,
            "missing_percent": _percent(missing, tally.elements),
            "unexpected_percent_total": _percent(tally.unexpected, tally.elements),
            "unexpected_percent_nonmissing": of_judged,
        }
    return counts


def _percent(part: int, whole: int) -> float | None:
    """Divide as GX does, to the last bit."""
    return part / whole * 100 if whole else None


def expectation_result(
    rule: Rule, *, success: bool, result: Mapping[str, Any]
) -> "ExpectationValidationResult":
    """Make GX's result object for one rule, keeping counts and nothing else."""
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    allowed = {key: result[key] for key in _COUNTS if key in result}
    if rule.kind in _OBSERVED_COUNTS:
        allowed["observed_value"] = result.get("observed_value")
    return ExpectationValidationResult(
        success=success,
        expectation_config=ExpectationConfiguration(**rule.expectation),
        result=allowed,
    )


def query_result(rule: QueryRule, returned: int) -> "ExpectationValidationResult":
    """Make GX's result for a rule that is a query: it must return nothing."""
    return expectation_result(
        rule, success=returned == 0, result={"observed_value": returned}
    )


def suite_result(
    compiled: CompiledSuite, results: list["ExpectationValidationResult"]
) -> "ExpectationSuiteValidationResult":
    """Make GX's result object for a whole suite."""
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult

    held = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=held == len(results),
        results=results,
        suite_name=compiled.name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": held,
            "unsuccessful_expectations": len(results) - held,
            "success_percent": _percent(held, len(results)),
        },
        meta={"great_expectations_version": __version__},
    )


def summary(outcome: SuiteOutcome) -> tuple[RuleResult, ...]:
    """Tell what came of each rule, from an allow-list of counts."""
    results = outcome.result.results
    return tuple(
        _told(rule, result, outcome.row_count)
        for rule, result in zip(outcome.compiled.rules, results, strict=True)
    )


def _told(
    rule: Rule, result: "ExpectationValidationResult", row_count: int
) -> RuleResult:
    """Tell what came of one rule."""
    counts, success = result.result, bool(result.success)
    level: Literal["row", "table"] = "row"
    elements = counts.get("element_count", row_count)
    unexpected = counts.get("unexpected_count")
    if isinstance(rule, QueryRule):
        unexpected = counts["observed_value"]
    elif unexpected is None:
        level, elements, unexpected = "table", 1, int(not success)
    return RuleResult(
        rule=rule.rule,
        why=str(rule.expectation["meta"].get("why", "")),
        type=rule.kind,
        level=level,
        columns=rule.columns,
        severity=rule.severity,
        success=success,
        element_count=elements,
        missing_count=counts.get("missing_count", 0),
        unexpected_count=unexpected,
        unexpected_percent=counts.get("unexpected_percent"),
        observed_value=counts.get("observed_value"),
    )
