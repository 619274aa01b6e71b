"""SFTP logins, manifests that are not as agreed, and long files."""

import json
import os
import stat
from dataclasses import replace
from functools import partial

import pytest

from concord.exceptions import DeliveryHeld, TransportError
from concord.transport.problems import failed
from concord.transport.registry import read_spec
from concord.transport.sftp import visit_sftp
from concord.transport.sftp_login import open_paramiko
from simulator.servers.police import PoliceSftp
from tests.support.small_county import NIGHTS, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
SECRET_CELL = b"person_id,last_name\nP1,Zyxwvut\n"


def with_extra(connection, **extra):
    return replace(connection, extra={**connection.extra, **extra})


def held_code(running, **spec):
    with pytest.raises(DeliveryHeld) as caught:
        running.fetch("police_rms", NIGHTS[0], **spec)
    assert "Zyxwvut" not in str(caught.value)
    return caught.value.code


def test_a_key_file_logs_in_instead_of_a_password(county, start):
    county.clock(county.night(0))
    running = start()
    key_file = str(running.servers.state.police_rms.key_file)
    keyed = with_extra(running.connections["police_rms"], key_file=key_file)
    keyed = replace(keyed, password=None)
    assert len(running.transport("police_rms", keyed).offered(None, NIGHTS[0])) == 1


def test_a_server_that_is_down_is_unreachable(county, start):
    running = start()
    nowhere = replace(running.connections["police_rms"], port=1)
    with pytest.raises(TransportError, match="UNREACHABLE"):
        running.transport("police_rms", nowhere).offered(None, NIGHTS[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + b"P2,Extra\n",
        lambda body: body[:-3],
        lambda body: body.replace(b"P1", b"P9"),
    ],
    ids=["longer", "shorter", "altered"],
)
def test_bytes_that_differ_from_the_manifest_are_held(county, start, change):
    folder = county.police(NIGHTS[0], {"person": SECRET_CELL, "incident": b"id\n"})
    (path,) = folder.glob("police_rms_person_*.csv")
    path.write_bytes(change(SECRET_CELL))
    county.clock(NIGHTS[0])
    assert held_code(start()) == "MANIFEST_MISMATCH"


def test_a_row_count_that_differs_from_the_manifest_is_held(county, start):
    folder = county.police(NIGHTS[0], {"person": SECRET_CELL, "incident": b"id\n"})
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 1', '"rows": 2'))
    county.clock(NIGHTS[0])
    running = start()
    assert held_code(running) == "MANIFEST_MISMATCH"
    fetched, _ = running.fetch("police_rms", NIGHTS[0], records="uncounted")
    assert fetched.rows_expected == {"person": 2, "incident": 0}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "sheriff"}, "WRONG_SOURCE"),
        ({"window": "Zyxwvut"}, "MANIFEST_INVALID"),
        ({"files": []}, "MANIFEST_INCOMPLETE"),
        ({"files": [{"name": "../Zyxwvut", "table": "person"}]}, "MANIFEST_INVALID"),
    ],
)
def test_a_manifest_that_is_not_as_agreed_is_held(county, start, changes, code):
    files = {"person": SECRET_CELL, "incident": b"id\n"}
    county.police(NIGHTS[0], files, changes)
    county.clock(NIGHTS[0])
    assert held_code(start()) == code


def test_a_table_that_nobody_asked_for_is_not_fetched(county, start):
    files = {"person": SECRET_CELL, "incident": b"id\n", "informant": b"id\n"}
    county.police(NIGHTS[0], files)
    county.clock(NIGHTS[0])
    assert held_code(start()) == "UNEXPECTED_TABLE"


def test_a_manifest_larger_than_allowed_is_held(county, start):
    county.clock(county.night(0))
    assert held_code(start(), maxBytes=10) == "MANIFEST_INVALID"


def test_an_extract_that_starts_after_the_last_one_taken_is_held(county, start):
    for number in range(3):
        county.clock(county.night(number))
    (county.served / "police_rms" / "20260106" / "manifest.json").unlink()
    transport = start().transport("police_rms")
    (drop,) = transport.offered("20260105", NIGHTS[2])
    with pytest.raises(DeliveryHeld, match="WINDOW_GAP"):
        transport.fetch(drop, MemorySink())


def test_a_long_file_arrives_whole(county, start):
    body = b"id\n" + b"".join(b"P%d\n" % n for n in range(400_000))
    county.police(NIGHTS[0], {"person": body, "incident": b"id\n"})
    county.clock(NIGHTS[0])
    fetched, sink = start().fetch("police_rms", NIGHTS[0])
    assert sink.bytes["person/00001.csv"] == body
    assert fetched.rows_expected["person"] == 400_000


def test_the_server_is_read_only_and_hides_nights_to_come(county, start):
    for number in range(2):
        county.night(number)
    county.clock(NIGHTS[0])
    spec = read_spec("police_rms", SPECS["police_rms"])
    sftp = open_paramiko("police_rms", spec, start().connections["police_rms"])
    assert sftp.listdir("/") == ["20260105"]
    for path in ("/20260106", "/20260106/manifest.json", "/../night.txt"):
        with pytest.raises(FileNotFoundError):
            sftp.stat(path)
    for change in (
        lambda: sftp.open("/20260105/new", "w"),
        lambda: sftp.remove("/20260105/manifest.json"),
        lambda: sftp.mkdir("/20260105/new"),
        lambda: sftp.rename("/20260105/manifest.json", "/20260105/m"),
        lambda: sftp.chmod("/20260105/manifest.json", 0o777),
    ):
        with pytest.raises(PermissionError):
            change()
    sftp.get_channel().get_transport().close()


