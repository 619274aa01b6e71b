"""The doctor names what is open, in zones, files, keys and scratch."""

import os
import time

import pyarrow as pa
import pytest

from concord import pipeline
from concord.doctor import examine
from concord.sealing import write_table
from concord.settings import Settings


@pytest.fixture
def home(tmp_path):
    """Return a data root with something in the vault."""
    settings = Settings(home=tmp_path / "home")
    with pipeline.open_county(settings) as county:
        folder = county.zones.vault / "school" / "state"
        folder.mkdir(parents=True)
        key = county.keys.zone_key("vault")
        write_table(pa.table({"n": [1]}), folder / "person.parquet", key)
    return settings


def told(settings: Settings) -> dict[str, str]:
    """Return what needs a remedy."""
    return {f.subject: f.detail for f in examine(settings) if not f.fine}


def test_a_root_as_the_steps_leave_it_is_fine(home) -> None:
    assert told(home) == {}
    kept = {f.subject: f.detail for f in examine(home)}
    assert kept["keys"] == "1 keys, random and owner only"


@pytest.mark.parametrize(
    ("path", "mode", "subject", "detail"),
    [
        ("", 0o755, "data root", "chmod 0750"),
        ("vault", 0o750, "zone vault", "chmod 0700"),
        ("releases", 0o755, "zone releases", "chmod 0750"),
        ("vault/school/state/person.parquet", 0o640, "zone vault", "chmod -R go="),
        ("keys/zone-vault.key", 0o444, "keys", "chmod 0400"),
    ],
)
def test_what_is_open_is_named_with_its_remedy(
    home, path, mode, subject, detail
) -> None:
    (home.home / path).chmod(mode)
    assert detail in told(home)[subject]


def test_what_a_dead_step_left_in_scratch_is_named(home) -> None:
    left = home.home / "scratch" / "check-1"
    left.mkdir()
    assert told(home) == {}
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(left, (long_ago, long_ago))
    assert "1 folders of steps that died" in told(home)["scratch"]


def test_a_key_that_is_missing_is_named(home) -> None:
    (home.home / "keys" / "zone-vault.key").unlink()
    assert "zone-vault.key: the key is missing" in told(home)["keys"]


def test_the_stewards_key_is_best_elsewhere(home) -> None:
    with pipeline.open_county(home) as county:
        county.keys.steward_recipient()
    kept = {f.subject: f.detail for f in examine(home)}
    assert "best moved to its holder" in kept["keys"]
    assert told(home) == {}
