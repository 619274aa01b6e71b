"""The table of faults says what the tests of faults prove."""

import re

import pytest

from tests.support.fault_table import (
    OUTCOMES,
    PROJECT,
    FaultTest,
    fault_tests,
    known_faults,
    table,
)

PAGE = PROJECT / "docs" / "reference" / "faults.md"
ERRORS = (PROJECT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("test", fault_tests(), ids=lambda t: f"{t.fault}-{t.test}")
def test_a_test_of_a_fault_says_what_it_proves(test: FaultTest) -> None:
    assert test.fault in known_faults()
    assert test.outcome in OUTCOMES
    assert test.summary, "the docstring's first line is the table's text"
    number = test.fault.lower()
    assert re.match(rf"test_{number}_", test.test), "named after its fault"
    assert not test.code or f"`{test.code}`" in ERRORS, "explained in errors.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == table(), (
        "python -m tests.support.fault_table > docs/reference/faults.md"
    )


def test_every_fault_has_a_test_that_raises_it() -> None:
    assert sorted(known_faults()) == sorted({test.fault for test in fault_tests()})
