"""No value of the data leaves by a result, a summary, a log line or the output."""

import logging
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from concord.exceptions import SuiteError
from concord.validation.results import summary
from concord.validation.rules import SuiteOutcome

Declare = Callable[..., dict[str, Any]]
Judge = Callable[..., SuiteOutcome]
PLANTED = ("zqxname", "zqxother", "987654321", "98765.4321", "1931-07-19")


@pytest.fixture
def planted(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Rows that break every rule with values found nowhere else."""
    for row, name in ((21, "zqxname"), (22, "zqxname"), (23, "zqxother")):
        con.execute(
            "INSERT INTO people (_row, id, code, age, score, born) VALUES "
            f"({row}, '{name}', '{name}', 987654321, 98765.4321, DATE '1931-07-19')"
        )
    return con


def every_kind(declare: Declare) -> list[dict[str, Any]]:
    column = "expect_column_"
    pair = {"column_A": "id", "column_B": "code"}
    both = {"column_list": ["id", "code"]}
    numbers = {"column_list": ["age", "score"]}
    return [
        declare("a1", "be_null", column="id"),
        declare("a2", "be_unique", column="id"),
        declare("a3", "be_in_set", column="id", value_set=["A1"]),
        declare("a4", "match_regex", column="id", regex=r"^\d$"),
        declare("a5", "be_between", column="age", max_value=120),
        declare("a6", "be_between", column="born", min_value="1950-01-01"),
        declare("a7", f"{column}value_lengths_to_equal", column="id", value=2),
        declare("b1", f"{column}pair_values_a_to_be_greater_than_b", **pair),
        declare("b2", f"{column}pair_values_to_be_in_set", value_pairs_set=[["a", "b"]],
                **pair),
        declare("b3", "expect_compound_columns_to_be_unique", **both),
        declare("b4", "expect_select_column_values_to_be_unique_within_record", **both),
        declare("b5", "expect_multicolumn_sum_to_equal", sum_total=1, **numbers),
        declare("c1", f"{column}max_to_be_between", column="age", max_value=1),
        declare("c2", f"{column}min_to_be_between", column="born",
                min_value="2030-01-01"),
        declare("c3", f"{column}mean_to_be_between", column="score", max_value=1),
        declare("c4", f"{column}sum_to_be_between", column="age", max_value=1),
        declare("c5", f"{column}unique_value_count_to_be_between", column="id",
                max_value=1),
        declare("c6", "expect_table_columns_to_match_set", column_set=["id"]),
        declare("d1", "unexpected_rows_expectation",
                unexpected_rows_query="SELECT * FROM {batch}"),
        declare("e1", "match_strftime_format", column="id", strftime_format="%Y"),
        declare("e2", "match_regex", column="id", regex="(?!z)^z"),
        declare("e3", f"{column}median_to_be_between", column="age", max_value=1),
        declare("e4", "be_increasing", column="age", strictly=True),
        declare("e5", "be_json_parseable", column="id"),
        declare("e6", "be_dateutil_parseable", column="id"),
        declare("e7", "be_of_type", column="age", type_="str"),
    ]  # fmt: skip


def assert_clean(text: str) -> None:
    for value in PLANTED:
        assert value not in text


def test_no_planted_value_is_in_anything_that_is_told(
    planted: duckdb.DuckDBPyConnection,
    judge: Judge,
    declare: Declare,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        outcome = judge(*every_kind(declare))
    assert outcome.critical_row_count == 7
    assert not any(result.success for result in outcome.result.results)
    assert_clean(str(outcome.result))
    assert_clean(repr(outcome))
    assert_clean(repr(summary(outcome)))
    assert_clean(str(planted.execute(f"FROM {outcome.failures}").fetchall()))
    assert_clean(caplog.text)
    written = capfd.readouterr()
    assert_clean(written.out + written.err)
    assert not any(
        result.exception_info["exception_message"] for result in outcome.result.results
    )


def test_gx_s_own_failure_says_nothing_of_the_data(
    planted: duckdb.DuckDBPyConnection,
    judge: Judge,
    declare: Declare,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(SuiteError) as caught:
        judge(
            declare("z", "expect_column_value_z_scores_to_be_less_than",
                    column="id", threshold=1, double_sided=True)
        )  # fmt: skip
    written = capfd.readouterr()
    assert_clean(str(caught.value) + caplog.text + written.out + written.err)
