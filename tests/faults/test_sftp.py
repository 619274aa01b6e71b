"""SFTP servers and deliveries that are not what they should be."""

import asyncio
import hashlib
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from concord.exceptions import DataError, DeliveryHeld, DeliveryNotReady, TransportError
from simulator.servers.police import PoliceSftp
from tests.support.landing import opened
from tests.support.small_county import NIGHTS

pytestmark = pytest.mark.enable_socket

CANARY = "Zyxwvut"
PERSONS = f"person_id,last_name\nP1,{CANARY}\n".encode()
INCIDENTS = b"incident_id\n"
LONG = b"id\n" + b"P1\n" * 500_000
STABLE = {
    "complete": "stable",
    "stableSeconds": 0.3,
    "files": {"person": "*_person_*.csv", "incident": "*_incident_*.csv"},
}


@pytest.fixture
def landing(tmp_path):
    with opened(tmp_path / "home") as landing:
        yield landing


@pytest.fixture
def delivered(county):
    """Deliver a night: a folder with two tables and a manifest."""

    def deliver(person=PERSONS, **changes):
        files = {"person": person, "incident": INCIDENTS}
        folder = county.police(NIGHTS[0], files, changes)
        county.clock(NIGHTS[0])
        return folder

    return deliver


def file_in(folder, table="person"):
    (path,) = folder.glob(f"*_{table}_*.csv")
    return path


def refused(landing, transport, kind=TransportError) -> DataError:
    """Return the error with which a delivery is refused; nothing of it may be kept."""
    with pytest.raises(kind) as caught:
        landing.land(transport, NIGHTS[0])
    assert CANARY not in str(caught.value)
    assert landing.is_empty
    return caught.value


@pytest.mark.fault("T1", code="NOT_READY", outcome="waits")
def test_t1_a_file_that_is_still_uploaded_is_waited_for(delivered, start, landing):
    """A file still grows when it is looked at twice: the night is asked for again."""
    path = file_in(delivered())
    transport = start().transport("police_rms", **STABLE)
    ended = threading.Event()

    def upload():
        with path.open("ab", buffering=0) as file:
            while not ended.wait(0.05):
                file.write(b"P2,Next\n")

    uploading = threading.Thread(target=upload)
    uploading.start()
    try:
        assert refused(landing, transport, DeliveryNotReady).code == "NOT_READY"
    finally:
        ended.set()
        uploading.join()
    delivery = landing.land(transport, NIGHTS[0])
    (landed,) = landing.bytes_of(delivery, "person", path.parent)
    assert landed == path.read_bytes()


@pytest.mark.fault("T1", code="NOT_READY", outcome="waits")
def test_t1_a_table_that_has_not_arrived_is_waited_for(delivered, start, landing):
    """A night folder lacks a table's file and has no manifest: asked for again."""
    file_in(delivered(), "incident").unlink()
    transport = start().transport("police_rms", **STABLE)
    error = refused(landing, transport, DeliveryNotReady)
    assert "no file yet for incident" in str(error)


@pytest.mark.fault("T1", code="NOT_READY", outcome="waits")
def test_t1_no_later_night_is_taken_before_one_that_still_arrives(
    county, start, landing
):
    """A night still arrives while a later one is there: neither is passed over."""
    for number in range(2):
        county.clock(county.night(number))
    file_in(county.served / "police_rms" / "20260105").unlink()
    transport = start().transport("police_rms", **STABLE)
    with pytest.raises(DeliveryNotReady, match="NOT_READY"):
        transport.offered(None, NIGHTS[1])


class Dropping(PoliceSftp):
    """Hangs up in the middle of a long file."""

    def read(self, file_obj, offset, size):
        if offset > 100_000:
            self.channel.get_connection().abort()
        return super().read(file_obj, offset, size)


