"""Publishing: deterministic, idempotent, in the order of nights, cleaned up."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from concord.exceptions import ConfigError, IntegrityError, KeyCustodyError
from concord.publication.reading import builds, created_at, current, history
from concord.publication.release import publish
from concord.publication.verify import verify
from tests.support.releases import context, night, publish_night, some_tables


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "catalog.duckdb"
    }


def state(profile: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of change of everything but the creation records."""
    return {
        path.relative_to(profile).as_posix(): (path.lstat().st_ino, stat.st_mtime_ns)
        for path in sorted(profile.rglob("*"))
        if (stat := path.lstat()) and path.suffix != ".jsonl" and path.is_file()
    }


def test_a_release_holds_tables_documents_and_a_manifest(tmp_path: Path) -> None:
    release = publish_night(tmp_path / "releases")

    assert release.path == tmp_path / "releases" / "research" / "r000001"
    assert [*contents(release.path)] == [
        "CHANGES.md", "README.md", "dictionary.html", "dictionary.json",
        "dictionary.md", "incident/part-00000.parquet", "manifest.json",
        "manifest.sig", "person/part-00000.parquet",
    ]  # fmt: skip
    assert current(tmp_path / "releases", "research") == release.path
    assert verify(release.path).problems == ()


def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    first = publish_night(tmp_path / "a" / "releases")
    shutil.copytree(tmp_path / "a" / "keys", tmp_path / "b" / "keys")
    second = publish_night(tmp_path / "b" / "releases", run_id="another run")

    assert contents(first.path) == contents(second.path)


def test_the_order_of_rows_and_the_way_they_are_stored_do_not_matter(
    tmp_path: Path,
) -> None:
    tables = some_tables()
    person = tables["person"].take(pa.array([*range(39, -1, -1)]))
    person = person.set_column(1, "sex", person["sex"].dictionary_encode())
    person = person.set_column(0, "person_token", person[0].cast(pa.large_string()))
    person = person.replace_schema_metadata({"pandas": "{}"})

    first = publish_night(tmp_path / "a" / "releases")
    other = publish(
        {"person": person, "incident": tables["incident"]},
        context=context(),
        releases=tmp_path / "b" / "releases",
    )

    assert other.content_digest == first.content_digest


def test_a_file_holds_no_metadata_but_its_schema(tmp_path: Path) -> None:
    release = publish_night(tmp_path / "releases")

    file = pq.ParquetFile(release.path / "person" / "part-00000.parquet")

    assert file.metadata.metadata is None
    assert str(file.schema_arrow.field("nothing").type) == "string"
    assert str(file.schema_arrow.field("birth_decade").type) == "int16"


