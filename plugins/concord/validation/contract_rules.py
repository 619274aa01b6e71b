"""What a contract's schema says, as Great Expectations expectations.

Severity: a broken rule on a required column is critical (the row goes to
quarantine); on an optional one it is a warning (the row stays, the rule is counted).
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from concord.contracts.models import Column, Table

Expectation = Mapping[str, Any]


def contract_rules(table: Table, night: date) -> Iterator[Expectation]:
    """Yield the expectations that a table's contract compiles into."""
    for column in table.columns:
        if column.required:
            yield _rule(
                column, "required", "expect_column_values_to_not_be_null", {}, True
            )
        yield from _text_rules(column)
        yield from _range_rules(column, night)
        if column.codelist is not None:
            codes = sorted(column.codelist.codes)
            yield _rule(
                column,
                "code",
                "expect_column_values_to_be_in_set",
                {"value_set": codes},
            )
        if column.agency_codes:
            yield _rule(
                column,
                "agency",
                "expect_column_values_to_be_in_set",
                {"value_set": sorted(column.agency_codes)},
                True,
            )
        if column.unique:
            yield _rule(column, "unique", "expect_column_values_to_be_unique", {})


def _text_rules(column: Column) -> Iterator[Expectation]:
    if column.type != "string":
        return
    if column.pattern is not None:
        yield _rule(
            column,
            "pattern",
            "expect_column_values_to_match_regex",
            {"regex": column.pattern},
        )
    lengths = {
        name: value
        for name, value in (
            ("min_value", column.min_length),
            ("max_value", column.max_length),
        )
        if value is not None
    }
    if lengths:
        yield _rule(
            column, "length", "expect_column_value_lengths_to_be_between", lengths
        )


def _range_rules(column: Column, night: date) -> Iterator[Expectation]:
    if column.type in ("integer", "number"):
        limits = {
            name: value
            for name, value in (
                ("min_value", column.minimum),
                ("max_value", column.maximum),
            )
            if value is not None
        }
        if limits:
            yield _rule(column, "range", "expect_column_values_to_be_between", limits)
    if column.type in ("date", "timestamp"):
        # The day after the night is allowed: the night begins before midnight.
        latest = night + timedelta(days=1)
        limit = f"{latest} 23:59:59" if column.type == "timestamp" else str(latest)
        yield _rule(
            column,
            "not-future",
            "expect_column_values_to_be_between",
            {"max_value": limit},
        )


def _rule(
    column: Column,
    kind: str,
    expectation: str,
    arguments: Mapping[str, Any],
    critical: bool | None = None,
) -> Expectation:
    is_critical = column.required if critical is None else critical
    return {
        "type": expectation,
        "kwargs": {"column": column.name, **arguments},
        "severity": "critical" if is_critical else "warning",
        "meta": {
            "rule": f"{kind}:{column.name}",
            "why": f"The contract says so of '{column.name}'.",
        },
    }