@pytest.mark.fault("T2", code="SHORT_BODY", outcome="refused")
def test_t2_a_connection_that_breaks_leaves_no_short_file(delivered, start, landing):
    """The connection drops in the middle of a file: no part of it is kept."""
    delivered(LONG)
    transport = start(sftp_server=Dropping).transport("police_rms")
    assert refused(landing, transport).code == "SHORT_BODY"


class Stalling(PoliceSftp):
    """Never answers a read of a CSV file."""

    async def read(self, file_obj, offset, size):
        if b".csv" in file_obj.name:
            await asyncio.sleep(30)
        return super().read(file_obj, offset, size)


class Trickling(PoliceSftp):
    """Sends a byte at a time, each in time."""

    async def read(self, file_obj, offset, size):
        if b".csv" in file_obj.name:
            await asyncio.sleep(0.1)
            return super().read(file_obj, offset, 1)
        return super().read(file_obj, offset, size)


# The server is stopped while its read still hangs, so its file is never closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.fault("T3", code="TIMEOUT", outcome="refused")
def test_t3_a_server_that_stalls_is_left(delivered, start, landing):
    """The server stops sending: left after the timeout, nothing kept."""
    delivered()
    transport = start(sftp_server=Stalling).transport("police_rms", timeoutSeconds=0.5)
    began = time.monotonic()
    assert refused(landing, transport).code == "TIMEOUT"
    assert time.monotonic() - began < 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.fault("T4", code="DEADLINE", outcome="refused")
@pytest.mark.parametrize("server", [Trickling, Stalling])
def test_t4_a_server_that_trickles_ends_at_the_deadline(
    delivered, start, landing, server
):
    """Bytes trickle in, each in time: the total deadline ends it."""
    delivered()
    transport = start(sftp_server=server).transport("police_rms", deadlineSeconds=0.8)
    began = time.monotonic()
    assert refused(landing, transport).code == "DEADLINE"
    assert time.monotonic() - began < 5


def with_extra(connection, **extra):
    return replace(connection, extra={**connection.extra, **extra})


@pytest.mark.fault("T5", code="HOST_KEY_CHANGED", outcome="refused")
def test_t5_a_changed_host_key_is_refused_before_any_password(
    delivered, start, landing
):
    """The server shows another host key: refused before a password is sent."""
    delivered()
    running = start()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    wrong = with_extra(running.connections["police_rms"], host_key=other)
    transport = running.transport("police_rms", wrong)
    assert refused(landing, transport).code == "HOST_KEY_CHANGED"
    assert [login.attempts for login in running.servers.police_logins] == [0]


@pytest.mark.fault("T6", code="HOST_KEY_MISSING", outcome="refused")
@pytest.mark.parametrize("host_key", [None, "", "ssh-ed25519", "ssh-ed25519 !!", "x y"])
def test_t6_a_connection_without_a_pinned_host_key_is_refused(start, landing, host_key):
    """No host key is pinned: the server is not even called."""
    running = start()
    bare = with_extra(running.connections["police_rms"], host_key=host_key)
    transport = running.transport("police_rms", bare)
    assert refused(landing, transport).code == "HOST_KEY_MISSING"
    assert running.servers.police_logins == []


@pytest.mark.fault("T7", code="LOGIN_REFUSED", outcome="refused")
def test_t7_a_wrong_password_is_tried_once(start, landing):
    """The password is wrong: offered once, so that no account is locked."""
    running = start()
    wrong = replace(running.connections["police_rms"], password="wrong-pass")
    error = refused(landing, running.transport("police_rms", wrong))
    assert error.code == "LOGIN_REFUSED"
    assert "wrong-pass" not in str(error) + repr(wrong)
    assert [login.attempts for login in running.servers.police_logins] == [1]


