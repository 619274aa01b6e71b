"""Suites are read strictly: what GX would drop with a log line is an error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from great_expectations import ExpectationSuite
from great_expectations.expectations import ExpectColumnMostCommonValueToBeInSet
from great_expectations.expectations.registry import (
    list_registered_expectation_implementations,
)

from concord.exceptions import SuiteError
from concord.validation.compiler import REFUSED, compile_suite
from concord.validation.suites import build, load_suite, merge

Declare = Callable[..., dict[str, Any]]

GOOD = {
    "type": "expect_column_values_to_be_unique",
    "kwargs": {"column": "id"},
    "severity": "critical",
    "meta": {"rule": "id-unique", "why": "Two persons can't share an id."},
}


def write(path: Path, document: Any) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def suite_of(**changes: Any) -> dict[str, Any]:
    """A suite of one expectation with some of its keys changed or, by None, absent."""
    expectation = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    return {"name": "feed.people", "expectations": [expectation], "meta": {}}


def test_a_suite_is_read_into_gx_s_own_object(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "people.json", suite_of()))
    assert suite.name == "feed.people"
    assert [e.configuration.to_json_dict() for e in suite.expectations] == [GOOD]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"name": "x",\n nonsense}', r"people\.json:2: not JSON"),
        ('{"name": "x", "name": "y", "expectations": []}', r"key \[name\] twice"),
        ("[]", "a suite is an object"),
        ({"name": "", "expectations": []}, r"name \[\] is not a name"),
        ({"name": "x", "expectations": {}}, "expectations is not a list"),
        ({**suite_of(), "owner": "me"}, r"unknown key \[owner\]"),
        ({"name": "x", "expectations": ["e"]}, r"expectations\[0\]: \[e\] is not an"),
        (suite_of(type="expect_nothing"), r"expectations\[0\]\.type: \[expect_nothing"),
        (suite_of(kwargs=None), r"expectations\[0\]\.kwargs: missing"),
        (
            suite_of(kwargs={"column": "id", "colour": "red"}),
            r"expectations\[0\]\.kwargs\.colour: extra fields not permitted \[red\]",
        ),
        (suite_of(kwargs={}), r"expectations\[0\]\.kwargs\.column: field required"),
        (
            suite_of(kwargs={"column": "id", "mostly": 2}),
            r"kwargs\.mostly: .* \[2\]",
        ),
        (suite_of(severity=None), r"expectations\[0\]\.severity: \[None\]"),
        (suite_of(severity="fatal"), r"expectations\[0\]\.severity: \[fatal\]"),
        (suite_of(meta=None), r"expectations\[0\]\.meta: missing"),
        (suite_of(meta={"rule": "r"}), r"expectations\[0\]\.meta\.why"),
        (suite_of(meta={"why": "w"}), r"expectations\[0\]\.meta\.rule"),
        (suite_of(meta={"rule": " ", "why": "w"}), r"meta\.rule: \[ \] says nothing"),
        (suite_of(notes="n"), r"expectations\[0\]: unknown key \[notes\]"),
        (
            suite_of(kwargs={"column": "id", "result_format": "COMPLETE"}),
            r"kwargs\.result_format: not for a suite's file",
        ),
        (
            suite_of(kwargs={"column": "id", "mostly": {"$PARAMETER": "m"}}),
            "suite parameters are not supported",
        ),
        (
            suite_of(
                type="unexpected_rows_expectation",
                kwargs={"unexpected_rows_query": "SELECT * FROM people"},
            ),
            r"must read \{batch\}",
        ),
        (
            suite_of(
                type="unexpected_rows_expectation",
                kwargs={"unexpected_rows_query": "SELECT '{x}' FROM {batch}"},
            ),
            "double a literal brace",
        ),
    ],
)
def test_a_broken_suite_is_an_error_that_names_the_place(
    tmp_path: Path, document: Any, message: str
) -> None:
    path = write(tmp_path / "people.json", document)
    with pytest.raises(SuiteError, match=message) as caught:
        load_suite(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"none\.json"):
        load_suite(tmp_path / "none.json")


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_a_kind_that_would_carry_values_is_refused(kind: str) -> None:
    with pytest.raises(SuiteError, match="is refused; use "):
        build("x", [{**GOOD, "type": kind}])


def test_a_refused_kind_is_not_compiled_either() -> None:
    made = ExpectColumnMostCommonValueToBeInSet(
        column="id", value_set=["a"], meta={"rule": "r"}
    )
    suite = ExpectationSuite("x", [made])
    with pytest.raises(SuiteError, match="the kind is refused; use "):
        compile_suite(suite, {"id": "VARCHAR"})


def test_every_refused_kind_is_one_of_gx() -> None:
    assert set(REFUSED) <= set(list_registered_expectation_implementations())


def test_a_rule_occurs_once_in_a_suite(declare: Declare) -> None:
    with pytest.raises(SuiteError, match=r"expectations\[1\].meta.rule: \[r\] occurs"):
        build(
            "x",
            [
                declare("r", "be_null", column="a"),
                declare("r", "be_unique", column="a"),
            ],
        )


def test_suites_merge_and_keep_their_rules(declare: Declare) -> None:
    bounds = declare(
        "b", "be_between", column="d", max_value="2026-01-06", severity="info"
    )
    merged = merge("both", build("one", [GOOD]), build("two", [bounds]))
    assert merged.name == "both"
    assert [e.configuration.to_json_dict() for e in merged.expectations] == [
        GOOD,
        bounds,
    ]


def test_suites_with_a_rule_in_common_do_not_merge() -> None:
    with pytest.raises(SuiteError, match=r"\[id-unique\] occurs twice"):
        merge("both", build("one", [GOOD]), build("two", [GOOD]))
