"""A night of a profile that asks for reviewers: built and checked, seen by nobody."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from concord import pipeline
from concord.contracts.models import Approval
from concord.demo.story import NIGHTS
from concord.pipeline.releasing import ReleaseGate
from concord.publication.gate import Context
from concord.publication.reading import current
from concord.publication.verify import verify
from concord.settings import Settings

pytestmark = pytest.mark.xdist_group("nights")
PROFILE, NIGHT = "research", NIGHTS[-1]


def test_a_night_waits_for_its_reviewers_and_then_leaves(
    nights, county, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(nights.home, home, symlinks=True)
    with pipeline.open_county(Settings(home=home)) as opened:
        profile = opened.registry.profile(PROFILE)
        asked = profile.model_copy(update={"approval": Approval(reviewers=2)})
        profiles = {**opened.registry.profiles, PROFILE: asked}
        copied = replace(opened, registry=replace(opened.registry, profiles=profiles))
        releases, known = copied.zones.releases, copied.ledger.releases(PROFILE)
        before = current(releases, PROFILE)

        pipeline.prepare_keymap(copied, PROFILE, NIGHT)
        draft = pipeline.publish(copied, PROFILE, NIGHT, "a test")
        assert draft.path.parent.name == ".candidates"
        assert current(releases, PROFILE) == before
        assert copied.ledger.releases(PROFILE) == known
        assert pipeline.publish(copied, PROFILE, NIGHT, "again").reused

        gate = ReleaseGate(copied, PROFILE)
        gate.submit(draft.number, "ada", Context("all", "2026", 2000, "r000003"))
        for reviewer in ("ben", "cleo"):
            gate.vote(draft.number, reviewer, (), approves=True)
        released = gate.release(draft.number, "ada")
        assert current(releases, PROFILE) == released.path
        assert verify(released.path).problems == ()
        newest = copied.ledger.releases(PROFILE)[-1]
        assert (newest.number, newest.night) == (draft.number, NIGHT)
        assert newest.risk, "the checks' findings come from the manifest"
        assert gate.withdraw(draft.number, "ada", "a test") == before.name
