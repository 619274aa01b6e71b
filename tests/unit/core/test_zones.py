"""A folder appears complete or not at all; a workspace is gone afterwards."""

import resource

import pytest

from concord.exceptions import DeliveryHeld
from concord.zones import (
    READABLE_FILE,
    Zones,
    appearing,
    readable_folder,
    write_bytes,
)


def test_zones_keep_others_out(tmp_path) -> None:
    zones = Zones(tmp_path / "home")
    zones.prepare()
    for path, mode in zones.modes().items():
        assert path.stat().st_mode & 0o777 == mode


def test_a_folder_appears_complete(tmp_path) -> None:
    with appearing(tmp_path / "zone" / "state") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "zone" / "state").exists()
    assert (tmp_path / "zone" / "state" / "a").read_text() == "a"
    assert [p.name for p in (tmp_path / "zone").iterdir()] == ["state"]


def test_a_step_that_fails_leaves_nothing(tmp_path) -> None:
    def fail() -> None:
        with appearing(tmp_path / "zone" / "s") as folder:
            (folder / "a").write_text("a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list((tmp_path / "zone").iterdir()) == []


def test_what_is_there_already_stays(tmp_path) -> None:
    for text in ("first", "second"):
        with appearing(tmp_path / "s") as folder:
            (folder / "a").write_text(text)
    assert (tmp_path / "s" / "a").read_text() == "first"


def test_a_file_is_written_whole(tmp_path) -> None:
    write_bytes(tmp_path / "f", b"old")
    write_bytes(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_workspace_is_private_and_gone_afterwards(tmp_path) -> None:
    zones = Zones(tmp_path / "home")
    zones.prepare()
    with zones.workspace("check") as path:
        assert path.stat().st_mode & 0o077 == 0
        (path / "a").write_text("a")
    assert list(zones.scratch.iterdir()) == []


def test_data_errors_survive_between_processes() -> None:
    import pickle

    error = DeliveryHeld("CODE", feed="school", detail="d", remedy="r", counts={"a": 1})
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.counts) == (
        DeliveryHeld,
        "CODE · school: d. r",
        {"a": 1},
    )


def test_what_a_step_makes_is_for_its_user_alone(tmp_path) -> None:
    zones = Zones(tmp_path / "home")
    zones.prepare()
    with appearing(zones.vault / "school" / "state") as folder:
        (folder / "person.parquet").write_bytes(b"sealed")
    write_bytes(zones.vault / "school" / "x.json", b"{}")
    made = [*zones.vault.rglob("*"), zones.vault]
    assert len(made) == 5
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)


def test_what_is_for_readers_can_be_read_by_them(tmp_path) -> None:
    zones = Zones(tmp_path / "home")
    zones.prepare()
    (zones.reports / "2026-01-05").mkdir()  # as a step leaves it that died here
    folder = readable_folder(zones.reports, "2026-01-05", "charts")
    write_bytes(folder / "a.html", b"x", mode=READABLE_FILE)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert folder.parent.stat().st_mode & 0o777 == 0o750
    assert (folder / "a.html").stat().st_mode & 0o777 == 0o640


def test_memory_is_never_dumped_to_the_disk(tmp_path) -> None:
    Zones(tmp_path / "home").prepare()
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
