"""What people decide about persons, night after night, and how it can be undone."""

import csv
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.exceptions import ConcordError, LinkageError
from concord.linkage.decisions import Wish
from concord.pipeline.deciding import DecisionLog, decide_pairs, undo_decision
from concord.pipeline.person_history import person_on, spans_of
from concord.pipeline.promoting import compare_model, promote_model
from concord.pipeline.reviewing import (
    export_review,
    import_review,
    questions,
    write_page,
)
from tests.support.corrected_persons import (
    STEWARD,
    SURE,
    WHY,
    PersonCounty,
    copied,
    first_night,
)
from tests.support.small_feed import client, night

CANARY = "zqxmarigold"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    first_night(root)
    return root


@pytest.fixture
def persons(made: Path, tmp_path: Path) -> Iterator[PersonCounty]:
    with copied(made, tmp_path / "county") as county:
        yield county


def filled(file: Path, answer: str, reason: str = WHY) -> Path:
    """Fill in every line of an exported file."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows({**r, "decision": answer, "reason": reason} for r in rows)
    return file


def test_a_pair_decided_in_the_file_is_one_person_until_that_is_undone(
    persons: PersonCounty, tmp_path: Path
) -> None:
    first = persons.ids()
    assert first["C00102"] != first["C00103"]
    assert first["C00100"] == first["C00101"]
    file = tmp_path / "review.csv"
    assert export_review(persons.county, file) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = import_review(persons.county, filled(file, "same"), by=STEWARD)
    assert [d.kind for d in done.decided] == ["join"]
    assert persons.ids() == first, "nothing changes before the next night"
    assert questions(persons.county)[1] == [], "what was decided is not asked again"
    again = import_review(persons.county, file, by=STEWARD)
    assert (again.decided, again.known) == ((), 1)

    joined = persons.link(1)
    assert joined["C00102"] == joined["C00103"]
    assert persons.events() == [("merged", "decision")]
    assert {k: v for k, v in joined.items() if k < "C00102"} == {
        k: v for k, v in first.items() if k < "C00102"
    }

    undo_decision(persons.county, 1, reason="They are cousins", by=STEWARD)
    assert persons.link(2) == first, "both have their old ids again"
    assert sorted(persons.events()) == [("restored", "decision"), ("split", "decision")]
    log = DecisionLog(persons.county).read()
    assert [(d.kind, d.undoes, d.by) for d in log] == [
        ("join", None, STEWARD),
        ("undo", 1, STEWARD),
    ]


def test_records_that_were_parted_stay_parted_whatever_the_model_says(
    persons: PersonCounty,
) -> None:
    first = persons.ids()
    persons.decide("part", "C00100", "C00101")
    parted = persons.link(1)
    assert parted["C00100"] != parted["C00101"]
    assert first["C00100"] in (parted["C00100"], parted["C00101"])
    persons.arrive(2, client(104, **SURE))
    third = persons.link(2)
    assert third["C00100"] == parted["C00100"]
    assert third["C00101"] == parted["C00101"]
    assert third["C00104"] in (parted["C00100"], parted["C00101"])


def test_an_earlier_night_run_again_gives_what_it_gave(persons: PersonCounty) -> None:
    before = persons.store.newest()
    persons.decide("join", "C00102", "C00103")
    assert pipeline.link(persons.county, night(0)) == before.persons_id
    assert pipeline.link(persons.county, night(1)) != before.persons_id


def test_ids_that_records_had_are_remembered_for_the_succession(
    persons: PersonCounty,
) -> None:
    first, keys = persons.ids(), persons.keys()
    persons.decide("join", "C00102", "C00103")
    joined = persons.link(1)
    (moved,) = [c for c in first if joined[c] != first[c]]
    former = persons.store.former(persons.store.newest()).to_pylist()
    assert former == [{"record_key": keys[moved], "person_id": first[moved]}]


def test_history_says_who_a_record_was_on_each_night(persons: PersonCounty) -> None:
    first, keys = persons.ids(), persons.keys()
    persons.decide("part", "C00100", "C00101")
    second = persons.link(1)
    moved = "C00100" if second["C00100"] != first["C00100"] else "C00101"
    spans = spans_of(persons.county, keys[moved])
    assert [(s.person_id, s.since, s.until) for s in spans] == [
        (first[moved], night(0), night(1)),
        (second[moved], night(1), None),
    ]
    both = tuple(sorted((keys["C00100"], keys["C00101"])))
    assert person_on(persons.county, keys[moved], night(0)) == both
    assert person_on(persons.county, keys[moved], night(1)) == (keys[moved],)
    assert person_on(persons.county, keys[moved], night(-1)) == ()
    with pytest.raises(LinkageError) as unknown:
        spans_of(persons.county, "0" * 32)
    assert unknown.value.code == "RECORD_UNKNOWN"


def test_the_page_shows_both_records_and_escapes_them(
    persons: PersonCounty, tmp_path: Path
) -> None:
    page = tmp_path / "review.html"
    assert write_page(persons.county, page) == 1
    html = page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "Oakhollow" in html
    assert "Marchetti" in html
    assert "<strong>different</strong>" in html
    assert "shows identities" in html
    assert "nothing in this report comes from a person" not in html
    for lost in ("http://", "https://", "<script"):
        assert lost not in html


@pytest.mark.parametrize("write", [write_page, export_review])
def test_identities_are_never_written_into_the_data_root(
    persons: PersonCounty, write
) -> None:
    place = persons.county.zones.reports / "review"
    with pytest.raises(ConcordError, match="data root"):
        write(persons.county, place)
    assert not place.exists()


@pytest.mark.parametrize(
    ("answer", "reason", "told"),
    [
        (CANARY, WHY, "line 2, column 'decision'"),
        ("same", " ", "line 2, column 'reason'"),
    ],
)
def test_a_file_filled_in_wrongly_decides_nothing_and_shows_no_value(
    persons: PersonCounty, tmp_path: Path, answer: str, reason: str, told: str
) -> None:
    file = tmp_path / "review.csv"
    export_review(persons.county, file)
    with pytest.raises(LinkageError) as wrong:
        import_review(persons.county, filled(file, answer, reason), by=STEWARD)
    assert wrong.value.code == "REVIEW_FILE_WRONG"
    assert told in str(wrong.value)
    for lost in (CANARY, "Oakhollow"):
        assert lost not in str(wrong.value)
    assert wrong.value.__context__ is None
    assert DecisionLog(persons.county).read() == ()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a;b;c\r\n1;2;3\r\n", b""])
def test_a_file_of_another_kind_is_refused(
    persons: PersonCounty, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "other.csv"
    file.write_bytes(content)
    with pytest.raises(LinkageError) as wrong:
        import_review(persons.county, file, by=STEWARD)
    assert wrong.value.code == "REVIEW_FILE_WRONG"
    assert wrong.value.__context__ is None


def test_decisions_that_contradict_or_name_nobody_are_refused_together(
    persons: PersonCounty,
) -> None:
    keys = persons.keys()
    one, two, three = (keys[c] for c in ("C00001", "C00002", "C00003"))
    join = Wish("join", one, two, WHY)
    wrong = [
        [join, Wish("join", two, three, WHY), Wish("part", three, one, WHY)],
        [join, replace(join, kind="part")],
        [join, Wish("join", one, "0" * 32, WHY)],
        [Wish("join", one, one, WHY)],
        [replace(join, reason="-")],
    ]
    for wishes in wrong:
        with pytest.raises(LinkageError) as refusal:
            decide_pairs(persons.county, wishes, by=STEWARD)
        assert refusal.value.code == "DECISION_REFUSED"
        assert not any(key in str(refusal.value) for key in keys.values())
    with pytest.raises(LinkageError, match="no decision 7"):
        undo_decision(persons.county, 7, reason=WHY, by=STEWARD)
    assert DecisionLog(persons.county).read() == ()


def test_the_ledger_knows_numbers_and_roles_but_no_record_and_no_reason(
    persons: PersonCounty,
) -> None:
    persons.decide("join", "C00102", "C00103")
    (event,) = persons.county.ledger.history.events("linkage_decided")
    assert event.night == night(1)
    assert event.facts == {
        "number": 1, "decision": "join", "undoes": None, "by": STEWARD,
    }  # fmt: skip


def test_nothing_that_a_steward_sees_or_writes_lies_open_in_the_data_root(
    persons: PersonCounty, tmp_path: Path
) -> None:
    file = tmp_path / "review.csv"
    export_review(persons.county, file)
    assert "Oakhollow" in file.read_text(encoding="utf-8-sig"), "positive control"
    import_review(persons.county, filled(file, "same", f"{CANARY} said so"), by=STEWARD)
    persons.link(1)
    pipeline.report(persons.county, night(0))
    files = [p for p in persons.county.zones.home.rglob("*") if p.is_file()]
    assert any(p.parent.parent.name == "decisions" for p in files)
    for path in files:
        content = path.read_bytes().lower()
        for lost in (CANARY, "oakhollow", "quenneville"):
            assert lost.encode() not in content, path.name


# A model of its own accord --------------------------------------------------------


def test_a_model_links_only_after_it_was_compared_and_promoted(
    persons: PersonCounty,
) -> None:
    first = persons.ids()
    persons.settle(link_weight=8.0, split_weight=7.0, version="2026.2")
    with pytest.raises(LinkageError) as unpromoted:
        persons.link(1)
    assert unpromoted.value.code == "MODEL_NOT_PROMOTED"
    assert persons.store.newest().night == night(0), "the last persons stay in force"
    with pytest.raises(LinkageError) as uncompared:
        promote_model(persons.county, reason=WHY, by=STEWARD)
    assert uncompared.value.code == "MODEL_NOT_COMPARED"

    comparison = compare_model(persons.county)
    assert (comparison.merged, comparison.split) == (1, 0)
    assert comparison.changed == 1
    assert comparison.persons_after == comparison.persons_before - 1
    assert persons.ids() == first, "a comparison changes nothing"
    with pytest.raises(LinkageError, match="MODEL_NOT_PROMOTED"):
        persons.link(1)

    promote_model(persons.county, reason=WHY, by=STEWARD)
    second = persons.link(1)
    assert second["C00102"] == second["C00103"]
    assert persons.events() == [("merged", "model")]
    assert persons.store.newest().model_version == "2026.2"
    assert persons.link(2) == second
    held = persons.county.ledger.history.events("linkage_held")
    assert [e.facts["code"] for e in held] == ["MODEL_NOT_PROMOTED"] * 2


def test_a_comparison_says_how_many_decisions_the_model_reaches_by_itself(
    persons: PersonCounty,
) -> None:
    persons.decide("part", "C00100", "C00101")
    persons.decide("part", "C00102", "C00103")
    comparison = compare_model(persons.county)
    assert (comparison.decisions, comparison.decisions_met) == (2, 1)


# The brake ------------------------------------------------------------------------


def double(number: int, **changes: object) -> dict[str, object]:
    """Make one of two records of a person, told by the name and the SSN."""
    return client(
        number,
        first_name=f"Wilh{chr(97 + number % 20)}",
        last_name=f"Tarquim{chr(97 + number % 20)}",
        birth_date=f"19{50 + number % 20}-02-1{number % 7}",
        ssn=f"4{10 + number % 20}-52-{2000 + number % 20}",
        **changes,
    )


def test_a_night_on_which_too_many_ids_change_is_held_until_it_is_exempted(
    persons: PersonCounty,
) -> None:
    doubles = [double(n) for n in range(200, 240)]
    persons.arrive(1, *doubles)
    before = persons.link(1)
    keys = persons.keys()
    wishes = [
        Wish("part", keys[f"C00{n}"], keys[f"C00{n + 20}"], WHY)
        for n in range(200, 220)
        if before[f"C00{n}"] == before[f"C00{n + 20}"]
    ]
    assert len(wishes) > 10
    decide_pairs(persons.county, wishes, by=STEWARD)
    with pytest.raises(LinkageError) as braked:
        persons.link(2)
    assert braked.value.code == "PERSONS_CHURN"
    assert f"{len(wishes)} of 56 records" in str(braked.value)
    assert persons.store.newest().night == night(1)

    exemption = {
        "rule": "churn:persons",
        "reason": "Twenty doubles were parted by decision",
        "owner": "data-office@county.example",
        "expires": night(1),
    }
    exempt(persons, exemption)
    with pytest.raises(LinkageError, match="PERSONS_CHURN"):
        persons.link(2)
    exempt(persons, {**exemption, "expires": night(2)})
    after = persons.link(2)
    changed = sum(after[c] != before[c] for c in after)
    assert changed == len(wishes)
    assert persons.store.newest().measures["churn"] == {
        "records": 56, "changed": changed, "share": changed / 56,
    }  # fmt: skip
    (used,) = persons.county.ledger.history.events("exempted")
    assert used.facts["rule"] == "churn:persons"


def exempt(persons: PersonCounty, exemption: dict[str, object]) -> None:
    folder = persons.clinic.include / "exemptions"
    folder.mkdir(exist_ok=True)
    text = yaml.safe_dump({"exemptions": [exemption]})
    (folder / "linkage.yaml").write_text(text)
    persons.clinic.reopen()


# The command line -----------------------------------------------------------------


def test_the_commands_do_what_they_say(
    persons: PersonCounty, wide: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = persons.county.settings
    monkeypatch.setenv("CONCORD_HOME", str(settings.home))
    monkeypatch.setenv("CONCORD_PROJECT", str(settings.project))
    keys = persons.keys()
    one, other = keys["C00100"], keys["C00101"]
    who = ["--by", STEWARD, "--reason", WHY]
    file = str(tmp_path / "review.csv")

    def run(*words: str, status: int = 0) -> str:
        answer = CliRunner().invoke(app, ["linkage", *words])
        assert answer.exit_code == status, answer.output
        return answer.output

    assert "1 pairs written" in run("review", "export", "--to", file)
    assert "1 pairs written" in run("review", "page", "--to", file + ".html")
    assert "1 left open" in run("review", "import", file, "--by", STEWARD)
    assert "decision 1: part" in run("part", one, other, *who)
    assert "DECISION_REFUSED" in run("join", one, other, *who, status=1)
    assert "holds" in run("decisions")
    persons.link(1)
    assert "decision" in run("events")
    assert "to now" in run("history", one)
    assert "with 2 records" in run("history", one, "--night", str(night(0)))
    assert "undone" in run("undo", "1", *who)
    assert "persons" in run("compare")
    assert "links from" in run("promote", *who)
