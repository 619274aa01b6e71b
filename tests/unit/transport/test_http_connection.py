"""What a connection says about origins, certificates and proxies."""

import pytest

from concord.exceptions import TransportError
from concord.transport.base import Connection
from concord.transport.http import HttpVisit
from concord.transport.registry import read_spec
from tests.support.small_county import QUICK_HTTP, SPECS


@pytest.mark.parametrize(
    "target", ["http://me@h/", "http://h:99999/", "//", "file:///"]
)
def test_an_allowed_origin_that_is_garbage_allows_nothing(target):
    connection = Connection("h", extra={"allowed_origins": ["", "x@y", "http://h:0x"]})
    spec = read_spec("probation", SPECS["probation"])
    with HttpVisit("probation", connection, spec) as visit:
        assert visit.address("/here") == "https://h/here"
        with pytest.raises(TransportError, match="OTHER_ORIGIN"):
            visit.address(target, base="http://other/")


def test_certificates_and_proxy_come_from_the_connection_only(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://not.ours:1")
    session = FakeSession()
    extra = {"ca_file": "/ca.pem", "proxy": "http://proxy:3128"}
    connection = Connection("h", extra=extra)
    spec = read_spec("probation", {**SPECS["probation"], **QUICK_HTTP})
    with HttpVisit("probation", connection, spec) as visit:
        visit.configure(session)
    assert not session.trust_env
    assert session.verify == "/ca.pem"
    assert session.proxies == {"http": extra["proxy"], "https": extra["proxy"]}


class FakeSession:
    """Takes the settings of a session."""

    def mount(self, prefix, adapter):
        assert prefix.startswith("http")
