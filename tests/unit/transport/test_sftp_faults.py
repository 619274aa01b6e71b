"""SFTP deliveries and servers that are not what they should be."""

import asyncio
import json
import time
from dataclasses import replace

import asyncssh
import pytest
from paramiko import AuthenticationException

from concord.exceptions import DeliveryHeld, TransportError
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
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


def test_another_host_key_is_refused_before_any_login(county, start):
    county.clock(county.night(0))
    running = start()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    wrong = with_extra(running.connections["police_rms"], host_key=other)
    with pytest.raises(TransportError) as caught:
        running.transport("police_rms", wrong).offered(None, NIGHTS[0])
    assert caught.value.code == "HOST_KEY_CHANGED"
    assert running.servers.police_logins[0].attempts == 0


@pytest.mark.parametrize("host_key", [None, "", "ssh-ed25519", "ssh-ed25519 !!", "x y"])
def test_a_connection_without_a_pinned_host_key_is_refused(start, host_key):
    running = start()
    bare = with_extra(running.connections["police_rms"], host_key=host_key)
    with pytest.raises(TransportError, match="HOST_KEY_MISSING"):
        running.transport("police_rms", bare).offered(None, NIGHTS[0])
    assert running.servers.police_logins == []


def test_a_wrong_password_is_tried_once(start):
    running = start()
    wrong = replace(running.connections["police_rms"], password="wrong-pass")
    with pytest.raises(TransportError) as caught:
        running.transport("police_rms", wrong).offered(None, NIGHTS[0])
    assert caught.value.code == "LOGIN_REFUSED"
    assert "wrong-pass" not in str(caught.value) + repr(wrong)
    assert [login.attempts for login in running.servers.police_logins] == [1]


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


def test_a_file_that_vanished_is_named_so(county, start):
    county.clock(county.night(0))
    running = start()
    transport = running.transport("police_rms")
    (drop,) = transport.offered(None, NIGHTS[0])
    for path in (county.served / "police_rms" / "20260105").glob("*person*"):
        path.unlink()
    with pytest.raises(TransportError, match="VANISHED"):
        transport.fetch(drop, MemorySink())


class Stalling(PoliceSftp):
    """Never answers a read of a CSV file."""

    async def read(self, file_obj, offset, size):
        if b".csv" in file_obj.name:
            await asyncio.sleep(30)
        return super().read(file_obj, offset, size)


class Dropping(PoliceSftp):
    """Hangs up in the middle of a long file."""

    def read(self, file_obj, offset, size):
        if offset > 100_000:
            self.channel.get_connection().abort()
        return super().read(file_obj, offset, size)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"timeoutSeconds": 0.5}, "TIMEOUT"),
        ({"deadlineSeconds": 0.5}, "DEADLINE"),
    ],
)
# The server is stopped while its read still hangs, so its file is never closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_stalls_is_left(county, start, limits, code):
    county.clock(county.night(0))
    running, began = start(sftp_server=Stalling), time.monotonic()
    with pytest.raises(TransportError, match=code):
        running.fetch("police_rms", NIGHTS[0], **limits)
    assert time.monotonic() - began < 5


def test_a_connection_that_breaks_is_an_error_not_a_short_file(county, start):
    body = b"id\n" + b"P1\n" * 500_000
    county.police(NIGHTS[0], {"person": body, "incident": b"id\n"})
    county.clock(NIGHTS[0])
    with pytest.raises(TransportError, match="SHORT_BODY"):
        start(sftp_server=Dropping).fetch("police_rms", NIGHTS[0])


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
    sftp = open_paramiko("police_rms", start().connections["police_rms"])
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


class Forbidding(PoliceSftp):
    """Lets nobody open a CSV file."""

    def open(self, path, pflags, attrs):
        if path.endswith(b".csv"):
            raise asyncssh.SFTPPermissionDenied("Zyxwvut")
        return super().open(path, pflags, attrs)

    def stat(self, path):
        if self.forbids_stat and path.endswith(b"manifest.json"):
            raise asyncssh.SFTPPermissionDenied("Zyxwvut")
        return super().stat(path)

    forbids_stat = False


class ForbiddingAll(Forbidding):
    """Does not even let a manifest be looked at."""

    forbids_stat = True


@pytest.mark.parametrize("server", [Forbidding, ForbiddingAll])
def test_a_file_that_may_not_be_read_is_named_without_the_servers_words(
    county, start, server
):
    county.clock(county.night(0))
    with pytest.raises(TransportError, match="FORBIDDEN") as caught:
        start(sftp_server=server).fetch("police_rms", NIGHTS[0])
    assert "Zyxwvut" not in str(caught.value)


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


def test_an_opener_of_others_has_its_failures_named_as_well():
    def opener():
        raise AuthenticationException("Zyxwvut")

    spec = read_spec("police_rms", SPECS["police_rms"])
    transport = open_transport("police_rms", spec, Connection("h"), open_sftp=opener)
    with pytest.raises(TransportError, match="LOGIN_REFUSED") as caught:
        transport.offered(None, NIGHTS[0])
    assert "Zyxwvut" not in str(caught.value)


def test_a_key_file_that_cannot_be_used_is_named(start):
    running = start()
    keyed = with_extra(running.connections["police_rms"], key_file="/no/such/key")
    with pytest.raises(TransportError, match="KEY_UNUSABLE"):
        running.transport("police_rms", keyed).offered(None, NIGHTS[0])