class HangingUp:
    """A server that hangs up on everyone, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            connection.close()
            if self._ended:
                return
            self.calls += 1

    _ended = False

    def close(self) -> None:
        self._ended = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._socket.close()


@pytest.mark.fault("T8", code="UNREACHABLE", outcome="refused")
@pytest.mark.parametrize("retries", [0, 3])
def test_t8_a_server_that_hangs_up_is_tried_a_bounded_number_of_times(
    start, landing, retries
):
    """The server hangs up on every connection: tried as often as agreed, no oftener."""
    running, busy = start(), HangingUp()
    connection = replace(running.connections["police_rms"], port=busy.port)
    transport = running.transport("police_rms", connection, retries=retries)
    try:
        assert refused(landing, transport).code == "UNREACHABLE"
    finally:
        busy.close()
    assert busy.calls == 1 + retries


class Forbidding(PoliceSftp):
    """Lets nobody open the file of one table."""

    def open(self, path, pflags, attrs):
        if b"_incident_" in path:
            raise asyncssh.SFTPPermissionDenied(CANARY)
        return super().open(path, pflags, attrs)


class ForbiddingAll(PoliceSftp):
    """Does not even let a manifest be looked at."""

    def stat(self, path):
        if path.endswith(b"manifest.json"):
            raise asyncssh.SFTPPermissionDenied(CANARY)
        return super().stat(path)


@pytest.mark.fault("T9", code="FORBIDDEN", outcome="refused")
@pytest.mark.parametrize("server", [Forbidding, ForbiddingAll])
def test_t9_one_unreadable_file_refuses_the_delivery_and_no_other_feed(
    county, start, landing, server
):
    """One file may not be read: nothing of the delivery is kept, other feeds go on."""
    county.clock(county.night(0))
    running = start(sftp_server=server)
    assert refused(landing, running.transport("police_rms")).code == "FORBIDDEN"
    probation = running.transport("probation")
    assert landing.land(probation, NIGHTS[0], feed="probation").rows == 15


@pytest.mark.fault("T10", code="VANISHED", outcome="refused")
def test_t10_a_file_that_vanishes_is_named_so_and_found_when_listed_again(
    delivered, start, landing
):
    """A listed file is gone when it is fetched: refused, and whole on the next try."""
    path = file_in(delivered())
    transport = start().transport("police_rms")
    body = path.read_bytes()
    path.unlink()
    assert refused(landing, transport).code == "VANISHED"
    path.write_bytes(body)
    assert landing.land(transport, NIGHTS[0]).rows == 1


class Swapping(PoliceSftp):
    """Serves a file that the agency replaces while it is read."""

    swaps = 0
    most = 1
    new = PERSONS

    def read(self, file_obj, offset, size):
        data = super().read(file_obj, offset, size)
        if b"_person_" in file_obj.name and type(self).swaps < self.most:
            type(self).swaps += 1
            path = Path(os.fsdecode(file_obj.name))
            new = path.with_suffix(".new")
            new.write_bytes(self.new)
            os.utime(new, (0, 1_700_000_000 + type(self).swaps))
            new.replace(path)
        return data


def swapping(times, new=PERSONS):
    return type("Swapped", (Swapping,), {"swaps": 0, "most": times, "new": new})


@pytest.mark.fault("T11", outcome="accepted")
def test_t11_a_file_replaced_while_it_is_read_is_read_again(
    delivered, start, landing, tmp_path
):
    """A file is replaced while it is read: thrown away, read once more, accepted."""
    path = file_in(delivered())
    path.write_bytes(PERSONS.replace(b"P1", b"P0"))
    transport = start(sftp_server=swapping(1)).transport("police_rms")
    delivery = landing.land(transport, NIGHTS[0])
    assert landing.bytes_of(delivery, "person", tmp_path) == [PERSONS]


@pytest.mark.fault("T11", code="CHANGED_WHILE_READ", outcome="refused")
@pytest.mark.parametrize("spec", [{}, STABLE], ids=["manifest", "stable"])
@pytest.mark.parametrize("new", [PERSONS, PERSONS * 2, PERSONS[:-9]])
def test_t11_a_file_replaced_again_and_again_is_refused(
    delivered, start, landing, spec, new
):
    """A file is replaced each time it is read: refused, nothing kept."""
    delivered()
    transport = start(sftp_server=swapping(9, new)).transport("police_rms", **spec)
    assert refused(landing, transport).code == "CHANGED_WHILE_READ"


def write_checksums(folder, line="{sha256}  {name}\n"):
    for path in list(folder.glob("*.csv")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        told = line.format(sha256=digest, name=path.name)
        path.with_name(path.name + ".sha256").write_text(told)


@pytest.mark.parametrize("line", ["{sha256}  {name}\n", "{sha256}", "{sha256} *x\r\n"])
@pytest.mark.parametrize("spec", [{}, STABLE], ids=["manifest", "stable"])
def test_checksum_files_as_sha256sum_writes_them_are_taken(
    delivered, start, landing, line, spec
):
    write_checksums(delivered(), line)
    transport = start().transport("police_rms", checksumFiles=True, **spec)
    assert landing.land(transport, NIGHTS[0]).files >= 2


@pytest.mark.fault("T14", code="CHECKSUM_MISMATCH", outcome="held")
@pytest.mark.parametrize("told", [b"0" * 64, b"", CANARY.encode(), b"\xff" * 64, None])
def test_t14_a_checksum_file_that_does_not_fit_holds_the_delivery(
    delivered, start, landing, told
):
    """A file's checksum file gives another hash, or none: the delivery is held."""
    folder = delivered()
    write_checksums(folder)
    checksum = file_in(folder).with_suffix(".csv.sha256")
    checksum.unlink() if told is None else checksum.write_bytes(told)
    transport = start().transport("police_rms", checksumFiles=True)
    assert refused(landing, transport, DeliveryHeld).code == "CHECKSUM_MISMATCH"


