"""A release on its way through the gate: real files, a real ledger, real links."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.contracts.models import Approval
from concord.exceptions import DisclosureRefused, GateRefused, IntegrityError
from concord.landing.schema import release_event
from concord.pipeline.releasing import ReleaseGate
from concord.publication import release as publication
from concord.publication.candidates import let_out
from concord.publication.gate import Context
from concord.publication.reading import current, history
from concord.publication.verify import verify
from concord.settings import Settings
from concord.zones import PRIVATE
from tests.support.releases import context, night, publish_night, some_tables

PROFILE = "research"
WHAT = Context("persons of all feeds", "January 2026", 40, "none")


def reviewed(county: pipeline.County, reviewers: int = 2) -> pipeline.County:
    """Let the research profile ask for reviewers."""
    profile = county.registry.profile(PROFILE)
    asked = profile.model_copy(update={"approval": Approval(reviewers=reviewers)})
    registry = replace(county.registry, profiles={PROFILE: asked})
    return replace(county, registry=registry)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[pipeline.County]:
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        opened.keys.release_key(PROFILE)
        yield reviewed(opened)


def built(county: pipeline.County, number: int = 1) -> int:
    """Build a candidate of a night, as the publish step does; returns its number."""
    made = publication.publish(
        some_tables(),
        context=context(night(number)),
        releases=county.zones.releases,
        held_back=True,
    )
    return made.number


def submitted(county: pipeline.County, number: int = 1) -> tuple[ReleaseGate, int]:
    gate, made = ReleaseGate(county, PROFILE), built(county, number)
    gate.submit(made, "ada", WHAT)
    return gate, made


def approved(county: pipeline.County, number: int = 1) -> tuple[ReleaseGate, int]:
    gate, made = submitted(county, number)
    for reviewer in ("ben", "cleo"):
        gate.vote(made, reviewer, (), approves=True)
    return gate, made


def code(error: pytest.ExceptionInfo[GateRefused]) -> str:
    return error.value.code


def test_readers_see_nothing_of_it_before_it_is_approved(county) -> None:
    gate, number = submitted(county)
    releases = county.zones.releases
    assert current(releases, PROFILE) is None
    assert history(releases, PROFILE) == ()
    hidden = releases / PROFILE / ".candidates"
    assert hidden.stat().st_mode & 0o777 == PRIVATE
    assert [path.name for path in hidden.iterdir()] == ["r000001"]
    with pytest.raises(GateRefused) as refusal:
        gate.release(number, "ada")
    assert code(refusal) == "NOT_APPROVED"
    assert current(releases, PROFILE) is None
    assert county.ledger.releases(PROFILE) == ()


def test_two_reviewers_let_it_out_with_a_signed_record(county) -> None:
    gate, number = approved(county)
    released = gate.release(number, "ada")
    releases = county.zones.releases
    assert current(releases, PROFILE) == released.path == releases / PROFILE / "r000001"
    assert verify(released.path).problems == ()
    assert gate.candidate(number).state == "released"
    assert [r.number for r in county.ledger.releases(PROFILE)] == [1]
    record = releases / PROFILE / "approvals" / "r000001.json"
    assert '"reviewer": "cleo"' in record.read_text()
    record.chmod(0o640)
    record.write_text(record.read_text().replace("cleo", "dora"))
    assert [str(p) for p in verify(released.path).problems] == [
        "approvals/r000001.json: the signature does not match"
    ]


def test_what_was_built_before_another_left_is_built_again(county) -> None:
    built(county, 1)
    gate, later = submitted(county, 2)
    for reviewer in ("ben", "cleo"):
        gate.vote(later, reviewer, (), approves=True)
    third = built(county, 3)
    gate.release(later, "ada")
    gate.submit(third, "ada", WHAT)
    for reviewer in ("ben", "cleo"):
        gate.vote(third, reviewer, (), approves=True)
    with pytest.raises(GateRefused) as refusal:
        gate.release(third, "ada")
    assert code(refusal) == "OVERTAKEN"
    assert current(county.zones.releases, PROFILE).name == "r000002"


def test_the_author_and_a_second_vote_are_refused_and_nothing_is_recorded(
    county,
) -> None:
    gate, number = submitted(county)
    with pytest.raises(GateRefused) as refusal:
        gate.vote(number, "Ada ", (), approves=True)
    assert code(refusal) == "AUTHOR_VOTED"
    gate.vote(number, "ben", (), approves=True)
    before = county.ledger.decisions.events(PROFILE, number)
    with pytest.raises(GateRefused) as refusal:
        gate.vote(number, "BEN", (), approves=True)
    assert code(refusal) == "VOTED_ALREADY"
    gate.vote(number, "cleo", ["manifest.json"], approves=True)
    before = county.ledger.decisions.events(PROFILE, number)
    with pytest.raises(GateRefused):
        gate.vote(number, "cleo", (), approves=True)
    assert county.ledger.decisions.events(PROFILE, number) == before


def test_a_file_that_changed_after_a_vote_voids_the_votes(county) -> None:
    gate, number = approved(county)
    file = county.zones.releases / PROFILE / ".candidates/r000001/README.md"
    file.chmod(0o640)
    file.write_text(file.read_text() + "One line more.\n")
    with pytest.raises(GateRefused) as refusal:
        gate.release(number, "ada")
    assert code(refusal) == "FILE_CHANGED"
    again = gate.candidate(number)
    assert (again.state, again.votes) == ("draft", ())
    with pytest.raises(IntegrityError, match=r"README\.md: has \d+ bytes"):
        gate.submit(number, "ada", WHAT)
    assert current(county.zones.releases, PROFILE) is None


def test_a_file_that_does_not_belong_is_not_let_out(county) -> None:
    number = built(county)
    stranger = county.zones.releases / PROFILE / ".candidates/r000001/map.svg"
    stranger.write_text("<svg/>")
    with pytest.raises(IntegrityError, match=r"map\.svg: is not part of the release"):
        ReleaseGate(county, PROFILE).submit(number, "ada", WHAT)


def test_the_next_one_supersedes_what_waits_and_what_was_out(county) -> None:
    gate, first = approved(county)
    gate.release(first, "ada")
    _, second = submitted(county, 2)
    _, third = approved(county, 3)
    assert [c.state for c in gate.candidates()] == ["released", "superseded", "checked"]
    with pytest.raises(GateRefused) as refusal:
        gate.vote(second, "ben", (), approves=True)
    assert code(refusal) == "NOT_IN_THIS_STATE"
    gate.release(third, "ada")
    states = [c.state for c in gate.candidates()]
    assert states == ["superseded", "superseded", "released"]
    assert current(county.zones.releases, PROFILE).name == "r000003"


def test_a_withdrawn_release_is_no_longer_current_and_its_folder_is_closed(
    county,
) -> None:
    for number in (1, 2):
        gate, made = approved(county, number)
        gate.release(made, "ada")
    releases = county.zones.releases
    assert gate.withdraw(2, "ada", "a count was wrong") == "r000001"
    assert current(releases, PROFILE).name == "r000001"
    assert [r.number for r in history(releases, PROFILE)] == [1]
    assert (releases / PROFILE / "r000002").stat().st_mode & 0o777 == PRIVATE
    assert verify(releases / PROFILE / "r000001").problems == ()
    (problem,) = verify(releases / PROFILE / "r000002").problems
    assert "was withdrawn" in problem.problem
    with pytest.raises(GateRefused) as refusal:
        gate.withdraw(2, "ada", "again")
    assert code(refusal) == "NOT_IN_THIS_STATE"
    assert gate.withdraw(1, "ada", "so was this") is None, "an overtaken one too"
    assert not (releases / PROFILE / "CURRENT").is_symlink()
    assert current(releases, PROFILE) is None
    with pytest.raises(DisclosureRefused, match="release 2 of research had the same"):
        built(county, 2)
    assert built(county, 3) == 3


def test_a_release_that_nobody_had_to_approve_can_be_withdrawn(county) -> None:
    published = publish_night(county.zones.releases)
    from concord.pipeline.release_records import as_record
    from concord.publication.manifest import read_manifest

    record = as_record(PROFILE, 1, read_manifest(published.path), context().created_at)
    county.ledger.record_release(record)
    gate = ReleaseGate(county, PROFILE)
    assert gate.candidate(1).state == "released"
    assert gate.withdraw(1, "ada", "a wrong key") is None
    assert gate.candidate(1).state == "withdrawn"


def test_a_candidate_keeps_its_number_if_its_building_was_killed_at_the_end(
    county,
) -> None:
    first = built(county)
    (county.zones.releases / PROFILE / "creation" / "r000001.jsonl").unlink()
    assert (first, built(county, 2)) == (1, 2)


@pytest.mark.parametrize("stage", ["let out", "decided"])
def test_a_run_that_was_killed_while_it_released_is_made_again(county, stage) -> None:
    gate, number = approved(county)
    if stage == "let out":
        keys = county.zones.keys
        let_out(county.zones.releases, PROFILE, number, {"killed": True}, keys)
    else:
        gate.release(number, "ada")
        with county.ledger.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM release"))
    assert gate.release(number, "ada").path.name == "r000001"
    assert [r.number for r in county.ledger.releases(PROFILE)] == [1]
    kinds = [e.kind for e in county.ledger.decisions.events(PROFILE, number)]
    assert kinds.count("released") == 1


def test_a_decision_that_was_changed_afterwards_is_found(county) -> None:
    gate, number = approved(county)
    with county.ledger.engine.begin() as connection:
        connection.execute(
            sa.update(release_event)
            .where(release_event.c.place == 1)
            .values(by="somebody else")
        )
    with pytest.raises(IntegrityError, match="was changed at decision 1"):
        gate.release(number, "ada")


def test_two_decisions_at_once_do_not_both_count(county) -> None:
    gate, number = submitted(county)
    log = county.ledger.decisions
    (first,) = log.events(PROFILE, number)
    gate.vote(number, "ben", ["README.md"], approves=True)
    with pytest.raises(GateRefused) as refusal:
        log.append(PROFILE, number, "released", "ada", first.at, {}, after=1)
    assert code(refusal) == "DECIDED_MEANWHILE"


def test_decisions_come_back_after_the_ledger_was_lost(county) -> None:
    gate, number = approved(county)
    gate.release(number, "ada")
    before = county.ledger.decisions.events(PROFILE, number)
    county.ledger.close()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (county.settings.home / name).unlink(missing_ok=True)
    with pipeline.open_county(Settings(home=county.settings.home)) as bereft:
        pipeline.rebuild_ledger(bereft)
        assert bereft.ledger.decisions.events(PROFILE, number) == before
        assert ReleaseGate(reviewed(bereft), PROFILE).candidate(1).state == "released"


def test_the_public_audience_always_has_two_reviewers(county) -> None:
    profile = county.registry.profile(PROFILE).model_copy(update={"approval": None})
    assert profile.reviewers == 0
    for changed in ({"id": "public"}, {"audience": "Public"}):
        assert profile.model_copy(update=changed).reviewers == 2


def test_the_commands_take_a_release_through_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wide: None
) -> None:
    settings = Settings(home=tmp_path / "home")
    monkeypatch.setenv("CONCORD_HOME", str(settings.home))
    monkeypatch.setattr(
        "concord.contracts.models.ReleaseProfile.reviewers", property(lambda _: 2)
    )
    with pipeline.open_county(settings) as county:
        built(county)

    def run(*arguments: str, status: int = 0) -> str:
        answer = CliRunner().invoke(app, ["release", *arguments])
        assert answer.exit_code == status, answer.output
        return answer.output

    what = ["--population", "everybody", "--period", "2026", "--count", "40"]
    submit = ["submit", PROFILE, "1", "--by", "ada", *what]
    run(*submit, status=2)  # related is not said
    assert "CONTEXT_MISSING" in run(*submit, "--related", " ", status=1)
    assert "release 1 of research: checked" in run(*submit, "--related", "none")
    vote = ["vote", PROFILE, "1", "--approve", "--by"]
    assert "AUTHOR_VOTED" in run(*vote, "ada", status=1)
    assert "NOT_APPROVED" in run("publish", PROFILE, "1", "--by", "ada", status=1)
    run(*vote, "ben", "--file", "README.md")
    assert "README.md: 1 of 2 approve" in run("show", PROFILE, "1")
    for file in ("person/part-00000.parquet", "CHANGES.md"):
        run(*vote, "ben", "--file", file)
    assert "VOTED_ALREADY" in run(*vote, "ben", status=1)
    run("vote", PROFILE, "1", "--reject", "--by", "cleo")
    assert "REJECTED" in run("publish", PROFILE, "1", "--by", "ada", status=1)
    assert "checked" in run("list", PROFILE)
