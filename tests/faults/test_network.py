"""A network that is down, certificates that prove nothing, and streams without end."""

import asyncio
import gzip
import ipaddress
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.responses import Response, StreamingResponse

from concord import pipeline
from concord.exceptions import TransportError
from concord.settings import Settings
from concord.transport.base import Connection
from concord.transport.http import HttpVisit
from concord.transport.registry import read_spec
from tests.support.feeds import Snapshot, land, period, person
from tests.support.scripts import CANARY, Script
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
PROJECT = Path(__file__).parents[2]
HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("another.example")
OLDEST = ssl.TLSVersion.TLSv1
NEWEST = ssl.TLSVersion.TLSv1_3


# Certificates


@dataclass(frozen=True)
class Authority:
    """A certificate authority that exists for one test."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    ca_file: Path


def signed(key, subject, issuer, issuer_key, *, days, name=None):
    """Make a certificate; one for a server if it has a name."""
    now = datetime.now(UTC)
    extension = (
        x509.SubjectAlternativeName([name])
        if name
        else x509.BasicConstraints(ca=True, path_length=0)
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(extension, critical=name is None)
        .sign(issuer_key, hashes.SHA256())
    )


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@pytest.fixture
def authority(tmp_path):
    """Make an authority and write its certificate."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), named("test authority")
    made = signed(key, subject, subject, key, days=99)
    path = tmp_path / "ca.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return Authority(key, made, path)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def serve(tmp_path, authority):
    """Start a TLS server whose certificate the authority has signed."""
    servers = []

    def serve_with(name=HERE, days=9, newest=NEWEST):
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = authority.certificate.subject
        made = signed(key, named("server"), issuer, authority.key, days=days, name=name)
        pem = serialization.Encoding.PEM
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = tmp_path / "server.pem"
        path.write_bytes(private + made.public_bytes(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if newest is OLDEST:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = OLDEST
        context.maximum_version = newest
        server = HTTPServer(("127.0.0.1", 0), Answer)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.server_port

    yield serve_with
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(port, **extra):
    """Ask a server for its root document."""
    connection = Connection("127.0.0.1", port, extra=extra)
    spec = read_spec("f", {**SPECS["school"], **QUICK_HTTP, "retries": 0})
    with HttpVisit("f", connection, spec) as visit:
        return visit.get("/", "the page", token=False).body


def test_a_certificate_of_a_pinned_authority_is_accepted(serve, authority):
    assert ask(serve(), ca_file=str(authority.ca_file)) == b"[]"


@pytest.mark.fault("T34", code="TLS_REFUSED", outcome="refused")
@pytest.mark.parametrize(
    ("name", "days"), [(HERE, -1), (ELSEWHERE, 9)], ids=["expired", "wrong-name"]
)
def test_t34_a_certificate_that_proves_nothing_is_refused(serve, authority, name, days):
    """The certificate has expired, or is for another name: nothing is sent."""
    with pytest.raises(TransportError, match="TLS_REFUSED"):
        ask(serve(name, days), ca_file=str(authority.ca_file))


@pytest.mark.fault("T34", code="TLS_REFUSED", outcome="refused")
@pytest.mark.parametrize("ca_file", [None, False, 0, "", "/no/such/file"])
def test_t34_no_setting_trusts_an_unknown_authority(serve, ca_file):
    """The authority is unknown, whatever the connection says in ca_file: refused."""
    with pytest.raises(TransportError, match="TLS_REFUSED"):
        ask(serve(), ca_file=ca_file, verify=False, verify_ssl=False)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")
@pytest.mark.fault("T34", code="TLS_REFUSED", outcome="refused")
def test_t34_a_server_that_speaks_only_tls_1_0_is_refused(serve, authority):
    """The server speaks nothing newer than TLS 1.0: refused."""
    port = serve(newest=OLDEST)
    assert tls_version_of(port, authority) == "TLSv1"
    with pytest.raises(TransportError, match="TLS_REFUSED"):
        ask(port, ca_file=str(authority.ca_file))


def tls_version_of(port, authority):
    """Return what a client that takes anything agrees on with a server."""
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = OLDEST
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        return wrapped.version()


@pytest.mark.fault("T34", code="TLS_REFUSED", outcome="refused")
def test_t34_plain_http_where_tls_is_expected_is_refused(start):
    """The server speaks plain HTTP on the port: refused before the secret is sent."""
    running = start()
    tls = replace(running.connections["probation"], extra={})
    transport = running.transport("probation", tls)
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(TransportError, match="TLS_REFUSED"):
        transport.fetch(drop, MemorySink())


@pytest.mark.fault("T34", code="TLS_REFUSED", outcome="refused")
def test_t34_no_code_can_switch_the_check_off():
    """Nowhere in Concord or its DAGs is there a switch that skips the check."""
    switches = re.compile(
        r"verify(_ssl)?\s*=\s*False|CERT_NONE|_create_unverified|check_hostname\s*=\s*F"
        r"|disable_warnings|verify_mode\s*="
    )
    files = [
        path
        for folder in ("plugins", "dags", "docker")
        for path in (PROJECT / folder).rglob("*.py")
    ]
    assert len(files) > 100
    assert [p for p in files if switches.search(p.read_text())] == []


# No network

FETCH = """
import json, sys
from datetime import date
from pathlib import Path
from concord import pipeline
from concord.exceptions import TransportError
from concord.settings import Settings
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
home, host, spec = sys.argv[1:]
connection = Connection(host, 8443, "me", "secret")
with pipeline.open_county(Settings(home=Path(home))) as county:
    def connect(contract):
        checked = read_spec(contract.id, json.loads(spec))
        return open_transport(contract.id, checked, connection)
    try:
        pipeline.land(county, "probation", date(2026, 1, 6), connect)
    except TransportError as error:
        print(error.code)
"""
FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)
CUT_OFF = ("unshare", "-rn")


def can_cut_off() -> bool:
    """Say whether a process may be given a network of its own, without any link."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*CUT_OFF, "true"], capture_output=True).returncode == 0


@pytest.mark.fault("T35", code="UNREACHABLE", outcome="refused")
@pytest.mark.parametrize(
    ("before", "host"),
    [
        (CUT_OFF, "127.0.0.1"),
        (CUT_OFF, "probation.example.org"),
        ((), "no-such-host.invalid"),
    ],
    ids=["no-route", "no-dns", "unknown-host"],
)
def test_t35_without_a_network_last_good_data_are_carried_forward(
    tmp_path, before, host
):
    """Network or DNS is down: the feed is late, and last good data are carried on."""
    if before and not can_cut_off():
        pytest.skip("unshare may not make a network namespace here")
    settings = Settings(home=tmp_path / "home")
    with pipeline.open_county(settings) as county:
        land(county, FIRST, Snapshot(persons=[person(1)], periods=[period(1)]))
        good = pipeline.check(county, "probation", FIRST).state_id
    done = subprocess.run(
        [
            *before, sys.executable, "-c", FETCH, str(settings.home), host,
            json.dumps({**SPECS["probation"], **QUICK_HTTP}),
        ],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "UNREACHABLE"
    with pipeline.open_county(settings) as county:
        (late,) = county.ledger.feed_nights(SECOND)
        assert (late.status, late.code) == ("late", "UNREACHABLE")
        state = county.ledger.state_as_of("probation", SECOND)
        assert (state.state_id, state.carried) == (good, True)
        landed = county.zones.landing / "probation" / SECOND.isoformat()
        assert [p for p in landed.rglob("*") if p.is_file()] == []


@pytest.mark.fault("T35", code="UNREACHABLE", outcome="refused")
def test_t35_a_server_that_is_down_is_unreachable(start):
    """Nobody listens at the agency's port: the feed is late."""
    running = start()
    nowhere = replace(running.connections["probation"], port=1)
    transport = running.transport("probation", nowhere)
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(TransportError, match="UNREACHABLE"):
        transport.fetch(drop, MemorySink())


# Too much


async def endless():
    while True:
        yield b" " * (1 << 16) + CANARY.encode()
        await asyncio.sleep(0)


@pytest.mark.fault("T36", code="TOO_LARGE", outcome="refused")
def test_t36_a_stream_without_end_is_left_at_the_cap(county, start, sink):
    """A page in chunks never ends: left at the byte cap, and nothing is kept."""
    body = StreamingResponse(endless(), media_type="application/json")
    assert too_large(county, start, sink, body) == "TOO_LARGE"


@pytest.mark.fault("T36", code="TOO_LARGE", outcome="refused")
def test_t36_a_small_answer_that_unpacks_without_end_is_left_at_the_cap(
    county, start, sink
):
    """A small compressed page unpacks to gigabytes: what is unpacked counts."""
    packed = gzip.compress(b" " * 50_000_000)
    assert len(packed) < 100_000
    body = Response(
        packed, headers={"Content-Encoding": "gzip"}, media_type="application/json"
    )
    assert too_large(county, start, sink, body) == "TOO_LARGE"


@pytest.mark.fault("T36", code="TOO_LARGE", outcome="refused")
def test_t36_all_pages_of_a_visit_share_the_cap(county, start, sink):
    """Every page is small, but there are too many: all bytes of a visit count."""
    assert too_large(county, start, sink, None, maxBytes=200) == "TOO_LARGE"


def too_large(county, start, sink, body, **spec):
    """Return the code of a fetch that begins with a body; nothing of it is kept."""
    county.clock(county.night(0))
    running = start(intercept=Script(body))
    limits = {"maxBytes": 2_000_000, "resources": ("persons",), **spec}
    transport = running.transport("probation", **limits)
    (drop,) = transport.offered(None, NIGHTS[0])
    began = time.monotonic()
    with pytest.raises(TransportError) as caught:
        transport.fetch(drop, sink)
    assert time.monotonic() - began < 5
    assert CANARY not in str(caught.value)
    assert len(sink.parts) == (1 if body is None else 0)
    return caught.value.code
