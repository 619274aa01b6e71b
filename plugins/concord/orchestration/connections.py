"""Airflow connections, turned into what the transports take."""

from contextlib import suppress
from functools import partial

from airflow.sdk import Connection as AirflowConnection
from airflow.sdk.exceptions import AirflowNotFoundException

from concord.contracts.models import Contract
from concord.exceptions import ConfigError
from concord.landing.ledger import Ledger
from concord.transport.base import Connection, Transport
from concord.transport.fhir_export import Memory
from concord.transport.registry import open_transport, read_spec


def transport_of(contract: Contract, ledger: Ledger) -> Transport:
    """Return the transport of a feed over its Airflow connection.

    Raises:
        ConfigError: Airflow has no connection of the contract's name.
    """
    spec = read_spec(contract.id, contract.transport)
    found = _named(contract)
    connection = Connection(
        host=found.host or "",
        port=found.port,
        login=found.login,
        password=found.password,
        extra=found.extra_dejson,
    )
    memory = Memory(
        remember=partial(ledger.remember, contract.id),
        recall=partial(ledger.recall, contract.id),
    )
    return open_transport(contract.id, spec, connection, memory=memory)


def _named(contract: Contract) -> AirflowConnection:
    """Ask Airflow for the connection that a contract names."""
    name = contract.connection
    with suppress(AirflowNotFoundException):
        found: AirflowConnection = AirflowConnection.get(name)
        return found
    raise ConfigError(
        f"Airflow has no connection '{name}', which the contract of {contract.id} "
        f"names. Make it, or set AIRFLOW_CONN_{name.upper()} to its JSON"
    )
