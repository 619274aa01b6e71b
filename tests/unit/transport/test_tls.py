"""Certificates are checked, and nothing can switch that off."""

import ipaddress
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from concord.exceptions import TransportError
from concord.transport.base import Connection
from concord.transport.http import HttpVisit
from concord.transport.registry import read_spec
from tests.support.small_county import QUICK_HTTP, SPECS

pytestmark = pytest.mark.enable_socket
HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("another.example")


def certificate(folder, name, *, days):
    """Write a self-signed certificate for a name and its key into one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "tls.pem"
    path.write_bytes(private + built.public_bytes(pem))
    return path


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
def ask(tmp_path):
    """Ask a TLS server with a certificate; return the answer."""
    servers = []

    def ask_server(name, days, authority):
        path = certificate(tmp_path, name, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        server = HTTPServer(("127.0.0.1", 0), Answer)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        extra = {"ca_file": authority.format(own=path)} if authority else {}
        connection = Connection("127.0.0.1", server.server_port, extra=extra)
        spec = read_spec("f", {**SPECS["school"], **QUICK_HTTP, "retries": 0})
        with HttpVisit("f", connection, spec) as visit:
            return visit.get("/", "the page", token=False).body

    yield ask_server
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_certificate_of_a_pinned_authority_is_accepted(ask):
    assert ask(HERE, 9, "{own}") == b"[]"


@pytest.mark.parametrize(
    ("name", "days", "authority"),
    [
        (HERE, 9, None),
        (HERE, -1, "{own}"),
        (ELSEWHERE, 9, "{own}"),
        (HERE, 9, "/no/such/file"),
    ],
    ids=["unknown-authority", "expired", "wrong-name", "no-such-file"],
)
def test_any_other_certificate_is_refused(ask, name, days, authority):
    with pytest.raises(TransportError, match="TLS_REFUSED"):
        ask(name, days, authority)