def test_a_manifest_without_end_is_not_read(county, start):
    folder = county.police(NIGHTS[0], {"person": SECRET_CELL, "incident": b"id\n"})
    (folder / "manifest.json").write_bytes(b" " * (5 * 2**20))
    county.clock(NIGHTS[0])
    with pytest.raises(TransportError, match="TOO_LARGE"):
        start().fetch("police_rms", NIGHTS[0])


def test_a_file_listed_twice_is_held(county, start):
    folder = county.police(NIGHTS[0], {"person": SECRET_CELL, "incident": b"id\n"})
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"].append(manifest["files"][0])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    county.clock(NIGHTS[0])
    assert held_code(start()) == "MANIFEST_INVALID"


def test_a_key_file_that_cannot_be_used_is_named(start):
    running = start()
    keyed = with_extra(running.connections["police_rms"], key_file="/no/such/key")
    with pytest.raises(TransportError, match="KEY_UNUSABLE"):
        running.transport("police_rms", keyed).offered(None, NIGHTS[0])


def test_a_private_key_may_stand_in_the_connection(county, start):
    county.clock(county.night(0))
    running = start()
    text = running.servers.state.police_rms.key_file.read_text()
    keyed = with_extra(running.connections["police_rms"], private_key=text)
    keyed = replace(keyed, password=None)
    assert len(running.transport("police_rms", keyed).offered(None, NIGHTS[0])) == 1
    broken = with_extra(keyed, private_key="no key")
    with pytest.raises(TransportError, match="KEY_UNUSABLE"):
        running.transport("police_rms", broken).offered(None, NIGHTS[0])


class Counting(PoliceSftp):
    """Counts the files that are open."""

    open_files = 0

    def open(self, path, pflags, attrs):
        type(self).open_files += 1
        return super().open(path, pflags, attrs)

    def close(self, file_obj):
        type(self).open_files -= 1
        super().close(file_obj)


def test_a_file_that_is_given_up_is_closed_at_once(county, start):
    """A forgotten one is closed by the garbage collector, which can wait for ever."""
    county.clock(county.night(0))
    running = start(sftp_server=Counting)
    spec = read_spec("police_rms", SPECS["police_rms"])
    connection = running.connections["police_rms"]
    login = partial(open_paramiko, "police_rms", spec, connection)

    def give_up(visit):
        with visit.reading("/20260105/manifest.json", "manifest", 10) as read:
            assert read(1) == b"{"
            assert Counting.open_files == 1
            raise failed("VANISHED", "police_rms", "given up")

    with visit_sftp("police_rms", spec, login) as visit:
        with pytest.raises(TransportError, match="VANISHED"):
            give_up(visit)
        assert Counting.open_files == 0


STABLE = {
    "complete": "stable",
    "stableSeconds": 0.05,
    "files": {"person": "*person*", "incident": "*incident*"},
}


@pytest.fixture
def folder(county):
    """A night folder with two tables; it is the night."""
    made = county.police(NIGHTS[0], {"person": SECRET_CELL, "incident": b"id\n"})
    county.clock(NIGHTS[0])
    return made


@pytest.mark.parametrize("spec", [{}, STABLE], ids=["manifest", "stable"])
def test_a_name_that_is_not_utf_8_spoils_no_listing(folder, start, spec):
    """Neither that of a file nor, in the long form of a listing, that of its owner."""
    (folder / os.fsdecode(b"d\xe9tail.txt")).write_bytes(b"not ours")
    fetched, sink = start(sftp_server=WithOwner).fetch("police_rms", NIGHTS[0], **spec)
    assert fetched.cursor == "20260105"
    assert SECRET_CELL in sink.bytes.values()


def test_a_tables_file_whose_name_is_not_utf_8_is_held(folder, start):
    (path,) = folder.glob("*_person_*")
    path.rename(folder / os.fsdecode(b"person_\xe9.csv"))
    assert held_code(start(), **STABLE) == "FILE_NAME_UNSAFE"


class WithOwner(PoliceSftp):
    """Lists files with an owner whose name is in Latin-1, and without times."""

    async def scandir(self, path):
        async for entry in super().scandir(path):
            entry.longname = b"-rw-r--r-- 1 Ren\xe9 group 1 Jan 1 00:00 x"
            entry.attrs.mtime = entry.attrs.atime = None
            yield entry


class Linking(PoliceSftp):
    """Tells links as links, as servers do that resolve none in a listing."""

    async def scandir(self, path):
        async for entry in super().scandir(path):
            name = entry.filename
            link = b"_person_" in name or name.startswith(b"dangling")
            if link:
                mode = entry.attrs.permissions or 0
                entry.attrs.permissions = stat.S_IFLNK | stat.S_IMODE(mode)
            yield entry


def test_a_linked_file_is_what_it_leads_to_on_the_agencys_server(folder, start):
    """A file may be published by linking it in; a link to nothing is no file."""
    (path,) = folder.glob("*_person_*")
    path.rename(folder / "kept.bin")
    path.symlink_to("kept.bin")
    (folder / "dangling_person_x.csv").symlink_to("nowhere")
    fetched, sink = start(sftp_server=Linking).fetch("police_rms", NIGHTS[0], **STABLE)
    assert fetched.cursor == "20260105"
    assert SECRET_CELL in sink.bytes.values()


def test_a_manifest_may_begin_with_a_mark_and_write_hashes_in_capitals(folder, start):
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    for file in told["files"]:
        file["sha256"] = file["sha256"].upper()
    manifest.write_bytes(b"\xef\xbb\xbf" + json.dumps(told).encode())
    _, sink = start().fetch("police_rms", NIGHTS[0])
    assert SECRET_CELL in sink.bytes.values()
