"""Which kinds of transport there are; a new kind is one entry here."""

from collections.abc import Mapping
from functools import partial

from pydantic import ValidationError

from concord.exceptions import ContractError
from concord.transport.base import Connection, Transport
from concord.transport.database import DatabaseTransport
from concord.transport.edfi import EdFiTransport
from concord.transport.fhir_bulk import FhirBulkTransport
from concord.transport.fhir_export import Memory
from concord.transport.folder import visit_folder
from concord.transport.night_folders import NightFolderTransport
from concord.transport.rest import RestTransport
from concord.transport.sftp import visit_sftp
from concord.transport.sftp_login import open_paramiko
from concord.transport.specs import (
    DatabaseSpec,
    EdFiSpec,
    FhirBulkSpec,
    FolderSpec,
    RestSpec,
    SftpSpec,
    TransportSpec,
)

SPECS: Mapping[str, type[TransportSpec]] = {
    "sftp": SftpSpec,
    "folder": FolderSpec,
    "database": DatabaseSpec,
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
    memory: Memory | None = None,
) -> Transport:
    """Return the transport of a feed; nothing is connected before it is asked."""
    match spec:
        case SftpSpec():
            login = partial(open_paramiko, feed, spec, connection)
            return NightFolderTransport(
                feed, spec, partial(visit_sftp, feed, spec, login)
            )
        case FolderSpec():
            return NightFolderTransport(
                feed, spec, partial(visit_folder, feed, spec, connection)
            )
        case DatabaseSpec():
            return DatabaseTransport(feed, spec, connection)
        case RestSpec():
            return RestTransport(feed, spec, connection)
        case EdFiSpec():
            return EdFiTransport(feed, spec, connection)
        case FhirBulkSpec():
            return FhirBulkTransport(feed, spec, connection, memory=memory)
    raise ContractError(f"{feed}: no transport for {type(spec).__name__}")
