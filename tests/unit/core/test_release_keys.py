"""Keys of releases: random, wrapped, rotated, destroyed; and none that is not sound."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.contracts.registry import load_registry
from concord.deidentification.tokens import Tokeniser
from concord.exceptions import ConfigError, KeyCustodyError
from concord.key_encryption import LocalKeyService, WrappingKey, key_encryption
from concord.pipeline.keys import destroy_key, ledgers, retire_key, rotate_key
from concord.pipeline.publishing import keymaps_of
from concord.release_keys import ReleaseKeys, check_value
from concord.sealing import KeyRing, write_table
from concord.settings import Settings

AT = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
PERSONS = [f"{number:032x}" for number in range(500)]
WHY = {"reason": "a test", "by": "steward"}
PROFILES = load_registry(Settings()).profiles
runner = CliRunner()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys")


@pytest.fixture
def county(tmp_path: Path):
    with pipeline.open_county(Settings(home=tmp_path / "home")) as found:
        yield found


def tokens(keys: KeyRing, profile: str = "research") -> set[str]:
    used = keys.release_key(profile)
    tokeniser = Tokeniser(used.key, profile, used.epoch)
    return set(tokeniser.tokens("person", pa.array(PERSONS)).to_pylist())


def test_two_releases_of_one_night_share_no_token(keys: KeyRing) -> None:
    research, public = tokens(keys), tokens(keys, "public")
    assert len(research) == len(public) == len(PERSONS)
    assert research.isdisjoint(public)
    assert research == tokens(KeyRing(keys.folder))


def test_the_ledger_holds_no_key_in_the_clear(keys: KeyRing) -> None:
    secret = keys.release_key("research").key
    (entry,) = keys.release_keys("research").entries()
    assert (entry.epoch, entry.state) == ("1", "active")
    assert entry.check == check_value(secret)
    for path in keys.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert secret not in path.read_bytes()
        assert secret.hex() not in path.read_text()


def test_rotating_changes_every_token_and_keeps_the_former_key(keys: KeyRing) -> None:
    before = tokens(keys)
    keys.release_keys("research").rotate(AT)
    assert tokens(keys).isdisjoint(before)
    states = [(e.epoch, e.state) for e in keys.release_keys("research").entries()]
    assert states == [("1", "retired"), ("2", "active")]


def test_a_destroyed_keys_tokens_can_not_be_made_again(keys: KeyRing) -> None:
    ledger = keys.release_keys("research")
    before, secret = tokens(keys), keys.release_key("research").key
    (entry,) = ledger.entries()
    ledger.rotate(AT)
    gone = ledger.destroy("1", AT)
    assert (gone.state, gone.wrapped, gone.check) == ("destroyed", None, entry.check)
    left = b"".join(path.read_bytes() for path in keys.folder.iterdir())
    assert (entry.wrapped or "").encode() not in left
    assert secret.hex().encode() not in left
    # With everything that is left, nobody gets the key or one of its tokens back.
    wrapping = key_encryption("", keys.folder, makes=False)
    for found in ledger.entries():
        if found.wrapped is None:
            with pytest.raises(KeyCustodyError):
                ledger._open(found)
    assert wrapping.unwrap(_wrapped(ledger), "research/2") != secret
    assert tokens(keys).isdisjoint(before)
    ledger.rotate(AT)
    assert tokens(keys).isdisjoint(before)


def _wrapped(ledger: ReleaseKeys) -> bytes:
    import base64

    return base64.b64decode(ledger.entries()[-1].wrapped or "")


def test_a_key_in_use_and_one_that_never_was_are_not_destroyed(keys: KeyRing) -> None:
    keys.release_key("research")
    ledger = keys.release_keys("research")
    with pytest.raises(KeyCustodyError, match="in use"):
        ledger.destroy("1", AT)
    with pytest.raises(KeyCustodyError, match="not there"):
        ledger.destroy("7", AT)


def test_after_retiring_no_token_is_made_until_the_key_is_rotated(
    keys: KeyRing,
) -> None:
    before = tokens(keys)
    keys.release_keys("research").retire(AT)
    with pytest.raises(KeyCustodyError, match="concord keys rotate research"):
        keys.release_key("research")
    keys.release_keys("research").rotate(AT)
    assert tokens(keys).isdisjoint(before)


def test_a_key_file_of_earlier_versions_keeps_its_tokens(keys: KeyRing) -> None:
    keys.folder.mkdir()
    former = keys.folder / "release-research.key"
    secret = os.urandom(32)
    former.write_text(secret.hex())
    former.chmod(0o400)
    used = keys.release_key("research")
    assert (used.key, used.epoch) == (secret, "1")
    assert not former.exists()


def test_rotating_at_once_retires_the_key_file_of_earlier_versions(
    keys: KeyRing,
) -> None:
    keys.folder.mkdir()
    former = keys.folder / "release-research.key"
    secret = os.urandom(32)
    former.write_text(secret.hex())
    former.chmod(0o400)
    keys.release_keys("research").rotate(AT)
    entries = keys.release_keys("research").entries()
    assert [(e.epoch, e.state) for e in entries] == [("1", "retired"), ("2", "active")]
    assert entries[0].check == check_value(secret)


@pytest.mark.parametrize("damage", ["another key", "swapped", "torn"])
def test_a_ledger_that_is_not_what_it_was_is_refused(
    keys: KeyRing, damage: str
) -> None:
    keys.release_key("research")
    keys.release_key("public")
    path = keys.folder / "release-research.json"
    if damage == "another key":
        wrapping = keys.folder / "release-encryption.key"
        wrapping.unlink()
    elif damage == "swapped":
        path.write_bytes((keys.folder / "release-public.json").read_bytes())
    else:
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(KeyCustodyError):
        keys.release_key("research")


def test_a_key_service_never_gives_its_key_out_and_knows_the_purpose(
    tmp_path: Path,
) -> None:
    service, secret = LocalKeyService(tmp_path / "kms"), os.urandom(32)
    wrapped = service.wrap(secret, "research/1")
    assert LocalKeyService(tmp_path / "kms").unwrap(wrapped, "research/1") == secret
    assert secret not in wrapped
    for bad, purpose in (
        (wrapped, "public/1"),
        (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "research/1"),
        (b"", "research/1"),
    ):
        with pytest.raises(KeyCustodyError, match="does not know it"):
            service.unwrap(bad, purpose)


def service_of_this_test() -> LocalKeyService:
    return LocalKeyService(Path(os.environ["CONCORD_TEST_KMS"]))


def test_a_sites_key_service_wraps_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_TEST_KMS", str(tmp_path / "kms"))
    named = f"kms:{__name__}:service_of_this_test"
    keys = KeyRing(tmp_path / "keys", encryption=named)
    assert tokens(keys) == tokens(KeyRing(tmp_path / "keys", encryption=named))
    assert not (tmp_path / "keys" / "release-encryption.key").exists()
    (tmp_path / "kms").unlink()
    with pytest.raises(KeyCustodyError):
        keys.release_key("research")


def test_a_key_file_of_the_sites_own_wraps_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    keys = KeyRing(tmp_path / "keys", encryption=f"file:{path}")
    secret = keys.release_key("research").key
    assert WrappingKey(bytes.fromhex(path.read_text())).unwrap(
        _wrapped(keys.release_keys("research")), ""
    ) == secret  # fmt: skip


@pytest.mark.parametrize("setting", ["vault", "kms:nothing", "airflow:", "s3:x"])
def test_a_setting_that_names_no_place_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CONCORD_KEY_ENCRYPTION"):
        key_encryption(setting, tmp_path, makes=True)


# At the start of a step ------------------------------------------------------------


def again(county: pipeline.County) -> None:
    with pipeline.open_county(county.settings):
        pass


def sealed_something(county: pipeline.County) -> None:
    folder = county.zones.vault / "school" / "state"
    folder.mkdir(parents=True)
    key = county.keys.zone_key("vault")
    write_table(pa.table({"n": [1]}), folder / "person.parquet", key)


def test_a_start_with_sound_keys_goes_on(county) -> None:
    sealed_something(county)
    county.keys.release_key("research")
    again(county)


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("00" * 32, 0o400, "not random"),
        ("0123456789abcdef" * 4, 0o400, "not random"),
        (bytes(range(32)).hex(), 0o400, "published"),
        (os.urandom(16).hex(), 0o400, "16 bytes, 32 are needed"),
        (os.urandom(32).hex(), 0o440, "lets others read it"),
        (os.urandom(32).hex(), 0o404, "lets others read it"),
        ("changeme", 0o400, "not hexadecimal"),
    ],
    ids=["one-byte", "a-pattern", "counting", "short", "group", "others", "default"],
)
@pytest.mark.parametrize("name", ["zone-vault.key", "release-encryption.key"])
def test_a_start_with_a_key_that_protects_nobody_is_refused(
    county, name: str, text: str, mode: int, problem: str
) -> None:
    path = county.keys.folder / name
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(KeyCustodyError, match=problem) as refused:
        again(county)
    assert text not in str(refused.value)


def test_a_start_without_the_key_of_what_is_there_makes_no_new_one(county) -> None:
    sealed_something(county)
    (county.keys.folder / "zone-vault.key").unlink()
    with pytest.raises(KeyCustodyError, match=r"zone-vault\.key: the key is missing"):
        again(county)
    assert not (county.keys.folder / "zone-vault.key").exists()


def test_a_start_without_the_ledger_of_released_tokens_is_refused(county) -> None:
    (county.zones.releases / "research" / "r000001").mkdir(parents=True)
    with pytest.raises(KeyCustodyError, match=r"release-research\.json"):
        again(county)


# Decisions about keys ----------------------------------------------------------------


def test_rotating_says_what_changes_and_is_in_the_ledger(county) -> None:
    county.keys.release_key("research")
    (county.zones.releases / "research" / "r000003").mkdir(parents=True)
    said = " ".join(rotate_key(county, "research", **WHY))
    assert "tokens of epoch 2 begin" in said
    assert "research/1 is retired, not destroyed" in said
    (event,) = county.ledger.history.events("key_rotated")
    (_, fresh) = ledgers(county)
    assert event.facts == {
        "profile": "research",
        "epoch": "2",
        "check": fresh.check,
        **WHY,
    }


def test_with_a_key_go_the_keymaps_made_under_it(county) -> None:
    county.keys.release_key("research")
    kept = {}
    for epoch in ("1", "2"):
        kept[epoch] = keymaps_of(county.zones, "research", epoch) / "2026-01-05-a"
        kept[epoch].mkdir(parents=True)
        (kept[epoch] / "persons.parquet").write_bytes(b"sealed")
    retire_key(county, "research", **WHY)
    gone = destroy_key(county, "research", "1", **WHY)
    assert gone.keymaps == 1
    assert not kept["1"].exists()
    assert kept["2"].exists()
    assert [e.state for e in ledgers(county)] == ["destroyed"]


@pytest.mark.parametrize("why", [{"reason": " ", "by": "x"}, {"reason": "x", "by": ""}])
def test_a_decision_without_reason_or_role_is_refused(county, why) -> None:
    with pytest.raises(ConfigError, match="a reason and a role"):
        rotate_key(county, "research", **why)
    assert list(ledgers(county)) == []


def test_the_commands_rotate_list_destroy_and_hand_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wide: None
) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path / "home"))
    why = ["--reason", "renewal", "--by", "steward"]

    def run(*words: str, status: int = 0) -> str:
        answer = runner.invoke(app, ["keys", *words])
        assert answer.exit_code == status, answer.output
        return answer.output

    handed = tmp_path / "handed"
    assert "release-research.json" in run("hand-out", "keymap", "--to", str(handed))
    assert {path.name for path in handed.iterdir()} == {
        *("zone-vault.key", "zone-keymaps.key", "steward.recipient"),
        *(f"release-{profile}.json" for profile in PROFILES),
        "release-encryption.key",
    }
    assert "epoch 2 begin" in run("rotate", "research", *why)
    assert "in use" in run("destroy", "research", "--epoch", "2", *why, status=1)
    assert "0 keymaps" in run("destroy", "research", "--epoch", "1", *why)
    assert "destroyed" in run("list")
    assert "new folder" in run("hand-out", "land", "--to", str(handed), status=1)
    run("retire", "research", *why)
