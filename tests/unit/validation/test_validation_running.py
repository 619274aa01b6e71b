"""Running a suite: which rows fail which rules, and what is told of it."""

from collections.abc import Callable
from typing import Any

import duckdb
import great_expectations as gx
import pytest

from concord.exceptions import DataError, SuiteError
from concord.validation.compiler import compile_suite
from concord.validation.results import summary
from concord.validation.rules import RuleResult, SuiteOutcome
from concord.validation.running import run
from concord.validation.suites import build

Connection = duckdb.DuckDBPyConnection
Declare = Callable[..., dict[str, Any]]
Judge = Callable[..., SuiteOutcome]


def failures(con: Connection, outcome: SuiteOutcome) -> list[tuple[int, str]]:
    return con.execute(
        f"SELECT _row, rule FROM {outcome.failures} ORDER BY ALL"
    ).fetchall()


def query(declare: Declare, sql: str, rule: str = "query") -> dict[str, Any]:
    return declare(rule, "unexpected_rows_expectation", unexpected_rows_query=sql)


def test_failing_rows_carry_their_rules_and_severities(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    outcome = judge(
        declare("unique", "be_unique", column="id"),
        declare("aged", "be_between", "warning", column="age", min_value=0,
                max_value=120),
        declare("coded", "not_be_null", column="code"),
    )  # fmt: skip
    assert con.execute(f"FROM {outcome.failures} ORDER BY ALL").fetchall() == [
        (10, "unique", "critical"),
        (11, "unique", "critical"),
        (12, "aged", "warning"),
        (12, "coded", "critical"),
        (13, "aged", "warning"),
    ]
    assert outcome.rule_counts == {"unique": 2, "aged": 2, "coded": 1}
    assert (outcome.row_count, outcome.critical_row_count) == (4, 3)
    assert not outcome.success
    critical = con.execute(f"{outcome.failing_rows('critical')} ORDER BY ALL")
    assert critical.fetchall() == [(10, "unique"), (11, "unique"), (12, "coded")]


def test_the_summary_tells_counts_rule_by_rule(judge: Judge, declare: Declare) -> None:
    outcome = judge(
        declare("aged", "be_between", "info", column="age", min_value=0, mostly=0.3),
        declare("rows", "expect_table_row_count_to_equal", value=5),
        declare("least", "expect_column_min_to_be_between", column="age", min_value=0),
        query(declare, "SELECT _row FROM {batch} WHERE score > 2"),
    )
    assert summary(outcome) == (
        RuleResult(
            rule="aged",
            why="Because aged matters.",
            type="expect_column_values_to_be_between",
            level="row",
            columns=("age",),
            severity="info",
            success=True,
            element_count=4,
            missing_count=1,
            unexpected_count=1,
            unexpected_percent=1 / 3 * 100,
            observed_value=None,
        ),
        RuleResult(
            rule="rows",
            why="Because rows matters.",
            type="expect_table_row_count_to_equal",
            level="table",
            columns=(),
            severity="critical",
            success=False,
            element_count=1,
            missing_count=0,
            unexpected_count=1,
            unexpected_percent=None,
            observed_value=4,
        ),
        RuleResult(
            rule="least",
            why="Because least matters.",
            type="expect_column_min_to_be_between",
            level="table",
            columns=("age",),
            severity="critical",
            success=False,
            element_count=1,
            missing_count=0,
            unexpected_count=1,
            unexpected_percent=None,
            observed_value=None,
        ),
        RuleResult(
            rule="query",
            why="Because query matters.",
            type="unexpected_rows_expectation",
            level="row",
            columns=(),
            severity="critical",
            success=False,
            element_count=4,
            missing_count=0,
            unexpected_count=2,
            unexpected_percent=None,
            observed_value=2,
        ),
    )


def test_a_mask_of_several_words_keeps_every_rule_apart(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    con.execute("CREATE TABLE wide AS SELECT i AS _row, i AS n FROM range(200) r(i)")
    rules = [
        declare(f"not-{n}", "not_be_in_set", column="n", value_set=[n])
        for n in range(200)
    ]
    outcome = judge(*rules, relation="wide", columns={"n": "BIGINT"})
    assert failures(con, outcome) == sorted((n, f"not-{n}") for n in range(200))
    assert set(outcome.rule_counts.values()) == {1}
    assert outcome.critical_row_count == 200


def test_a_suite_without_rules_holds(con: Connection, judge: Judge) -> None:
    outcome = judge()
    assert outcome.success
    assert (outcome.row_count, outcome.critical_row_count) == (4, 0)
    assert failures(con, outcome) == []
    assert summary(outcome) == ()


def test_an_empty_relation_breaks_no_row_rule(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    con.execute("CREATE TABLE nobody AS FROM people LIMIT 0")
    outcome = judge(
        declare("unique", "be_unique", column="id"),
        declare("coded", "not_be_null", column="code"),
        declare("rising", "be_increasing", column="age"),
        declare("rows", "expect_table_row_count_to_be_between", min_value=1),
        query(declare, "SELECT _row FROM {batch}"),
        relation="nobody",
    )
    assert [result.success for result in summary(outcome)] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert (outcome.row_count, failures(con, outcome)) == (0, [])


def test_names_are_quoted_and_values_escaped(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    name = 'we"ird; DROP TABLE people --'
    quoted = name.replace('"', '""')
    con.execute(f'CREATE TABLE "{quoted}" ("no." INTEGER, "{quoted}" VARCHAR)')
    con.execute(f"INSERT INTO \"{quoted}\" VALUES (1, 'it''s'), (2, 'x')")
    outcome = judge(
        declare("set", "be_in_set", column=name, value_set=["it's", "'); --"]),
        declare("regex", "match_regex", column=name, regex="^it's$"),
        query(declare, 'SELECT * FROM {batch} WHERE "no." = 2'),
        relation=name,
        columns={"no.": "INTEGER", name: "VARCHAR"},
        row_column="no.",
    )
    found = con.execute(f'SELECT "no.", rule FROM {outcome.failures} ORDER BY ALL')
    assert found.fetchall() == [(2, "query"), (2, "regex"), (2, "set")]


def test_a_query_may_read_other_tables_and_braces(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    con.execute("CREATE TABLE known (code VARCHAR)")
    con.execute("INSERT INTO known VALUES ('x'), ('y')")
    outcome = judge(
        query(
            declare,
            "WITH unknown AS (SELECT * FROM {batch} AS b "
            "WHERE NOT EXISTS (SELECT 1 FROM known AS k WHERE k.code = b.code) "
            "OR regexp_matches(code, '^y{{2}}$'))\n"
            "SELECT _row, code FROM unknown -- with a remark",
        )
    )
    assert failures(con, outcome) == [(12, "query"), (13, "query")]


def test_rows_that_a_query_invents_are_counted_but_not_listed(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    outcome = judge(
        query(
            declare,
            "SELECT _row FROM {batch} WHERE _row = 10 UNION ALL "
            "SELECT _row FROM {batch} WHERE _row = 10 UNION ALL VALUES (NULL), (99)",
        )
    )
    assert failures(con, outcome) == [(10, "query")]
    assert summary(outcome)[0].unexpected_count == 4


def test_a_query_that_finds_something_in_nothing_is_not_lost(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    con.execute("CREATE TABLE nobody AS FROM people LIMIT 0")
    outcome = judge(
        query(declare, "SELECT 1 AS _row WHERE NOT EXISTS (FROM {batch})"),
        relation="nobody",
    )
    assert not outcome.success
    assert summary(outcome)[0].unexpected_count == 1


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT id FROM {batch}", r'rule \[query\].*\[_row\].*"_row"'),
        ("SELECT _row FROM {batch} JOIN nowhere USING (id)", "nowhere"),
        ("SELEC _row FROM {batch}", "SELEC"),
    ],
)
def test_a_query_that_can_t_run_is_the_suite_s_error(
    judge: Judge, declare: Declare, sql: str, message: str
) -> None:
    with pytest.raises(SuiteError, match=message):
        judge(query(declare, sql))


def test_a_value_that_breaks_the_scan_stays_out_of_the_error(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    con.execute("INSERT INTO people (_row, id) VALUES (14, 'zqxsecret')")
    with pytest.raises(DataError, match="ConversionException") as caught:
        judge(query(declare, "SELECT _row FROM {batch} WHERE id::INTEGER > 0"))
    seen, error = "", caught.value
    while error is not None:
        seen += f"{error!r} {error.__dict__}"
        error = error.__context__  # type: ignore[assignment]
    assert "zqxsecret" not in seen


def test_the_columns_must_be_those_the_suite_was_compiled_for(
    con: Connection, declare: Declare
) -> None:
    suite = build("feed.people", [declare("r", "be_unique", column="name")])
    compiled = compile_suite(suite, {"name": "VARCHAR"})
    with pytest.raises(SuiteError, match="name"):
        run(con, "people", compiled)


def test_an_unread_result_of_the_caller_does_not_stop_the_run(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    con.execute("SELECT * FROM people").fetchone()
    assert judge(declare("r", "be_unique", column="age")).success


def test_kinds_that_are_not_compiled_run_on_gx_itself(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    outcome = judge(
        declare("rising", "be_increasing", column="age"),
        declare("year", "match_strftime_format", column="code", strftime_format="%Y"),
        declare("coded", "not_be_null", column="code"),
        declare("ahead", "match_regex", "warning", column="id", regex=r"^(?!b)"),
        declare("spread", "expect_column_stdev_to_be_between", column="age",
                max_value=1),
    )  # fmt: skip
    assert failures(con, outcome) == [
        (10, "year"),
        (11, "year"),
        (12, "ahead"),
        (12, "coded"),
        (13, "rising"),
        (13, "year"),
    ]
    told = {result.rule: result for result in summary(outcome)}
    assert told["rising"].unexpected_count == 1
    assert told["ahead"].element_count == 4
    assert told["spread"].level == "table"
    views = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert views.fetchall() == []


def test_a_kind_that_gx_can_t_evaluate_is_the_suite_s_error(
    judge: Judge, declare: Declare
) -> None:
    with pytest.raises(
        SuiteError, match=r"rule \[z\]: GX could not evaluate"
    ) as caught:
        judge(declare("z", "expect_column_value_z_scores_to_be_less_than",
                      column="code", threshold=3, double_sided=True))  # fmt: skip
    assert caught.value.__context__ is None


def test_the_result_is_gx_s_own_and_equals_what_gx_makes(
    con: Connection, judge: Judge, declare: Declare
) -> None:
    expectations = [
        declare("unique", "be_unique", column="id"),
        declare("coded", "be_in_set", "warning", column="code", value_set=["x", "y"]),
        declare("rows", "expect_table_row_count_to_equal", value=4),
    ]
    ours = judge(*expectations).result
    batch = (
        gx.get_context(mode="ephemeral")
        .data_sources.add_pandas("p")
        .add_dataframe_asset("a")
        .add_batch_definition_whole_dataframe("b")
        .get_batch({"dataframe": con.execute("SELECT id, code FROM people").df()})
    )
    theirs = batch.validate(
        build("feed.people", expectations),
        result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
    )
    assert ours.statistics == theirs.statistics
    assert [result.to_json_dict()["result"] for result in ours.results] == [
        {
            key: value
            for key, value in result.to_json_dict()["result"].items()
            if key != "partial_unexpected_list"
        }
        for result in theirs.results
    ]
    assert ours.get_max_severity_failure() == theirs.get_max_severity_failure()
    assert ours.describe_dict()["statistics"]["evaluated_expectations"] == 3
