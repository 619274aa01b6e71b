"""Which kinds of transport there are; a new kind is one entry here."""

from collections.abc import Callable, Mapping

from paramiko import SFTPClient
from pydantic import ValidationError

from concord.exceptions import ContractError
from concord.transport.base import Connection, Transport
from concord.transport.edfi import EdFiTransport
from concord.transport.fhir_bulk import FhirBulkTransport
from concord.transport.fhir_export import Memory
from concord.transport.rest import RestTransport
from concord.transport.sftp import SftpTransport
from concord.transport.sftp_login import open_paramiko
from concord.transport.specs import (
    EdFiSpec,
    FhirBulkSpec,
    RestSpec,
    SftpSpec,
    TransportSpec,
)

SPECS: Mapping[str, type[TransportSpec]] = {
    "sftp": SftpSpec,
    "rest": RestSpec,
    "edfi": EdFiSpec,
    "fhir_bulk": FhirBulkSpec,
}


def read_spec(contract: str, transport: Mapping[str, object]) -> TransportSpec:
    """Check the ``transport`` property of a contract, which must name its kind."""
    kind = transport.get("kind")
    if not isinstance(kind, str) or kind not in SPECS:
        known = ", ".join(sorted(SPECS))
        raise ContractError(
            f"{contract}: transport.kind is {kind!r}, not one of {known}"
        )
    try:
        return SPECS[kind].model_validate(transport)
    except ValidationError as error:
        problems = "; ".join(
            f"transport.{'.'.join(map(str, e['loc']))} is {e['input']!r}: {e['msg']}"
            for e in error.errors()
        )
        raise ContractError(f"{contract}: {problems}") from error


def open_transport(
    feed: str,
    spec: TransportSpec,
    connection: Connection,
    *,
    open_sftp: Callable[[], SFTPClient] | None = None,
    memory: Memory | None = None,
) -> Transport:
    """Return the transport of a feed; nothing is connected before it is asked.

    ``open_sftp`` must open a new connection at each call; without it, the connection's
    own host key and login are used.
    """
    match spec:
        case SftpSpec():
            own = _opener(feed, spec, connection)
            return SftpTransport(feed, spec, open_sftp or own)
        case RestSpec():
            return RestTransport(feed, spec, connection)
        case EdFiSpec():
            return EdFiTransport(feed, spec, connection)
        case FhirBulkSpec():
            return FhirBulkTransport(feed, spec, connection, memory=memory)
    raise ContractError(f"{feed}: no transport for {type(spec).__name__}")


def _opener(
    feed: str, spec: SftpSpec, connection: Connection
) -> Callable[[], SFTPClient]:
    """Return a callable that logs in to the connection's SFTP server."""
    timeout = spec.timeout_seconds
    return lambda: open_paramiko(feed, connection, timeout_seconds=timeout)
