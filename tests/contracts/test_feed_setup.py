"""A new feed by files alone: begun from a sample, refused until decided, then tried."""

import json
import re
import runpy
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord.cli import app
from concord.contracts.registry import load_registry
from concord.contracts.scaffold import open_marks, scaffold
from concord.exceptions import ConfigError, ContractError
from concord.pipeline.examining import examine
from concord.pipeline.trying import try_samples
from concord.settings import Settings

TODAY = date(2026, 1, 5)
FEED = "tried_by_a_test"  # no county has one of that name
CANARY = "Zqxgavomi"
BOOKING = f"""BookingNo,Last Name,bookedOn,Cell
B0001,{CANARY},2025-11-03,12
B0002,{CANARY},2031-05-17,7
B0003,{CANARY},not a day,7
"""
DECIDED = {
    "domain: REVIEW": "domain: jail",
    "property: sector, value: REVIEW": "property: sector, value: jail",
    "members: [{username: REVIEW,": "members: [{username: steward@jail.example,",
}
CONCEPTS = {
    "booking_no": "event.id",
    "last_name": "text.narrative",
    "booked_on": "event.date",
}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "booking.csv"
    path.write_text(BOOKING)
    return path


def decide(settings: Settings) -> None:
    """Fill in a scaffold as somebody who has read the agreement would."""
    path = settings.include / "contracts" / f"{FEED}.odcs.yaml"
    text = path.read_text()
    for old, new in DECIDED.items():
        text = text.replace(old, new)
    head, *columns = text.split("      - name: ")
    kept = []
    for column in columns:
        name = column.split("\n")[0]
        if name == "cell":
            continue
        if name == "booking_no":
            column = column.replace(
                "        classification",
                "        primaryKey: true\n        primaryKeyPosition: 1\n"
                "        classification",
            ).replace(
                "value: REVIEW}", "value: event.id}\n          - {property: entity, "
                "value: booking}"
            )  # fmt: skip
        if name == "booked_on":
            column = column.replace("logicalType: string", "logicalType: date").replace(
                "        classification",
                "        required: true\n        classification",
            )
        kept.append(column.replace("value: REVIEW", f"value: {CONCEPTS[name]}"))
    text = "      - name: ".join([head, *kept])
    path.write_text(text.replace("REVIEW", "Decided by a test"))
    path = settings.include / "agreements" / f"{FEED}.yaml"
    text = path.read_text().replace(
        "concepts: [REVIEW]", f"concepts: [{', '.join(CONCEPTS.values())}]"
    )
    text = re.sub(r"(?m)^start: .*$", f"start: {TODAY}", text)
    path.write_text(text.replace("REVIEW", "Decided by a test"))


def test_a_scaffold_names_the_samples_columns_and_decides_nothing(
    settings: Settings, sample: Path
) -> None:
    written = scaffold(settings, FEED, [sample], TODAY)
    assert [path.name for path in written] == [
        f"{FEED}.odcs.yaml", f"{FEED}.yaml", "booking.json",
    ]  # fmt: skip
    text = written[0].read_text()
    for header in ('"BookingNo"', '"Last Name"', '"bookedOn"', '"Cell"'):
        assert f"physicalName: {header}" in text
    assert "logicalType: string  # looks like integer" in text
    assert text.count("concept, value: REVIEW") == 4
    assert CANARY not in "".join(path.read_text() for path in written)


