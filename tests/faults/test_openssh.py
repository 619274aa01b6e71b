"""Our SFTP client against a server that nobody here wrote: Debian's OpenSSH."""

import getpass
import os
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from concord.exceptions import TransportError
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
from tests.support.landing import opened
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

SSHD = Path("/usr/sbin/sshd")
SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(not SSHD.exists(), reason="OpenSSH's sshd is not installed"),
]
LONG = b"id\n" + b"".join(b"P%d\n" % n for n in range(400_000))


@dataclass(frozen=True)
class OpenSsh:
    """A running sshd: its port, its log and how to log in to it."""

    port: int
    log: Path
    connection: Connection


@pytest.fixture
def sshd(tmp_path):
    """Start OpenSSH with options of a test; it ends with the test."""
    running = []

    def start(**options: str) -> OpenSsh:
        server, found = started(tmp_path / f"sshd{len(running)}", options)
        running.append(server)
        return found

    yield start
    for server in running:
        server.terminate()
        server.wait(10)


def started(folder: Path, options: dict[str, str]):
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as Debian's service does
    folder.mkdir()
    keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("h", "u")}
    for name, key in keys.items():
        key.write_private_key(folder / name)
        (folder / name).chmod(0o600)
    (folder / "authorized").write_bytes(keys["u"].export_public_key())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": str(folder / "h"),
        "AuthorizedKeysFile": str(folder / "authorized"),
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
        "PasswordAuthentication": "yes",
        "LogLevel": "VERBOSE",
        "Subsystem": "sftp internal-sftp",
        **options,
    }
    config, log = folder / "sshd_config", folder / "log"
    config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    server = subprocess.Popen([SSHD, "-D", "-f", config, "-E", log])
    await_listening(server, log)
    host_key = keys["h"].export_public_key().decode()
    extra = {"host_key": host_key, "key_file": str(folder / "u")}
    connection = Connection("127.0.0.1", port, getpass.getuser(), None, extra)
    return server, OpenSsh(port, log, connection)


def await_listening(server: subprocess.Popen, log: Path) -> None:
    for _ in range(100):
        assert server.poll() is None, log.read_text()
        if log.exists() and "Server listening" in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError("sshd did not start")


def police(county, server: OpenSsh, connection: Connection | None = None, **spec):
    path = str(county.served / "police_rms")
    checked = {**SPECS["police_rms"], **QUICK_HTTP, "path": path, **spec}
    return open_transport(
        "police_rms",
        read_spec("police_rms", checked),
        connection or server.connection,
    )


@pytest.mark.parametrize("program", ["internal-sftp", str(SFTP_SERVER)])
@pytest.mark.parametrize(
    "spec",
    [
        {},
        {
            "complete": "stable",
            "stableSeconds": 0.1,
            "files": {"person": "*_person_*", "incident": "*_incident_*"},
        },
    ],
    ids=["manifest", "stable"],
)
def test_a_delivery_arrives_whole_from_openssh(county, sshd, program, spec):
    folder = county.police(NIGHTS[0], {"person": LONG, "incident": b"id\n"})
    transport = police(county, sshd(Subsystem=f"sftp {program}"), **spec)
    (drop,) = transport.offered(None, NIGHTS[0])
    sink = MemorySink()
    assert transport.fetch(drop, sink).cursor == "20260105"
    sent = {p.read_bytes() for p in folder.iterdir() if not spec or p.suffix == ".csv"}
    assert set(sink.bytes.values()) == sent


@pytest.mark.fault("T5", code="HOST_KEY_CHANGED", outcome="refused")
def test_t5_openssh_with_another_host_key_gets_no_login(county, sshd):
    """OpenSSH shows another key than the pinned one: it sees no login at all."""
    server, other = sshd(), sshd()
    connection = Connection(
        "127.0.0.1",
        server.port,
        "someone",
        "s3cret",
        {"host_key": other.connection.extra["host_key"]},
    )
    with pytest.raises(TransportError, match="HOST_KEY_CHANGED"):
        police(county, server, connection).offered(None, NIGHTS[0])
    assert "someone" not in server.log.read_text()


@pytest.mark.fault("T7", code="LOGIN_REFUSED", outcome="refused")
def test_t7_openssh_is_offered_a_wrong_password_once(county, sshd):
    """OpenSSH refuses a password: its log shows that it was offered once."""
    server = sshd()
    extra = {"host_key": server.connection.extra["host_key"]}
    user = getpass.getuser()
    wrong = Connection("127.0.0.1", server.port, user, "wrong-pass", extra)
    with pytest.raises(TransportError, match="LOGIN_REFUSED"):
        police(county, server, wrong).offered(None, NIGHTS[0])
    assert server.log.read_text().count("Failed password") == 1


@pytest.fixture
def crowded():
    """Keep a server's only place for a login that has not ended, for some seconds."""
    held = []

    def occupy(server: OpenSsh, seconds: float) -> None:
        place = socket.create_connection(("127.0.0.1", server.port))
        assert place.recv(4) == b"SSH-"
        timer = threading.Timer(seconds, place.close)
        timer.start()
        held.extend((place, timer))

    yield occupy
    for place, timer in zip(held[::2], held[1::2], strict=True):
        timer.cancel()
        place.close()


@pytest.mark.fault("T8", outcome="accepted")
def test_t8_a_server_at_its_limit_of_logins_is_tried_again(county, sshd, crowded):
    """OpenSSH refuses connections over MaxStartups: tried again, then all is well."""
    county.police(NIGHTS[0], {"person": LONG, "incident": b"id\n"})
    server = sshd(MaxStartups="1:100:1")
    crowded(server, 0.5)
    transport = police(county, server, retries=20, backoffSeconds=0.1)
    assert len(transport.offered(None, NIGHTS[0])) == 1
    assert "MaxStartups" in server.log.read_text()


@pytest.mark.fault("T8", code="UNREACHABLE", outcome="refused")
def test_t8_a_server_that_stays_at_its_limit_is_given_up(
    county, sshd, crowded, tmp_path
):
    """OpenSSH goes on refusing connections: given up, nothing kept."""
    county.police(NIGHTS[0], {"person": LONG, "incident": b"id\n"})
    server = sshd(MaxStartups="1:100:1")
    crowded(server, 30)
    transport = police(county, server, retries=3, backoffSeconds=0.01)
    with opened(tmp_path / "home") as landing:
        with pytest.raises(TransportError, match="UNREACHABLE"):
            landing.land(transport, NIGHTS[0])
        assert landing.is_empty
    assert "MaxStartups" in server.log.read_text()
