"""A county's own night: another key, a destroyed one, and keys handed out by step."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from concord import pipeline
from concord.deidentification.tokens import PATTERN
from concord.demo.story import NIGHTS
from concord.exceptions import KeyCustodyError
from concord.pipeline.county import County
from concord.pipeline.keys import destroy_key, hand_out_keys, rotate_key
from concord.pipeline.publishing import keymaps_of
from concord.publication.manifest import read_manifest
from concord.publication.reading import history
from concord.publication.verify import verify
from concord.settings import Settings
from concord.steps import Step

pytestmark = pytest.mark.xdist_group("nights")
PROFILE, LAST = "research", NIGHTS[-1]
WHY = {"reason": "a test", "by": "steward"}


@pytest.fixture
def copied(nights, tmp_path: Path) -> Iterator[County]:
    """Open a copy of the county, whose keys a test may rotate and destroy."""
    home = tmp_path / "copy"
    shutil.copytree(nights.home, home, symlinks=True)
    with pipeline.open_county(Settings(home=home)) as county:
        yield county


def tokens(release: Path) -> set[str]:
    """Return every token in every table of a release."""
    found: set[str] = set()
    for path in release.glob("*/part-*.parquet"):
        for column in pq.read_table(path).itercolumns():
            if str(column.type) == "string":
                values = column.unique().to_pylist()
                found |= {v for v in values if v and re.fullmatch(PATTERN, v)}
    return found


def published_again(county: County) -> Path:
    pipeline.prepare_keymap(county, PROFILE, LAST)
    return pipeline.publish(county, PROFILE, LAST, "a test").path


def test_two_releases_of_a_night_under_two_keys_share_no_token(copied) -> None:
    before = history(copied.zones.releases, PROFILE)[-1].path
    rotate_key(copied, PROFILE, **WHY)
    after = published_again(copied)
    old, new = tokens(before), tokens(after)
    assert len(old) == len(new) > 1000
    assert old.isdisjoint(new)
    assert verify(after).problems == ()
    assert read_manifest(after)["profile"]["key_epoch"] == "2"
    assert "Every token is new" in (after / "CHANGES.md").read_text()


def test_with_a_destroyed_key_nothing_of_its_epoch_can_be_made_again(copied) -> None:
    before = history(copied.zones.releases, PROFILE)[-1].path
    made = keymaps_of(copied.zones, PROFILE, "1")
    assert list(made.iterdir())
    with pytest.raises(KeyCustodyError, match="in use"):
        destroy_key(copied, PROFILE, "1", **WHY)
    rotate_key(copied, PROFILE, **WHY)
    assert destroy_key(copied, PROFILE, "1", **WHY).keymaps == len(NIGHTS)
    assert not made.exists()
    assert tokens(published_again(copied)).isdisjoint(tokens(before))


def test_each_step_of_a_countys_night_works_with_its_own_keys_alone(
    copied, tmp_path: Path
) -> None:
    rotate_key(copied, PROFILE, **WHY)
    linked = copied.ledger.linkage_as_of(LAST).persons_id
    shutil.rmtree(copied.zones.vault / "persons" / linked)
    steps = {
        (Step.LINK, Step.ASSAULTS): lambda county: pipeline.link(county, LAST),
        (Step.KEYMAP,): lambda county: pipeline.prepare_keymap(county, PROFILE, LAST),
        (Step.ASSEMBLE, Step.GATE): lambda county: pipeline.publish(
            county, PROFILE, LAST, "a test"
        ),
        (Step.REPORT,): lambda county: pipeline.report(county, LAST),
    }
    for number, (names, run) in enumerate(steps.items()):
        handed = tmp_path / f"keys-{number}"
        hand_out_keys(copied, names, handed)
        settings = copied.settings.model_copy(update={"keys": handed})
        before = {path.name for path in handed.iterdir()}
        with pipeline.open_county(settings) as county:
            run(county)
        assert {p.name for p in handed.iterdir() if p.suffix != ".lock"} == before
    newest = history(copied.zones.releases, PROFILE)[-1]
    assert read_manifest(newest.path)["profile"]["key_epoch"] == "2"
