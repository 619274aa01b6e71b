"""Airflow's connections reach the transports, and a login is still offered once."""

import json

import pytest

from concord.exceptions import ConfigError, TransportError
from simulator.connections import airflow_connections
from tests.support.landing import REGISTRY
from tests.support.small_county import NIGHTS

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.xdist_group("airflow"),
    pytest.mark.enable_socket,
]


@pytest.fixture
def transport(dagbag, county, start, monkeypatch, tmp_path):
    """Open the police feed's transport over a connection that Airflow keeps."""
    from concord.landing.ledger import Ledger
    from concord.orchestration.connections import transport_of

    county.clock(county.night(0))
    running = start()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")

    def opened(**changes):
        found = airflow_connections(running.servers.state)["AIRFLOW_CONN_POLICE_RMS"]
        changed = json.dumps({**json.loads(found), **changes})
        monkeypatch.setenv("AIRFLOW_CONN_POLICE_RMS", changed)
        return transport_of(REGISTRY.contracts["police_rms"], ledger), running.servers

    yield opened
    ledger.close()


def test_airflows_connection_opens_the_feed(transport):
    police, _ = transport()
    assert [drop.night for drop in police.offered(None, NIGHTS[0])] == [NIGHTS[0]]


def test_a_wrong_password_is_offered_once_under_airflow_too(transport):
    police, servers = transport(password="wrong-pass")
    with pytest.raises(TransportError, match="LOGIN_REFUSED"):
        police.offered(None, NIGHTS[0])
    assert [login.attempts for login in servers.police_logins] == [1]


def test_a_connection_that_nobody_made_is_said_with_its_remedy(dagbag, tmp_path):
    from concord.landing.ledger import Ledger
    from concord.orchestration.connections import transport_of

    contract = REGISTRY.contracts["police_rms"]
    unmade = contract.model_copy(update={"connection": "nobody_made_it"})
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with pytest.raises(ConfigError, match="set AIRFLOW_CONN_NOBODY_MADE_IT to its"):
        transport_of(unmade, ledger)
    ledger.close()
