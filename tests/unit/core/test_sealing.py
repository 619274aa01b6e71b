"""Keys are kept from others; sealed tables open only where they belong."""

import pyarrow as pa
import pytest

from concord.exceptions import IntegrityError, KeyCustodyError
from concord.sealing import KeyRing, read_table, write_table

TABLE = pa.table({"last_name": ["SECRETNAME", None], "n": [1, 2]})


@pytest.fixture
def keys(tmp_path) -> KeyRing:
    return KeyRing(tmp_path / "keys")


def sealed(tmp_path, keys, name="person.parquet"):
    folder = tmp_path / "state"
    folder.mkdir(exist_ok=True)
    write_table(TABLE, folder / name, keys.zone_key("vault"))
    return folder / name


def test_a_table_comes_back(tmp_path, keys) -> None:
    path = sealed(tmp_path, keys)
    assert read_table(path, keys.zone_key("vault")).equals(TABLE)
    assert read_table(path, keys.zone_key("vault"), ["n"]).column_names == ["n"]


def test_nothing_shows_at_rest(tmp_path, keys) -> None:
    data = sealed(tmp_path, keys).read_bytes()
    assert b"SECRETNAME" not in data
    assert b"last_name" not in data


@pytest.mark.parametrize("how", ["other key", "flipped", "moved", "no key"])
def test_what_does_not_belong_does_not_open(tmp_path, keys, how) -> None:
    path = sealed(tmp_path, keys)
    key = keys.zone_key("vault")
    if how == "other key":
        key = keys.zone_key("content")
    elif how == "flipped":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif how == "moved":
        moved = path.with_name("other.parquet")
        path.rename(moved)
        path.with_suffix(".key").rename(moved.with_suffix(".key"))
        path = moved
    else:
        path.with_suffix(".key").unlink()
    with pytest.raises(IntegrityError) as error:
        read_table(path, key)
    assert "SECRETNAME" not in str(error.value)


def test_keys_last_and_differ(tmp_path, keys) -> None:
    again = KeyRing(tmp_path / "keys")
    assert keys.zone_key("vault") == again.zone_key("vault")
    assert keys.zone_key("vault") != keys.zone_key("content")
    assert keys.release_key("research").key != keys.release_key("public").key
    assert str(keys.recipient()) == str(keys.identity().to_public())


@pytest.mark.parametrize("pair", ["landing", "steward"])
def test_a_secret_that_is_not_here_is_not_made_anew(keys, pair) -> None:
    keys.recipient()
    keys.steward_recipient()
    (keys.folder / f"{pair}.identity").unlink()
    ask = {"landing": keys.identity, "steward": keys.steward_identity}[pair]
    with pytest.raises(KeyCustodyError, match="opens with no other"):
        ask()
    assert not (keys.folder / f"{pair}.identity").exists()


def test_a_key_that_others_can_read_is_refused(keys) -> None:
    keys.zone_key("vault")
    path = keys.folder / "zone-vault.key"
    path.chmod(0o444)
    with pytest.raises(KeyCustodyError, match="chmod 0400"):
        keys.zone_key("vault")


@pytest.mark.parametrize("text", ["00", "not hex", ""])
def test_a_key_that_is_none_is_refused(keys, text) -> None:
    keys.folder.mkdir()
    path = keys.folder / "zone-vault.key"
    path.write_text(text)
    path.chmod(0o400)
    with pytest.raises(KeyCustodyError):
        keys.zone_key("vault")


def at(folder: str, tmp_path, keys, text: str = "SECRETNAME"):
    """Seal a table at a path of the vault."""
    path = tmp_path / "vault" / folder / "keys.parquet"
    path.parent.mkdir(parents=True)
    write_table(pa.table({"name": [text]}), path, keys.zone_key("vault"))
    return path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("school/person_keys/000001", "probation/person_keys/000001"),
        ("school/person_keys/000001", "school/place_keys/000001"),
        ("persons/2026-01-05-a", "school/2026-01-05-a"),
    ],
)
def test_two_files_that_were_swapped_are_refused(tmp_path, keys, one, other) -> None:
    """Also where folder and name are alike: the whole path counts."""
    paths = [at(one, tmp_path, keys), at(other, tmp_path, keys, "OTHERNAME")]
    for suffix in (".parquet", ".key"):
        first, second = (path.with_suffix(suffix) for path in paths)
        held = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(held)
    for path in paths:
        with pytest.raises(IntegrityError) as error:
            read_table(path, keys.zone_key("vault"))
        assert "NAME" not in str(error.value)


def test_a_data_root_that_was_moved_whole_opens(tmp_path, keys) -> None:
    at("school/person_keys/000001", tmp_path, keys)
    (tmp_path / "vault").rename(tmp_path / "elsewhere")
    (tmp_path / "new").mkdir()
    moved = (tmp_path / "elsewhere").rename(tmp_path / "new" / "vault")
    path = moved / "school" / "person_keys" / "000001" / "keys.parquet"
    assert read_table(path, keys.zone_key("vault")).num_rows == 1


def test_every_flipped_bit_is_found(tmp_path, keys) -> None:
    """One bit in every byte of a small file, footer and lengths and key as well."""
    path = at("school/2026-01-05-a", tmp_path, keys)
    key = keys.zone_key("vault")
    for file in (path, path.with_suffix(".key")):
        whole = file.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            file.write_bytes(damaged)
            with pytest.raises(IntegrityError):
                read_table(path, key)
        file.write_bytes(whole)
    assert read_table(path, key).to_pylist() == [{"name": "SECRETNAME"}]


@pytest.mark.parametrize("zone", ["vault", "content", "quarantine", "keymaps"])
def test_each_zone_has_a_key_of_its_own(keys, zone) -> None:
    others = {"vault", "content", "quarantine", "keymaps"} - {zone}
    assert keys.zone_key(zone) not in {keys.zone_key(other) for other in others}
