"""Airflow connections, turned into what the transports take."""

from functools import partial

from airflow.providers.sftp.hooks.sftp import SFTPHook
from airflow.sdk import Connection as AirflowConnection
from paramiko import SFTPClient

from concord.contracts.models import Contract
from concord.landing.ledger import Ledger
from concord.transport.base import Connection, Transport
from concord.transport.fhir_export import Memory
from concord.transport.registry import open_transport, read_spec
from concord.transport.specs import SftpSpec


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
    if isinstance(spec, SftpSpec):
        return open_transport(
            contract.id, spec, connection, open_sftp=lambda: _sftp(contract, spec)
        )
    memory = Memory(
        remember=partial(ledger.remember, contract.id),
        recall=partial(ledger.recall, contract.id),
    )
    return open_transport(contract.id, spec, connection, memory=memory)


def _sftp(contract: Contract, spec: SftpSpec) -> SFTPClient:
    """Log in with Airflow's own hook, which checks the pinned host key."""
    client = SFTPHook(ssh_conn_id=contract.connection).get_conn()
    channel = client.get_channel()
    if channel is not None:
        # Without it a server that stalls in the middle of a file hangs the task.
        channel.settimeout(spec.timeout_seconds)
    return client
