"""A FHIR server whose exports fail, lie, hang or point elsewhere."""

import json
import logging
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from starlette.responses import JSONResponse, Response

from concord.exceptions import DataError, DeliveryHeld, TransportError
from concord.transport.fhir_bulk import FhirBulkTransport, Memory
from concord.transport.registry import read_spec
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
NDJSON = "application/fhir+ndjson"


class Hospital:
    """Replaces the answers of an export, and records what was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, feed, request):
        if feed != "hospital":
            return None
        self.asked.append(request)
        kind = self.kind(request)
        answer = self.answers.get(kind)
        return answer(request) if callable(answer) else None

    @staticmethod
    def kind(request):
        parts = request.url.path.strip("/").split("/")
        if request.method != "GET":
            return request.method.lower()
        if parts[:2] == ["fhir", "exports"]:
            return "file" if len(parts) == 4 else "status"
        return parts[-1].strip("$")

    def count(self, kind):
        return sum(self.kind(request) == kind for request in self.asked)


def manifest(**changes):
    """Answer polls with a manifest of one Patient file, changed as told."""

    def answer(request):
        url = f"{request.url}/one"
        content = {
            "transactionTime": "2026-01-05T02:00:00-06:00",
            "requiresAccessToken": True,
            "output": [{"type": "Patient", "url": url, "count": 1}],
        }
        for key, value in changes.items():
            content[key] = value(url) if callable(value) else value
        return JSONResponse(content)

    return answer


def ndjson(*lines):
    body = "".join(line + "\n" for line in lines)
    return lambda _request: Response(body, media_type=NDJSON)


@pytest.fixture
def running(county, start):
    """Start servers with a scripted hospital."""
    county.clock(county.night(0))
    return lambda hospital, **options: start(intercept=hospital, **options)


def failure(running, hospital, cursor=None, kind=DataError, **spec):
    servers = running(hospital)
    with pytest.raises(kind) as caught:
        servers.fetch("hospital", NIGHTS[0], cursor, **spec)
    assert "Zyxwvut" not in str(caught.value)
    assert hospital.count("delete") == 1
    assert servers.servers.hospital.exports == {}
    return caught.value.code


ONE = '{"id": "Zyxwvut"}'


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"status": manifest()}, "NOT_FOUND"),
        ({"status": manifest(), "file": ndjson(ONE, ONE)}, "COUNT_MISMATCH"),
        ({"status": manifest(), "file": ndjson()}, "COUNT_MISMATCH"),
        (
            {"status": manifest(output=[{"type": "Observation", "url": "/x"}])},
            "UNEXPECTED_TABLE",
        ),
        ({"status": manifest(transactionTime="Zyxwvut")}, "PROTOCOL"),
        ({"status": manifest(transactionTime="2026-01-05T02:00:00")}, "PROTOCOL"),
        ({"status": manifest(output="Zyxwvut")}, "PROTOCOL"),
        ({"status": manifest(link=[{"relation": "next", "url": "/x"}])}, "PROTOCOL"),
        (
            {"status": lambda _r: Response("Zyxwvut", media_type="text/html")},
            "NOT_DATA",
        ),
        ({"status": lambda _r: Response("Zyxwvut", status_code=500)}, "HTTP_STATUS"),
        ({"status": lambda _r: Response(status_code=404)}, "NOT_FOUND"),
    ],
    ids=range(11),
)
def test_an_export_that_fails_is_deleted(running, answers, code):
    assert failure(running, Hospital(**answers)) == code


def test_an_export_that_never_ends_is_cancelled_at_the_deadline(running):
    wait = Response(status_code=202, headers={"Retry-After": "1"})
    hospital = Hospital(status=lambda _request: wait)
    assert failure(running, hospital, deadlineSeconds=0.6) == "DEADLINE"


def test_a_file_on_another_origin_is_refused(running, elsewhere):
    output = [{"type": "Patient", "url": elsewhere.origin + "/Patient.ndjson"}]
    hospital = Hospital(status=manifest(output=output))
    assert failure(running, hospital) == "OTHER_ORIGIN"
    assert not elsewhere.was_called()


def test_a_status_address_on_another_origin_is_refused(running, elsewhere):
    location = {"Content-Location": elsewhere.origin + "/status"}
    answer = Response(status_code=202, headers=location)
    servers = running(Hospital(export=lambda _request: answer))
    with pytest.raises(TransportError, match="OTHER_ORIGIN"):
        servers.fetch("hospital", NIGHTS[0])
    assert not elsewhere.was_called()


@pytest.mark.parametrize("needed", [True, False])
def test_the_token_is_sent_with_files_only_if_needed(running, needed):
    hospital = Hospital(status=manifest(requiresAccessToken=needed), file=ndjson(ONE))
    fetched, _ = running(hospital).fetch("hospital", NIGHTS[0])
    assert fetched.rows_expected == {"Patient": 1, "Encounter": 0}
    (file,) = (r for r in hospital.asked if hospital.kind(r) == "file")
    assert ("authorization" in file.headers) is needed


def outcomes(severity):
    line = json.dumps({"issue": [{"severity": severity, "diagnostics": "Zyxwvut"}]})
    error = manifest(error=lambda url: [{"type": "OperationOutcome", "url": url}])
    return Hospital(status=error, file=lambda r: ndjson(line)(r))


def test_an_export_that_reports_errors_is_held(running):
    assert failure(running, outcomes("error"), kind=DeliveryHeld) == "EXPORT_ERRORS"


def test_an_export_that_reports_a_warning_is_kept_with_it(running):
    _, sink = running(outcomes("warning")).fetch("hospital", NIGHTS[0])
    assert b"Zyxwvut" in sink.bytes["outcomes/00001.ndjson"]


def test_time_that_runs_backwards_is_held(running):
    hospital = Hospital(status=manifest(), file=ndjson(ONE))
    code = failure(running, hospital, "2026-01-06T02:00:00-06:00", DeliveryHeld)
    assert code == "TRACKING_RESET"


def test_an_export_left_behind_by_a_crash_is_cancelled_first(running):
    servers, memory = running(None, one_export_at_a_time=True), {}
    spec = read_spec("hospital", {**SPECS["hospital"], **QUICK_HTTP})
    connection = servers.connections["hospital"]
    hooks = Memory(remember=memory.__setitem__, recall=memory.get)
    transport = FhirBulkTransport("hospital", spec, connection, memory=hooks)
    (drop,) = transport.offered(None, NIGHTS[0])

    class Killed(MemorySink):
        def store(self, part, stream):
            exports.update(servers.servers.hospital.exports)
            raise KeyboardInterrupt

    exports = {}
    with pytest.raises(KeyboardInterrupt):
        transport.fetch(drop, Killed())
    (job,) = exports
    servers.servers.hospital.exports.update(exports)
    memory["fhir_status_url"] = f"{connection.origin}/fhir/exports/{job}"
    assert transport.fetch(drop, MemorySink()).rows_expected["Patient"] == 5
    assert memory == {"fhir_status_url": ""}


def test_an_export_that_cannot_be_deleted_stays_remembered(running, caplog):
    refuse = Hospital(delete=lambda _request: Response(status_code=500))
    servers, memory = running(refuse), {}
    spec = read_spec("hospital", {**SPECS["hospital"], **QUICK_HTTP})
    hooks = Memory(remember=memory.__setitem__, recall=memory.get)
    connection = servers.connections["hospital"]
    transport = FhirBulkTransport("hospital", spec, connection, memory=hooks)
    (drop,) = transport.offered(None, NIGHTS[0])
    with caplog.at_level(logging.WARNING, "concord.transport.fhir_bulk"):
        transport.fetch(drop, MemorySink())
    assert memory["fhir_status_url"].startswith(connection.origin)
    assert "HTTP_STATUS" in caplog.text


@pytest.mark.parametrize(
    ("told", "waited"),
    [
        ("2", 2),
        ("999999", 300),
        ("soon", 10),
        ("", 10),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC)), 0),
    ],
)
def test_polling_waits_as_told_but_never_longer_than_the_cap(running, told, waited):
    wait = [Response(status_code=202, headers={"Retry-After": told})]
    servers = running(Hospital(status=lambda _r: wait.pop() if wait else None))
    pauses = []
    spec = read_spec("hospital", {**SPECS["hospital"], "deadlineSeconds": 900})
    connection = servers.connections["hospital"]
    transport = FhirBulkTransport("hospital", spec, connection, sleep=pauses.append)
    (drop,) = transport.offered(None, NIGHTS[0])
    transport.fetch(drop, MemorySink())
    assert pauses[0] == waited


def test_a_private_key_that_cannot_be_used_is_named(running, tmp_path):
    servers = running(None)
    connection = servers.connections["hospital"]
    spec = read_spec("hospital", {**SPECS["hospital"], **QUICK_HTTP})
    bad = tmp_path / "bad.pem"
    bad.write_text("Zyxwvut")
    for extra in ({"private_key_file": str(bad)}, {"private_key_file": "/no"}, {}):
        known = {"schema": "http", "kid": "concord-1", **extra}
        broken = type(connection)(
            connection.host, connection.port, "concord", None, known
        )
        transport = FhirBulkTransport("hospital", spec, broken)
        (drop,) = transport.offered(None, NIGHTS[0])
        with pytest.raises(TransportError, match="KEY_UNUSABLE") as caught:
            transport.fetch(drop, MemorySink())
        assert "Zyxwvut" not in str(caught.value)
