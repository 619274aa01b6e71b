"""Fetching a small export from the small bulk data server."""

import json

from concord.transport.fhir_bulk import FhirBulkTransport
from concord.transport.registry import read_spec
from tests.support.bulk_server import BulkServer
from tests.support.small_county import NIGHTS, QUICK_HTTP, MemorySink

SPEC = {
    "kind": "fhir_bulk",
    "group": "7.a-1",
    "types": ("Patient", "Encounter"),
    "basePath": "/r4",
    "auth": "none",
    "pollSeconds": 0,
    **QUICK_HTTP,
}


def lines(type_, count):
    made = ({"resourceType": type_, "id": f"{type_}{n}"} for n in range(count))
    return "".join(json.dumps(row) + "\n" for row in made).encode()


def files():
    return {"Patient": lines("Patient", 3), "Encounter": lines("Encounter", 5)}


def fetch(bulk, cursor=None, **spec):
    spec = read_spec("hospital", {**SPEC, "edition": bulk.edition, **spec})
    with BulkServer(bulk) as server:
        transport = FhirBulkTransport("hospital", spec, server.connection)
        (drop,) = transport.offered(cursor, NIGHTS[0])
        sink = MemorySink()
        return transport.fetch(drop, sink), sink