def test_a_scaffold_is_refused_until_everything_is_decided(
    settings: Settings, sample: Path
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    with pytest.raises(ContractError, match="unknown concept 'REVIEW'"):
        load_registry(settings)
    with pytest.raises(ConfigError, match=r"lines are still to decide") as refusal:
        examine(settings, FEED, TODAY)
    assert f"{FEED}.odcs.yaml:" in str(refusal.value)
    assert f"{FEED}.yaml:" in str(refusal.value)


def test_nothing_is_overwritten(settings: Settings, sample: Path) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    before = (settings.include / f"contracts/{FEED}.odcs.yaml").read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        scaffold(settings, FEED, [], TODAY)
    assert (settings.include / f"contracts/{FEED}.odcs.yaml").read_bytes() == before


def test_nothing_is_written_where_one_file_is_in_the_way(settings: Settings) -> None:
    (settings.include / f"agreements/{FEED}.yaml").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        scaffold(settings, FEED, [], TODAY)
    assert not (settings.include / f"contracts/{FEED}.odcs.yaml").exists()


@pytest.mark.parametrize(
    ("feed", "text", "problem"),
    [
        ("Jail", "a\n1\n", "can't be a feed's name"),
        ("../jail", "a\n1\n", "can't be a feed's name"),
        (FEED, "", "header is empty"),
        (FEED, "a,A\n1,2\n", "names a column twice"),
    ],
)
def test_what_cannot_be_begun_is_said(
    settings: Settings, tmp_path: Path, feed: str, text: str, problem: str
) -> None:
    path = tmp_path / "booking.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        scaffold(settings, feed, [path], TODAY)


def test_a_decided_feed_is_tried_on_its_sample(
    settings: Settings, sample: Path
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    assert open_marks(settings, FEED) == []
    contract = examine(settings, FEED, TODAY)
    trial = try_samples(settings, contract, [sample], TODAY)
    (counts,) = trial.counts
    assert (counts.received, counts.published) == (3, 1)
    assert (counts.quarantined, counts.rejected) == (1, 1)
    assert {r.rule: r.unexpected for r in trial.rules} == {
        "type:booked_on": 1,
        "not-future:booked_on": 1,
        "file:columns_added": 1,
    }
    assert trial.not_taken == {"booking": ("Cell",)}
    assert trial.held is None
    assert not settings.home.exists(), "a trial leaves nothing in the data root"


def test_the_demo_leaves_out_a_feed_that_no_agency_serves(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    monkeypatch.setenv("CONCORD_PROJECT", str(settings.project))
    story = runpy.run_module("concord.demo.story")
    assert story["LEFT_OUT"] == (FEED,)
    assert set(story["FEEDS"]) == load_registry(settings).contracts.keys() - {FEED}
    runs = {run.dag_id for run in story["expected_runs"](0)}
    assert f"ingest_{FEED}" not in runs
    assert "watch_deliveries" in runs, "without it, linkage would wait for the feed"


def test_two_tables_of_one_file_take_its_columns_together(
    settings: Settings, sample: Path
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    path = settings.include / "contracts" / f"{FEED}.odcs.yaml"
    table = path.read_text().split("schema:\n")[1]
    *_, last_name, booked_on = table.split("      - name: ")
    charge = table.replace("- name: booking\n", "- name: charge\n", 1)
    first = table.replace(f"      - name: {booked_on}", "")
    second = charge.replace(f"      - name: {last_name}", "")
    path.write_text(path.read_text().replace(table, first + second))
    suite = settings.expectations / FEED / "booking.json"
    suite.with_stem("charge").write_text(suite.read_text().replace("booking", "charge"))
    trial = try_samples(settings, examine(settings, FEED, TODAY), [sample], TODAY)
    assert {c.table_name: c.received for c in trial.counts} == {
        "booking": 3,
        "charge": 3,
    }
    assert trial.not_taken == {"booking": ("Cell",)}


def test_the_command_says_counts_and_no_value(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_PROJECT", str(settings.project))
    monkeypatch.setenv("CONCORD_HOME", str(settings.home))
    runner = CliRunner()
    begun = runner.invoke(app, ["feed", "new", FEED, "--from", str(sample)])
    assert begun.exit_code == 0, begun.output
    undecided = runner.invoke(app, ["feed", "check", FEED])
    assert undecided.exit_code == 1
    assert "still to decide" in undecided.output
    decide(settings)
    told = ["feed", "check", FEED, "--against", str(sample), "--night", "2026-01-05"]
    tried = runner.invoke(app, told)
    assert tried.exit_code == 0, tried.output
    assert "booking: 3 read, 1 good, 1 quarantined, 1 rejected" in tried.output
    assert "not in the contract: Cell" in tried.output
    assert f"Next: make the connection '{FEED}'" in tried.output
    assert f"backfill {FEED} --from 2026-01-05 --to 2026-01-05" in tried.output
    assert CANARY not in begun.output + undecided.output + tried.output


def test_a_sample_that_would_be_held_is_said_with_its_code(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    sample.write_text(BOOKING.replace("bookedOn", "booked"))
    monkeypatch.setenv("CONCORD_PROJECT", str(settings.project))
    told = ["feed", "check", FEED, "--against", str(sample), "--night", "2026-01-05"]
    answer = CliRunner().invoke(app, told)
    assert answer.exit_code == 1
    assert "COLUMN_MISSING" in answer.output
    assert CANARY not in answer.output


def test_a_night_outside_the_agreement_is_told_before_anything_is_fetched(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    monkeypatch.setenv("CONCORD_PROJECT", str(settings.project))
    told = ["feed", "check", FEED, "--against", str(sample), "--night", "2026-01-04"]
    answer = CliRunner().invoke(app, told)
    assert answer.exit_code == 1
    assert f"include/agreements/{FEED}.yaml: runs from 2026-01-05" in " ".join(
        answer.output.split()
    )


def line(path: Path, text: str) -> str:
    """Return a file and the line of a text in it, as errors name them."""
    before, found, _ = path.read_text().partition(text)
    assert found, f"{path.name} has no {text}"
    return f"{path}:{before.count(chr(10)) + 1}: "


def change(path: Path, old: str, new: str) -> None:
    assert old in path.read_text(), "the fixture breaks nothing"
    path.write_text(path.read_text().replace(old, new, 1))


def checked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run `concord feed check`, which must fail; returns what it told, line by line."""
    monkeypatch.setenv("CONCORD_PROJECT", str(settings.project))
    answer = CliRunner().invoke(app, ["feed", "check", FEED, "--night", str(TODAY)])
    assert answer.exit_code == 1
    return answer.output.splitlines()


def test_a_number_of_no_entity_is_the_contracts_mistake(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    contract = settings.include / "contracts" / f"{FEED}.odcs.yaml"
    change(contract, "          - {property: entity, value: booking}\n", "")
    where = line(contract, "- name: booking_no")
    assert checked(settings, monkeypatch) == [
        f"✗ {where}'booking_no' is a 'event.id' of no entity, so no token of it can "
        "be made for release 'public', 'research'. Give it the custom property "
        "'entity': what the number counts"
    ]


def test_every_mistake_is_told_in_one_go_with_file_and_line(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    include, suites = settings.include, settings.expectations / FEED
    contract = include / "contracts" / f"{FEED}.odcs.yaml"
    change(contract, "          - {property: entity, value: booking}\n", "")
    change(contract, "logicalType: date", "logicalType: string")
    change(contract, "role: steward", "role: owner")
    agreement = include / "agreements" / f"{FEED}.yaml"
    change(agreement, "concepts: [event.id, ", "concepts: [")
    change(agreement, "minimumCell: 11", "minimumCell: 20")
    codes = include / "codelists" / "sex_words.csv"
    codes.write_text(codes.read_text() + "Male,M,Male again\n")
    rules = [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": column},
            "severity": severity,
            "meta": {"rule": f"has-{column}", "why": "A test asks for it."},
        }
        for column, severity in (("cell", "warning"), ("last_name", "fatal"))
    ]
    suite = suites / "booking.json"
    written = {"name": f"{FEED}.booking", "expectations": rules, "meta": {}}
    suite.write_text(json.dumps(written, indent=2))
    sql = include / "sql" / "curated"
    change(sql / "arrest.sql", "    arrest_type,", "    arrest_types,")
    change(sql / "place.sql", "SELECT", "SELEC")
    change(sql / "complaint.yaml", "grain:", "grane:")

    told = checked(settings, monkeypatch)
    profile = include / "releases" / "research.yaml"
    for expected in (
        line(contract, "- name: booking_no") + "'booking_no' is a 'event.id' of no ent",
        line(contract, "- name: booked_on") + "'booked_on' is a string, but release",
        line(contract, "team:") + "no member has the role 'steward'",
        line(contract, "- name: booking_no") + "'booking.booking_no' is 'event.id', wh",
        line(profile, "  k: 11") + "k is 11, but an agreement asks for 20",
        line(codes, "Male,M,Male again") + "code 'Male' twice",
        line(suite, '    {\n      "type": "expect_column_values_to_not_be_null",\n'
             '      "kwargs": {\n        "column": "last_name"')
        + "expectations[1].severity: [fatal] is not one of",
        line(sql / "place.sql", "SELEC") + "syntax error",
        line(sql / "arrest.sql", "arrest_types") + "Binder Error",
        line(sql / "complaint.yaml", "grane:") + "grane: Extra inputs are not perm",
    ):  # fmt: skip
        assert any(each.startswith(f"✗ {expected}") for each in told), expected
    assert all(each.startswith("✗ ") for each in told)
    assert CANARY not in "".join(told)


def test_a_suite_that_does_not_fit_its_table_is_told_with_its_line(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    suite = settings.expectations / FEED / "booking.json"
    rules = [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": column},
            "severity": "warning",
            "meta": {"rule": f"has-{column}", "why": "A test asks for it."},
        }
        for column in ("cell", "booked_on", "bed")
    ]
    written = {"name": f"{FEED}.booking", "expectations": rules, "meta": {}}
    suite.write_text(json.dumps(written, indent=2))
    told = checked(settings, monkeypatch)
    assert [each.partition(": suite")[0] for each in told] == [
        f"✗ {suite}:4",
        f"✗ {suite}:26",
    ]
    assert all("is not in the table" in each for each in told)


def test_a_contract_that_is_not_whole_does_not_hide_other_mistakes(
    settings: Settings, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold(settings, FEED, [sample], TODAY)
    decide(settings)
    contract = settings.include / "contracts" / f"{FEED}.odcs.yaml"
    change(contract, "classification: restricted", "classification: secret")
    change(contract, "value: text.narrative", "value: text.narative")
    change(contract, '"maxBadShare"', '"maxBadShares"')
    (settings.expectations / FEED / "booking.json").write_text("{")
    sql = settings.include / "sql" / "curated" / "place.sql"
    change(sql, "SELECT", "SELEC")
    told = checked(settings, monkeypatch)
    for expected in (
        line(contract, "classification: secret") + "schema.0.properties.0.classificat",
        line(contract, "- name: last_name") + "unknown concept 'text.narative'",
        line(contract, "customProperties:") + "delivery.maxBadShare: Field required",
        line(contract, "customProperties:") + "delivery.maxBadShares: Extra inputs",
        f"{settings.expectations / FEED / 'booking.json'}:1: not JSON",
        line(sql, "SELEC") + "syntax error",
    ):
        assert any(each.startswith(f"✗ {expected}") for each in told), expected


def test_a_real_feed_passes_the_check() -> None:
    assert examine(Settings(), "police_cad", TODAY).id == "police_cad"


def test_sql_that_reads_what_no_contract_gives_fails_the_check(
    settings: Settings,
) -> None:
    path = settings.include / "sql/curated/call_for_service.sql"
    path.write_text(path.read_text().replace("police_cad__call ", "police_cad__calls "))
    with pytest.raises(
        ConfigError, match=r"call_for_service\.sql:\d+: reads police_cad__c"
    ):
        examine(settings, "police_cad", TODAY)
