"""The key that wraps the keys of releases may be kept by Airflow's secrets backend."""

import os
from pathlib import Path

import pytest

from concord.exceptions import KeyCustodyError
from concord.sealing import KeyRing

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]
SETTING = "airflow:concord_kek_secret"


@pytest.fixture
def kept(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Keep a key where Airflow's secrets backends look first."""
    key = os.urandom(32).hex()
    monkeypatch.setenv("AIRFLOW_VAR_CONCORD_KEK_SECRET", key)
    return key


def test_the_key_wraps_and_unwraps_and_lies_in_no_file(kept, tmp_path) -> None:
    folder = tmp_path / "keys"
    used = KeyRing(folder, encryption=SETTING).release_key("research")
    assert KeyRing(folder, encryption=SETTING).release_key("research") == used
    assert [path.name for path in folder.iterdir() if path.suffix == ".key"] == []
    assert kept not in "".join(path.read_text() for path in folder.iterdir())
    with pytest.raises(KeyCustodyError, match="does not unwrap"):
        KeyRing(folder).release_key("research")


def test_a_key_that_is_not_kept_is_said_with_its_remedy(kept, tmp_path) -> None:
    keys = KeyRing(tmp_path / "keys", encryption="airflow:nobody_made_it")
    with pytest.raises(KeyCustodyError, match="no variable 'nobody_made_it'"):
        keys.release_key("research")
