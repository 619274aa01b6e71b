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
    assert keys.release_key("research") != keys.release_key("public")
    assert str(keys.recipient()) == str(keys.identity().to_public())


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
