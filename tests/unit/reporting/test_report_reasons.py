"""Every rule that can be broken has a reason that can be read."""

import json
from datetime import date
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.exceptions import SuiteError
from concord.reporting.reasons import Reasons
from concord.settings import Settings
from concord.validation.contract_rules import contract_rules

SETTINGS = Settings()
REGISTRY = load_registry(SETTINGS)
TABLES = [(c.id, t.name) for c in REGISTRY.contracts.values() for t in c.tables]
NIGHT = date(2026, 1, 5)


@pytest.fixture(scope="module")
def reasons() -> Reasons:
    return Reasons(SETTINGS, REGISTRY)


@pytest.mark.parametrize(("feed", "name"), TABLES)
def test_every_rule_of_a_contract_has_a_sentence(
    reasons: Reasons, feed: str, name: str
) -> None:
    table = REGISTRY.contract(feed).table(name)
    rules = {rule["meta"]["rule"] for rule in contract_rules(table, NIGHT)}
    rules |= {f"type:{column.name}" for column in table.columns}
    rules |= {"file:columns_added", "file:mixed_line_ends"}
    rules |= {"file:byte_order_mark", "file:beyond_ascii"}
    rules |= {f"reference:{c.name}" for c in table.columns if c.references}

    for rule in rules:
        why = reasons.why(feed, name, rule)
        assert "no longer on file" not in why, rule
        assert why.endswith("."), rule


@pytest.mark.parametrize(("feed", "name"), TABLES)
def test_a_rule_of_a_suite_gives_its_own_reason(
    reasons: Reasons, feed: str, name: str
) -> None:
    suite = json.loads((SETTINGS.expectations / feed / f"{name}.json").read_text())

    for rule in suite["expectations"]:
        assert reasons.why(feed, name, rule["meta"]["rule"]) == rule["meta"]["why"]


def test_a_reason_says_what_the_contract_asks(reasons: Reasons) -> None:
    assert reasons.why("police_rms", "person", "type:birth_date") == (
        "A value is a real date. The column: Date of birth."
    )
    assert reasons.why("police_rms", "offense", "reference:incident_id").startswith(
        "A row belongs to a row of incident that exists."
    )


@pytest.mark.parametrize(
    ("feed", "table", "rule"),
    [
        ("police_rms", "person", "retired-rule"),
        ("police_rms", "person", "required:no_such_column"),
        ("police_rms", "person", "oddness:birth_date"),
        ("no_such_feed", "person", "required:last_name"),
    ],
)
def test_a_rule_that_is_gone_says_so(
    reasons: Reasons, feed: str, table: str, rule: str
) -> None:
    assert "no longer on file" in reasons.why(feed, table, rule)


@pytest.mark.parametrize(
    ("feed", "table", "column", "need"),
    [
        ("police_rms", "person record", "last_name", "required"),
        ("police_rms", "person record", "middle_name", "may be empty"),
        ("police_rms", "incident", "case_number", "required"),
        ("police_rms", "involvement", "age_at_incident", "may be empty"),
        ("school", "person record", "ssn", "not sent"),
        ("no_such_feed", "person record", "last_name", "may be empty"),
    ],
)
def test_the_contract_says_what_a_column_needs(
    reasons: Reasons, feed: str, table: str, column: str, need: str
) -> None:
    assert reasons.need(feed, table, column) == need


def test_a_suite_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "expectations" / "police_rms" / "person.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"expectations": [{"meta": {}}]}')
    reasons = Reasons(Settings(project=tmp_path), REGISTRY)

    with pytest.raises(SuiteError, match=r"police_rms/person\.json: unreadable"):
        reasons.why("police_rms", "person", "required:last_name")
