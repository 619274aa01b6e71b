"""Drop folders: the night folders of SFTP on a disk or in an object store."""

from pathlib import Path

import fsspec
import pytest

from concord.exceptions import DeliveryNotReady, TransportError
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
from tests.support.landing import opened
from tests.support.small_county import NIGHTS, SPECS, MemorySink

CANARY = "Zyxwvut"
PERSONS = f"person_id,last_name\nP1,{CANARY}\n".encode()
MANIFEST = {"kind": "folder", "path": "/", "tables": ("person", "incident")}
STABLE = {
    **SPECS["drop"],
    "stableSeconds": 0,
    "files": {"person": "*_person_*", "incident": "*_incident_*"},
}


def transport(url, spec=MANIFEST, **extra):
    connection = Connection("", extra={"url": str(url), **extra})
    return open_transport("police_rms", read_spec("police_rms", spec), connection)


@pytest.fixture
def folder(county) -> Path:
    """A night folder with two tables and a manifest."""
    return county.police(NIGHTS[0], {"person": PERSONS, "incident": b"id\n"})


def in_memory(folder: Path, name: str) -> str:
    """Copy a night folder into an object store that lives in memory."""
    store = fsspec.filesystem("memory")
    for path in folder.iterdir():
        store.pipe(f"/{name}/{folder.name}/{path.name}", path.read_bytes())
    return f"memory://{name}"


@pytest.mark.parametrize("spec", [MANIFEST, STABLE], ids=["manifest", "stable"])
@pytest.mark.parametrize("kind", ["path", "file", "memory"])
def test_a_night_arrives_byte_for_byte(folder, kind, spec):
    root = folder.parent
    urls = {"path": root, "file": root.as_uri(), "memory": in_memory(folder, "county")}
    drops, sink = transport(urls[kind], spec), MemorySink()
    (drop,) = drops.offered(None, NIGHTS[0])
    fetched = drops.fetch(drop, sink)
    assert sink.bytes["person/00002.csv" if spec is STABLE else "person/00001.csv"] == (
        PERSONS
    )
    assert (fetched.cursor, fetched.source) == ("20260105", "/20260105")
    assert drops.offered(fetched.cursor, NIGHTS[2]) == ()


def test_a_zip_of_all_tables_is_one_part_for_all(folder):
    for path in folder.iterdir():
        path.unlink()
    (folder / "hmis_20260105.zip").write_bytes(b"PK")
    spec = {**STABLE, "files": {}, "archive": "hmis_*.zip"}
    drops, sink = transport(folder.parent, spec), MemorySink()
    (drop,) = drops.offered(None, NIGHTS[0])
    assert drops.fetch(drop, sink).rows_expected == {}
    assert [(p.table, p.role, p.rows) for p in sink.parts] == [
        ("archive", "rows", None)
    ]


def test_folders_may_be_named_otherwise(folder):
    folder.rename(folder.with_name("rms_2026-01-05"))
    (folder.parent / "rms_2026-1-6").mkdir()
    (folder.parent / "20260106").mkdir()
    (folder.parent / "rms_2026-02-30").mkdir()
    drops = transport(folder.parent, {**MANIFEST, "folderName": "rms_%Y-%m-%d"})
    (drop,) = drops.offered(None, NIGHTS[2])
    assert drop.source == "/rms_2026-01-05"
    assert drops.fetch(drop, MemorySink()).cursor == "20260105"


def test_a_file_that_changes_between_two_looks_is_waited_for(folder, monkeypatch):
    drops = transport(folder.parent, STABLE)

    def meanwhile(_seconds):
        path = next(folder.glob("*_person_*"))
        path.write_bytes(path.read_bytes() + b"P2,x\n")

    monkeypatch.setattr(drops, "_pause", meanwhile)
    with pytest.raises(DeliveryNotReady, match="still growing"):
        drops.offered(None, NIGHTS[0])


def test_a_linked_file_is_not_read(folder, tmp_path):
    """Whoever may write into the folder must not read files of ours through it."""
    (path,) = folder.glob("*_person_*")
    path.rename(tmp_path / "ours.csv")
    path.symlink_to(tmp_path / "ours.csv")
    with opened(tmp_path / "home") as landing:
        with pytest.raises(TransportError, match="FORBIDDEN"):
            landing.land(transport(folder.parent), NIGHTS[0])
        with pytest.raises(DeliveryNotReady, match="no file yet for person"):
            landing.land(transport(folder.parent, STABLE), NIGHTS[0])
        assert landing.is_empty


def test_a_linked_night_is_not_entered(folder, county):
    folder.rename(county.root / "elsewhere")
    folder.symlink_to(county.root / "elsewhere")
    assert transport(folder.parent).offered(None, NIGHTS[0]) == ()


def a_folder_in_place_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: next(folder.glob("*person*")).unlink(), "VANISHED"),
        (
            lambda folder: a_folder_in_place_of(next(folder.glob("*person*"))),
            "FORBIDDEN",
        ),
    ],
)
def test_a_file_that_cannot_be_read_refuses_the_night(folder, tmp_path, change, code):
    change(folder)
    with opened(tmp_path / "home") as landing:
        with pytest.raises(TransportError, match=code) as caught:
            landing.land(transport(folder.parent), NIGHTS[0])
        assert landing.is_empty
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "zork://x", "dvc://x"], ids=["none", "unknown", "not-installed"]
)
def test_a_store_that_does_not_open_is_unreachable(url):
    with pytest.raises(TransportError, match="UNREACHABLE"):
        transport(url).offered(None, NIGHTS[0])


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TransportError, match="NOT_FOUND"):
        transport(tmp_path / "none").offered(None, NIGHTS[0])


def test_the_deadline_ends_a_visit(folder):
    drops = transport(folder.parent, {**MANIFEST, "deadlineSeconds": 1e-9})
    with pytest.raises(TransportError, match="DEADLINE"):
        drops.offered(None, NIGHTS[0])


def test_the_drop_folder_itself_may_be_a_link(folder, tmp_path):
    """It is the county that says where it lies."""
    link = tmp_path / "drop"
    link.symlink_to(folder.parent)
    drops, sink = transport(link), MemorySink()
    (drop,) = drops.offered(None, NIGHTS[0])
    assert drops.fetch(drop, sink).cursor == "20260105"