def test_the_same_night_again_is_the_same_release(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    first = publish_night(releases)
    before = state(releases / "research")

    again = publish_night(releases, run_id="manual__2")

    assert (again.number, again.path, again.content_digest) == (
        first.number, first.path, first.content_digest,
    )  # fmt: skip
    assert (first.reused, again.reused) == (False, True)
    assert state(releases / "research") == before
    assert builds(releases, "research", 1) == (
        {
            "created_at": "2026-01-05T05:30:00+00:00",
            "run_id": "scheduled__2026-01-05",
            "reused": False,
        },
        {
            "created_at": "2026-01-05T05:30:00+00:00",
            "run_id": "manual__2",
            "reused": True,
        },
    )
    assert created_at(releases, "research", 1) == context().created_at
    assert created_at(releases, "research", 7) is None


def test_other_content_on_the_same_night_is_another_release(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases)

    corrected = publish_night(releases, persons=44)

    assert (corrected.number, corrected.reused) == (2, False)
    assert current(releases, "research") == corrected.path


def test_what_a_release_was_made_of_is_part_of_its_digest(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    digests = {
        publish_night(releases, **change).content_digest
        for change in (
            {},
            {"code_version": "0.2.0"},
            {"persons_id": "other"},
            {"profile_digest": "cd" * 32},
            {"inputs": ({"feed": "police_rms", "state": "carried"},)},
            {"dictionary_markdown": "# Better\n"},
            {"risks": ({"k_after": 11},)},
        )
    }

    assert len(digests) == 7


def test_an_old_night_run_again_does_not_take_readers_back(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    for number in (1, 2, 3):
        publish_night(releases, number)

    reused = publish_night(releases, 1)
    corrected = publish_night(releases, 2, persons=80)

    assert (reused.number, reused.reused) == (1, True)
    assert corrected.number == 4
    assert current(releases, "research") == releases / "research" / "r000003"
    entries = history(releases, "research")
    assert [(e.number, e.night, e.is_current) for e in entries] == [
        (1, night(1), False),
        (2, night(2), False),
        (3, night(3), True),
        (4, night(2), False),
    ]
    assert entries[3].rows == {"person": 80, "incident": 80}


def test_the_parent_is_what_readers_of_that_night_had_before(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    first, *_ = (publish_night(releases, number) for number in (1, 3))
    later = publish_night(releases, 2, persons=44)

    manifest = json.loads((later.path / "manifest.json").read_text())

    assert manifest["parent"] == {
        "release": 1, "content_digest": first.content_digest,
    }  # fmt: skip
    assert (later.path / "CHANGES.md").read_text() == (
        "# Changes in r000003\n\n"
        "Night 2026-01-06, compared with r000001 (night 2026-01-05).\n\n"
        "| table | rows before | rows now | difference |\n"
        "|---|---:|---:|---:|\n"
        "| `incident` | 40 | 44 | +4 |\n"
        "| `person` | 40 | 44 | +4 |\n"
    )


def test_changes_say_that_the_key_of_tokens_was_rotated(tmp_path: Path) -> None:
    publish_night(tmp_path, 1)
    release = publish_night(tmp_path, 2, key_epoch="2")
    text = (release.path / "CHANGES.md").read_text()
    assert "Every token is new: their key was rotated (epoch 2, 1 before)" in text
    later = publish_night(tmp_path, 3, key_epoch="2")
    assert "rotated" not in (later.path / "CHANGES.md").read_text()


def test_changes_name_tables_and_columns_that_came_and_went(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases)
    tables = {
        "person": pa.table({"person_token": ["per_1"], "sex": [1], "zip3": ["627"]}),
        "arrest": pa.table({"arrest_token": ["arr_1"]}),
    }

    release = publish(tables, context=context(night(2)), releases=releases)

    text = (release.path / "CHANGES.md").read_text()
    assert "| `arrest` | – | 1 | +1 |" in text
    assert "| `incident` | 40 | – | -40 |" in text
    assert "- `person.zip3` is new (string).\n" in text
    assert "- `person.covered` is gone.\n" in text
    assert "- `person.sex` was string and is int64.\n" in text


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases, 1)
    destroyed = publish_night(releases, 2)
    (releases / "research" / "CURRENT").unlink()
    shutil.rmtree(destroyed.path)

    assert publish_night(releases, 3).number == 3


def test_leftovers_of_a_dead_run_are_removed(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases)
    profile = releases / "research"
    (profile / ".staging-dead" / "person").mkdir(parents=True)
    (profile / ".staging-dead" / "person" / "part-00000.parquet").touch()
    (profile / ".CURRENT-dead").symlink_to("r000009")
    (profile / ".manifest.pub.dead.part").touch()

    publish_night(releases, 2)

    assert sorted(path.name for path in profile.iterdir()) == [
        ".lock", "CURRENT", "creation", "manifest.pub", "r000001", "r000002",
    ]  # fmt: skip


def test_a_failed_publication_leaves_nothing_behind(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    first = publish_night(releases)
    tables = {"person": pa.table({"who": [{"name": "x"}]})}

    with pytest.raises(ConfigError, match=r"person, column who: type struct<.*>"):
        publish(tables, context=context(night(2)), releases=releases)

    assert current(releases, "research") == first.path
    assert not [p for p in (releases / "research").iterdir() if "staging" in p.name]


def test_two_publications_at_once_are_one_release(tmp_path: Path) -> None:
    releases = tmp_path / "releases"

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: publish_night(releases), range(3)))

    assert {release.number for release in made} == {1}
    assert sorted(release.reused for release in made) == [False, True, True]


def test_profiles_do_not_meet(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases)

    public = publish_night(releases, profile="public")

    assert public.number == 1
    assert [e.number for e in history(releases, "research")] == [1]


@pytest.mark.parametrize("name", ["../person", "Person", "", "a/b", ".hidden"])
def test_a_name_that_is_no_plain_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lower-case"):
        publish(
            {name: pa.table({"a": [1]})}, context=context(), releases=tmp_path / "r"
        )
    with pytest.raises(ConfigError, match="lower-case"):
        publish_night(tmp_path, profile=name)


def test_a_release_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no table"):
        publish({}, context=context(), releases=tmp_path / "releases")


def test_a_lost_signing_key_stops_publication(tmp_path: Path) -> None:
    publish_night(tmp_path / "releases")
    shutil.rmtree(tmp_path / "keys")

    with pytest.raises(KeyCustodyError, match="signed with another key"):
        publish_night(tmp_path / "releases", 2)


def test_files_are_read_only_and_folders_closed_to_others(tmp_path: Path) -> None:
    release = publish_night(tmp_path / "releases")

    modes = {path.stat().st_mode & 0o777 for path in release.path.rglob("*.*")}
    folders = {path.stat().st_mode & 0o777 for path in release.path.glob("*/")}

    assert (modes, folders) == ({0o440}, {0o750})


def test_before_the_first_release_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert current(tmp_path, "research") is None
    assert history(tmp_path, "research") == ()


@pytest.mark.parametrize("target", ["r000009", "../elsewhere", "."])
def test_a_current_that_points_nowhere_is_reported(target: str, tmp_path: Path) -> None:
    (tmp_path / "research").mkdir()
    (tmp_path / "research" / "CURRENT").symlink_to(target)

    with pytest.raises(IntegrityError, match="does not point to a release"):
        current(tmp_path, "research")


def test_a_current_that_is_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "research" / "CURRENT").mkdir(parents=True)

    with pytest.raises(IntegrityError, match="not a link"):
        current(tmp_path, "research")


def test_a_release_without_manifest_is_reported(tmp_path: Path) -> None:
    release = publish_night(tmp_path / "releases")
    (release.path / "manifest.json").unlink()

    with pytest.raises(IntegrityError, match=r"r000001/manifest\.json"):
        publish_night(tmp_path / "releases", 2)