def test_a_checksum_file_that_has_not_arrived_is_waited_for(delivered, start, landing):
    delivered()
    transport = start().transport("police_rms", checksumFiles=True, **STABLE)
    error = refused(landing, transport, DeliveryNotReady)
    assert "no checksum file yet for person" in str(error)


@pytest.mark.fault("F24", code="FILE_NAME_UNSAFE", outcome="held")
@pytest.mark.parametrize(
    "name",
    [
        "a\n_person_.csv",
        "'; drop table_person_.csv",
        "\u202e_person_.csv",
        "-_person_.csv",
    ],
)
def test_f24_a_hostile_file_name_is_neither_a_path_nor_sql(
    delivered, start, landing, name
):
    """A listed file has a hostile name: the delivery is held, the name not repeated."""
    path = file_in(delivered())
    path.rename(path.with_name(name))
    transport = start().transport("police_rms", **STABLE)
    error = refused(landing, transport, DeliveryHeld)
    assert error.code == "FILE_NAME_UNSAFE"
    assert name not in str(error)


@pytest.mark.fault("F24", code="MANIFEST_INVALID", outcome="held")
@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/b",
        "a\nb",
        "'; drop table",
        "x" * 256,
        "a\0b",
        "\u202ea",
    ],
)
def test_f24_a_manifest_with_a_hostile_file_name_is_held(
    delivered, start, landing, name
):
    """A manifest names a file to lie elsewhere: held before it is asked for."""
    file = {"name": name, "table": "person", "rows": 0, "bytes": 0, "sha256": "0" * 64}
    delivered(files=[file])
    error = refused(landing, start().transport("police_rms"), DeliveryHeld)
    assert error.code == "MANIFEST_INVALID"
    assert name not in str(error)


def test_a_file_that_could_be_of_two_tables_is_held(delivered, start, landing):
    delivered()
    files = {"person": "*_person_*", "incident": "police_rms_*"}
    transport = start().transport("police_rms", **{**STABLE, "files": files})
    assert refused(landing, transport, DeliveryHeld).code == "FILE_AMBIGUOUS"
