"""What is wrong with a suite for a table is found before any row is read."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from concord.exceptions import SuiteError
from concord.validation.compiler import compile_suite
from concord.validation.rules import NativeRule, QueryRule, RowRule, TableRule
from concord.validation.suites import build

Declare = Callable[..., dict[str, Any]]

COLUMNS = {
    "id": "VARCHAR",
    "code": "ENUM('a', 'b')",
    "age": "INTEGER",
    "score": "DECIMAL(9,2)",
    "born": "DATE",
    "seen": "TIMESTAMP",
    "sent": "TIMESTAMP WITH TIME ZONE",
    "open": "BOOLEAN",
    "tags": "VARCHAR[]",
}
PAIR = "expect_column_pair_values_"
COMPARISON = {"type": "comparison", "column": {"name": "age"}, "operator": "<"}


def compiled_rule(expectation: dict[str, Any]) -> Any:
    (rule,) = compile_suite(build("feed.people", [expectation]), COLUMNS).rules
    return rule


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("be_unique", {"column": "name"}),
        (f"{PAIR}to_be_equal", {"column_A": "id", "column_B": "name"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["id", "name"]}),
        ("expect_column_mean_to_be_between", {"column": "name", "min_value": 1}),
        ("be_increasing", {"column": "name"}),
        (
            "be_unique",
            {
                "column": "id",
                "row_condition": {
                    "type": "nullity",
                    "column": {"name": "name"},
                    "is_null": True,
                },
            },
        ),
    ],
)
def test_a_column_that_is_not_there_is_an_error(
    declare: Declare, kind: str, kwargs: dict[str, Any]
) -> None:
    with pytest.raises(
        SuiteError,
        match=r"suite \[feed\.people\], rule \[r\].*column \[name\] is not in the "
        r"table, which has \[id, code, age",
    ):
        compiled_rule(declare("r", kind, **kwargs))


@pytest.mark.parametrize(
    ("kind", "kwargs", "message"),
    [
        ("be_between", {"column": "id", "min_value": 1}, r"bound \[1\.0\].*\[id\]"),
        ("be_between", {"column": "open", "min_value": 1}, r"type BOOLEAN"),
        (
            "be_between",
            {"column": "born", "min_value": "2026-01-05T00:00:00"},
            "write it as YYYY-MM-DD",
        ),
        (
            "be_between",
            {"column": "seen", "min_value": "2026-01-05"},
            "write it as YYYY-MM-DDThh:mm:ss",
        ),
        (
            "be_between",
            {"column": "sent", "min_value": "2026-01-05T00:00:00"},
            r"write it as YYYY-MM-DDThh:mm:ss\+00:00",
        ),
        (
            "be_between",
            {"column": "seen", "min_value": "2026-01-05T00:00:00Z"},
            "can't be compared",
        ),
        (
            "be_between",
            {"column": "age", "min_value": 3, "max_value": 2},
            r"min_value \[3\.0\] is above",
        ),
        ("be_between", {"column": "age", "max_value": 2**53}, r"beyond 2\^53"),
        ("be_in_set", {"column": "id", "value_set": ["a", 1]}, r"\[1\] can never"),
        ("be_in_set", {"column": "age", "value_set": ["1"]}, r"\['1'\] can never"),
        ("be_in_set", {"column": "age", "value_set": [1.5]}, r"\[1\.5\] can never"),
        ("be_in_set", {"column": "age", "value_set": [True]}, r"\[True\] can never"),
        ("be_in_set", {"column": "open", "value_set": [1]}, r"\[1\] can never"),
        ("be_in_set", {"column": "born", "value_set": ["2026-01-05"]}, "never finds"),
        ("not_be_in_set", {"column": "born", "value_set": ["5 May"]}, "can never"),
        ("not_be_in_set", {"column": "sent", "value_set": ["2026-01-05"]}, "can never"),
        (
            "be_in_set",
            {"column": "id", "value_set": ["a\0"]},
            "can't be written in SQL",
        ),
        (
            "match_regex",
            {"column": "age", "regex": "1"},
            r"\[age\] is INTEGER, not text",
        ),
        ("match_regex", {"column": "id", "regex": "("}, "is not usable"),
        (
            "match_regex_list",
            {"column": "id", "regex_list": []},
            "regex_list must not be empty",
        ),
        (
            "expect_column_value_lengths_to_equal",
            {"column": "born", "value": 10},
            "is DATE, not text",
        ),
        (
            f"{PAIR}a_to_be_greater_than_b",
            {"column_A": "id", "column_B": "age"},
            "can't be compared",
        ),
        (
            f"{PAIR}a_to_be_greater_than_b",
            {"column_A": "open", "column_B": "open"},
            "have no order",
        ),
        (
            f"{PAIR}to_be_equal",
            {"column_A": "seen", "column_B": "sent"},
            "can't be compared",
        ),
        (
            f"{PAIR}to_be_in_set",
            {"column_A": "id", "column_B": "born", "value_pairs_set": [["a", "b"]]},
            "never finds a DATE",
        ),
        (
            f"{PAIR}to_be_in_set",
            {
                "column_A": "id",
                "column_B": "code",
                "value_pairs_set": [["a", "b"]],
                "row_condition": {**COMPARISON, "parameter": 1},
            },
            "counts rows outside row_condition",
        ),
        (
            "expect_multicolumn_sum_to_equal",
            {"column_list": ["age", "id"], "sum_total": 1},
            r"\[id\] is VARCHAR, not a number",
        ),
        (
            "expect_select_column_values_to_be_unique_within_record",
            {"column_list": ["id", "code"], "ignore_row_if": "sometimes"},
            r"ignore_row_if \[sometimes\]",
        ),
        (
            "expect_column_mean_to_be_between",
            {"column": "id", "min_value": 1},
            r"\[id\] is VARCHAR, not a number",
        ),
        (
            "be_unique",
            {"column": "id", "row_condition": {**COMPARISON, "parameter": "1"}},
            r"\['1'\] can never equal",
        ),
        (
            "be_unique",
            {
                "column": "id",
                "row_condition": {
                    **COMPARISON,
                    "column": {"name": "born"},
                    "parameter": "2026-01-05",
                },
            },
            "row_condition can't compare column",
        ),
        (
            "be_unique",
            {
                "column": "id",
                "row_condition": {
                    **COMPARISON,
                    "column": {"name": "open"},
                    "parameter": True,
                },
            },
            "can't order the booleans",
        ),
        (
            "be_unique",
            {
                "column": "id",
                "row_condition": {"type": "pass_through", "pass_through_filter": "1"},
            },
            "must be an object of type",
        ),
        (
            "expect_table_row_count_to_be_between",
            {"min_value": "2026-01-05T00:00:00"},
            "not both numbers",
        ),
    ],
)
def test_an_expectation_that_can_t_fit_its_column_is_an_error(
    declare: Declare, kind: str, kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(SuiteError, match=message):
        compiled_rule(declare("r", kind, **kwargs))


def test_rules_keep_the_suite_s_order_and_kinds(declare: Declare) -> None:
    suite = build(
        "feed.people",
        [
            declare("count", "expect_table_row_count_to_equal", value=4),
            declare("query", "unexpected_rows_expectation",
                    unexpected_rows_query="SELECT _row FROM {batch}"),
            declare("native", "be_increasing", column="age"),
            declare("row", "be_unique", column="id", severity="warning"),
        ],
    )  # fmt: skip
    compiled = compile_suite(suite, COLUMNS)
    assert [type(rule) for rule in compiled.rules] == [
        TableRule,
        QueryRule,
        NativeRule,
        RowRule,
    ]
    assert [rule.rule for rule in compiled.row_rules] == ["query", "native", "row"]
    assert compiled.rules[3].severity == "warning"


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("match_regex", {"column": "id", "regex": r"(?=a)"}),
        ("be_unique", {"column": "tags"}),
        ("match_strftime_format", {"column": "id", "strftime_format": "%Y"}),
        (
            "expect_multicolumn_sum_to_equal",
            {"column_list": ["age"] * 8, "sum_total": 1},
        ),
        ("expect_column_stdev_to_be_between", {"column": "age", "min_value": 1}),
    ],
)
def test_what_can_t_be_proven_equal_is_left_to_gx(
    declare: Declare, kind: str, kwargs: dict[str, Any]
) -> None:
    assert isinstance(compiled_rule(declare("r", kind, **kwargs)), NativeRule)


def test_the_row_column_is_not_a_column_of_the_table(declare: Declare) -> None:
    suite = build("x", [declare("c", "expect_table_column_count_to_equal", value=1)])
    (rule,) = compile_suite(suite, {"_row": "BIGINT", "id": "VARCHAR"}).table_rules
    assert rule.observed == "1"


def test_gx_is_imported_only_when_a_suite_is_at_hand() -> None:
    program = (
        "import sys; from concord.validation import compiler, results, running, suites;"
        "assert not {'great_expectations', 'pandas'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
