"""Airflow connections, turned into what the transports take."""

from functools import partial

from airflow.sdk import Connection as AirflowConnection

from concord.contracts.models import Contract
from concord.landing.ledger import Ledger
from concord.transport.base import Connection, Transport
from concord.transport.fhir_export import Memory
from concord.transport.registry import open_transport, read_spec


def transport_of(contract: Contract, ledger: Ledger) -> Transport:
    """Return the transport of a feed over its Airflow connection."""
    spec = read_spec(contract.id, contract.transport)
    found = AirflowConnection.get(contract.connection)
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
