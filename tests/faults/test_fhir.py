"""A FHIR server whose exports hang, expire, lie or are left when we are killed."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from concord import pipeline
from concord.exceptions import DataError, DeliveryHeld, TransportError
from concord.landing.ledger import Ledger
from concord.settings import Settings
from concord.transport.fhir_export import Memory
from concord.transport.registry import open_transport, read_spec
from concord.validation.states import StateStore
from tests.support.bulk_server import Bulk, BulkServer
from tests.support.scripted_hospital import (
    CANARY,
    ONE,
    Hospital,
    manifest,
    ndjson,
    once,
    status,
)
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
PROJECT = Path(__file__).parents[2]
STATUS_KEY = "fhir_status_url"


class Visits:
    """Fetches through a scripted hospital, night after night, with one memory."""

    def __init__(self, county, start):
        county.clock(county.night(0))
        self._start = start
        self.memory = {}

    def serve(self, hospital, **options):
        self.hospital = hospital
        self.running = self._start(intercept=hospital, **options)
        return self

    def fetch(self, cursor=None, **spec):
        checked = read_spec("hospital", {**SPECS["hospital"], **QUICK_HTTP, **spec})
        transport = open_transport(
            "hospital",
            checked,
            self.running.connections["hospital"],
            memory=Memory(self.memory.__setitem__, self.memory.get),
        )
        (drop,) = transport.offered(cursor, NIGHTS[0])
        self.sink = MemorySink()
        return transport.fetch(drop, self.sink)

    def refused(self, kind=DataError, **spec):
        with pytest.raises(kind) as caught:
            self.fetch(**spec)
        assert CANARY not in repr(caught.value) + repr(caught.value.__context__)
        return caught.value.code

    @property
    def exports(self):
        return self.running.servers.hospital.exports


@pytest.fixture
def visits(county, start):
    return Visits(county, start)


def for_ever():
    return status(202, Retry_After="1")


# T28: an export that takes too long ------------------------------------------


@pytest.mark.fault("T28", code="DEADLINE", outcome="waits")
def test_t28_an_endless_export_is_left_at_the_deadline_and_resumed(visits):
    """An export that is never ready is left running, and gone on with the next time."""
    answers = {"status": for_ever()}
    hospital = Hospital(**answers)
    visits.serve(hospital)
    assert visits.refused(TransportError, deadlineSeconds=0.6) == "DEADLINE"
    (job,) = visits.exports
    assert job in visits.memory[STATUS_KEY]
    assert visits.sink.bytes == {}

    hospital.answers = {}
    assert visits.fetch().rows_expected["Patient"] == 5
    assert hospital.count("export") == 1
    assert visits.exports == {}
    assert visits.memory == {STATUS_KEY: ""}


@pytest.mark.fault("T28", code="DEADLINE", outcome="waits")
def test_t28_an_export_that_is_left_too_long_is_cancelled(visits):
    """An export that is not ready after a day and a half is given up for a new one."""
    hospital = Hospital(status=for_ever())
    visits.serve(hospital, one_export_at_a_time=True)
    assert visits.refused(deadlineSeconds=0.6) == "DEADLINE"
    (old,) = visits.exports
    assert visits.refused(deadlineSeconds=0.6, resumeHours=0) == "DEADLINE"
    (new,) = visits.exports
    assert (new != old, hospital.count("export")) == (True, 2)


@pytest.mark.fault("T28", outcome="accepted")
def test_t28_an_export_of_another_request_is_not_resumed(visits):
    """An export that was left and asked for something else is cancelled first."""
    visits.serve(Hospital(status=for_ever()), one_export_at_a_time=True)
    assert visits.refused(deadlineSeconds=0.6) == "DEADLINE"
    visits.hospital.answers = {}
    visits.fetch(cursor="2026-01-04T02:00:00-06:00")
    assert visits.hospital.count("export") == 2
    assert visits.exports == {}


KILLED = """
import sys
from datetime import date
from concord.landing.ledger import Ledger
from concord.transport.base import Connection
from concord.transport.fhir_bulk import FhirBulkTransport
from concord.transport.fhir_export import Memory
from concord.transport.registry import read_spec
from tests.support.small_county import MemorySink
from tests.unit.transport.test_fhir_editions import SPEC

port, url = int(sys.argv[1]), sys.argv[2]
ledger = Ledger(url)
memory = Memory(
    lambda name, value: ledger.remember("hospital", name, value),
    lambda name: ledger.recall("hospital", name),
)
connection = Connection("127.0.0.1", port, extra={"schema": "http"})
spec = read_spec("hospital", {**SPEC, "pollSeconds": 0.05})
transport = FhirBulkTransport("hospital", spec, connection, memory=memory)
(drop,) = transport.offered(None, date(2026, 1, 5))
print(transport.fetch(drop, MemorySink()).rows_expected)
"""


def resume(server, url):
    environment = {
        **os.environ,
        "PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT}",
    }
    command = [sys.executable, "-c", KILLED, str(server.connection.port), url]
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.fault("T28", outcome="accepted")
def test_t28_an_export_survives_kill_9_while_it_is_waited_for(tmp_path):
    """A process killed while it waits leaves the export; the next one takes it."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    patient = b'{"resourceType":"Patient","id":"p1"}\n'
    bulk = Bulk({"Patient": patient, "Encounter": b""}, polls=10**6)
    with BulkServer(bulk) as server:
        with resume(server, url) as first:
            assert bulk.polled.wait(30)
            first.send_signal(signal.SIGKILL)
        assert first.returncode == -signal.SIGKILL
        assert "/status/job1" in Ledger(url).recall("hospital", STATUS_KEY)
        bulk.jobs["job1"] = 1
        with resume(server, url) as second:
            told, _ = second.communicate(timeout=30)
    assert told.strip() == "{'Patient': 1, 'Encounter': 0}"
    assert (bulk.started, bulk.jobs) == (1, {})
    assert Ledger(url).recall("hospital", STATUS_KEY) == ""


def test_a_poll_that_fails_for_the_moment_is_asked_again(visits):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"code": "transient"}]}
    moment = lambda _request: JSONResponse(outcome, status_code=500)  # noqa: E731
    visits.serve(Hospital(status=once(moment, status(502), status(429))))
    assert visits.fetch(pollSeconds=0).rows_expected["Patient"] == 5


# T29: exports and files that are gone ----------------------------------------


@pytest.mark.fault("T29", outcome="accepted")
@pytest.mark.parametrize("code", [404, 410])
def test_t29_an_export_that_is_gone_is_asked_for_again(visits, code):
    """An export that vanishes while it is waited for is asked for once more."""
    visits.serve(Hospital(status=once(status(202), status(code))))
    assert visits.fetch(pollSeconds=0).rows_expected["Patient"] == 5
    assert visits.hospital.count("export") == 2
    assert visits.exports == {}


@pytest.mark.fault("T29", outcome="accepted")
@pytest.mark.parametrize("code", [403, 404, 410])
def test_t29_files_that_expire_are_exported_again_without_double_rows(visits, code):
    """Files that expire amid the download come from a new export, each row once."""
    hospital = Hospital(file=once(lambda _r: None, status(code)))
    visits.serve(hospital, rows_per_file=2)
    assert visits.fetch().rows_expected == {"Patient": 5, "Encounter": 0}
    rows = visits.sink.rows("Patient")
    assert [row["id"] for row in rows] == [f"p{n}" for n in range(1, 6)]
    assert (hospital.count("export"), hospital.count("delete")) == (2, 2)


@pytest.mark.fault("T29", outcome="accepted")
def test_t29_nothing_of_an_expired_export_stays_in_landing(visits, tmp_path):
    """Of an export that expired, no part is in the receipt or on disk."""
    hospital = Hospital(file=once(lambda _r: None, status(410)))
    visits.serve(hospital, rows_per_file=2)
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        land(opened, visits.running, NIGHTS[0])
        (delivery,) = opened.ledger.deliveries("hospital")
        folder = opened.zones.landing / "hospital"
        sealed = sorted(path.stem for path in folder.rglob("*") if path.is_file())
        assert sealed.count("receipt") == 1
        assert len(sealed) - 1 == delivery.files == 4
        assert delivery.rows == 5


@pytest.mark.fault("T29", code="EXPORT_EXPIRED", outcome="refused")
def test_t29_an_export_that_expires_twice_is_refused(visits):
    """Files that are gone in a second export as well end the night's attempt."""
    visits.serve(Hospital(file=status(410)))
    assert visits.refused(TransportError) == "EXPORT_EXPIRED"
    assert visits.hospital.count("export") == 2
    assert visits.exports == {}


def test_an_export_left_behind_that_is_gone_is_asked_for_anew(visits):
    visits.serve(Hospital(status=for_ever()))
    assert visits.refused(deadlineSeconds=0.6) == "DEADLINE"
    visits.exports.clear()
    visits.hospital.answers = {}
    assert visits.fetch().rows_expected["Patient"] == 5


def test_an_export_left_behind_whose_files_have_expired_is_asked_for_anew(visits):
    past = "Fri, 31 Dec 1999 23:59:59 GMT"
    visits.serve(Hospital(status=for_ever()))
    assert visits.refused(deadlineSeconds=0.6) == "DEADLINE"
    expired = manifest()
    stale = lambda request: JSONResponse(  # noqa: E731
        json.loads(expired(request).body), headers={"Expires": past}
    )
    visits.hospital.answers = {"status": once(stale)}
    assert visits.fetch().rows_expected["Patient"] == 5
    assert visits.hospital.count("export") == 2


def test_a_token_that_expires_among_many_files_is_renewed(visits):
    renew = lambda _r: visits.running.servers.tokens["hospital"].revoke_all()  # noqa: E731
    visits.serve(Hospital(file=once(lambda _r: None, renew)), rows_per_file=1)
    assert visits.fetch().rows_expected["Patient"] == 5
    assert visits.running.servers.tokens["hospital"].granted == 2


# T30: errors that the export itself reports ----------------------------------


def outcomes(severity, **told):
    line = json.dumps({"issue": [{"severity": severity, "diagnostics": CANARY}]})
    error = manifest(error=lambda url: [{"url": url.replace("one", "two"), **told}])
    answer = lambda r: ndjson(line if r.url.path.endswith("two") else ONE)(r)  # noqa: E731
    return Hospital(status=error, file=answer)


@pytest.mark.fault("T30", code="EXPORT_ERRORS", outcome="held")
@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_t30_an_export_that_reports_errors_is_held(visits, caplog, severity):
    """An export that reports errors of its own is held; their text is not logged."""
    visits.serve(outcomes(severity))
    with caplog.at_level(logging.DEBUG):
        assert visits.refused(DeliveryHeld) == "EXPORT_ERRORS"
    assert CANARY not in caplog.text
    assert CANARY.encode() in visits.sink.bytes["outcomes/00001.ndjson"]
    assert visits.exports == {}


@pytest.mark.fault("T30", outcome="accepted")
def test_t30_an_export_that_reports_a_warning_is_kept_with_it(visits):
    """An export that only warns or informs is taken, and what it says kept with it."""
    visits.serve(outcomes("warning", count=1, countSeverity={"warning": 1}))
    visits.fetch()
    assert CANARY.encode() in visits.sink.bytes["outcomes/00001.ndjson"]


@pytest.mark.fault("T33", code="COUNT_MISMATCH", outcome="held")
@pytest.mark.parametrize(
    "told",
    [
        {"count": 2},
        {"countSeverity": {"warning": 3}},
        {"countSeverity": [{"code": "error", "count": 1}]},
    ],
)
def test_t33_fewer_outcomes_than_the_manifest_says_are_held(visits, told):
    """An export whose outcomes are not as many as it says may lack the worst."""
    visits.serve(outcomes("warning", **told))
    assert visits.refused(DeliveryHeld) == "COUNT_MISMATCH"


# T31 and T32: what becomes of rows --------------------------------------------


def patient(number):
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "meta": {"lastUpdated": "2026-01-04T12:00:00-06:00"},
        "identifier": [{"value": f"MRN{number:08d}"}],
        "name": [{"family": "Kay", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1990-04-17",
    }


def land(opened, running, night):
    connection = running.connections["hospital"]
    return pipeline.land(
        opened,
        "hospital",
        night,
        lambda c: open_transport(c.id, read_spec(c.id, c.transport), connection),
    )


class Landed:
    """A county that takes what a small hospital serves."""

    def __init__(self, opened, county, start):
        self.opened = opened
        self.hospital = Hospital()
        self._county = county
        self._running = start(intercept=self.hospital)

    def night(self, number, patients=(), deleted=()):
        night = NIGHTS[number]
        self._county.ndjson("hospital", night, "Patient", patients)
        requests = [{"method": "DELETE", "url": f"Patient/{name}"} for name in deleted]
        bundles = [
            {"resourceType": "Bundle", "entry": [{"request": request}]}
            for request in requests
        ]
        self._county.ndjson("hospital", night, "deleted", bundles)
        return night

    def take(self, night):
        self._county.clock(night)
        land(self.opened, self._running, night)
        state = pipeline.check(self.opened, "hospital", night).state_id
        store = StateStore(self.opened.zones, self.opened.keys, "hospital")
        rows = store.read_vault(state, "person").to_pylist()
        return sorted(row["source_id"] for row in rows)


@pytest.fixture
def landed(county, start, tmp_path):
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        yield Landed(opened, county, start)


@pytest.mark.fault("T31", outcome="accepted")
def test_t31_a_deleted_resource_is_gone_from_the_next_state(landed):
    """A resource that an export lists as deleted is not in the next night's state."""
    first = landed.night(0, map(patient, range(1, 4)))
    assert landed.take(first) == ["p1", "p2", "p3"]
    second = landed.night(1, [patient(4)], deleted=["p2"])
    assert landed.take(second) == ["p1", "p3", "p4"]


@pytest.mark.fault("T32", outcome="counted")
def test_t32_a_line_that_breaks_off_is_set_aside_and_counted(landed, county):
    """A file whose last line breaks off gives up that line; the others go through."""
    night = landed.night(0, map(patient, range(1, 4)))
    path = county.served / "hospital" / night.isoformat() / "Patient.ndjson"
    path.write_bytes(path.read_bytes()[:-60])
    assert landed.take(night) == ["p1", "p2"]
    (delivery,) = landed.opened.ledger.deliveries("hospital")
    counts = {c.table_name: c for c in landed.opened.ledger.table_counts(delivery.id)}
    assert counts["patient"].received == 3


@pytest.mark.fault("T32", code="WRONG_RESOURCE", outcome="held")
@pytest.mark.parametrize(
    "stray",
    [
        {"resourceType": "Encounter", "id": CANARY},
        {"id": CANARY, "resourceType": "OperationOutcome"},
        {"id": CANARY},
        {"id": CANARY, "contained": [{"resourceType": "Patient"}]},
    ],
)
def test_t32_a_file_that_mixes_resource_types_is_held(visits, stray):
    """A file of one resource type that holds another is held, with how many lines."""
    listed = manifest(output=lambda url: [{"type": "Patient", "url": url}])
    late = {"id": "p1", "resourceType": "Patient"}
    visits.serve(
        Hospital(status=listed, file=ndjson(ONE, json.dumps(stray), json.dumps(late)))
    )
    with pytest.raises(DeliveryHeld) as caught:
        visits.fetch()
    assert (caught.value.code, caught.value.counts) == ("WRONG_RESOURCE", {"lines": 1})
    assert CANARY not in str(caught.value)
    assert visits.exports == {}


# T33: counts -------------------------------------------------------------------


@pytest.mark.fault("T33", code="COUNT_MISMATCH", outcome="held")
@pytest.mark.parametrize("lines", [(), (ONE, ONE)])
def test_t33_a_count_that_is_not_the_number_of_lines_is_held(visits, lines):
    """A file with more or fewer lines than the manifest says is held."""
    visits.serve(Hospital(status=manifest(), file=ndjson(*lines)))
    assert visits.refused(DeliveryHeld) == "COUNT_MISMATCH"
    assert visits.exports == {}


@pytest.mark.fault("T33", code="COUNT_MISMATCH", outcome="held")
def test_t33_fewer_deletions_than_the_manifest_says_are_held(visits):
    """A list of deletions that is not as long as it says may lack a person."""
    deleted = manifest(deleted=lambda url: [{"url": url + "?deleted", "count": 2}])
    bundle = '{"resourceType": "Bundle", "entry": []}'
    answer = lambda r: ndjson(bundle if r.url.query else ONE)(r)  # noqa: E731
    visits.serve(Hospital(status=deleted, file=answer))
    assert visits.refused(DeliveryHeld) == "COUNT_MISMATCH"


def test_a_hospital_that_answers_with_a_page_is_not_believed(visits):
    page = lambda _request: Response(CANARY, media_type="text/html")  # noqa: E731
    visits.serve(Hospital(status=page))
    assert visits.refused(TransportError) == "NOT_DATA"


@pytest.mark.fault("R8", code="TRACKING_RESET", outcome="held")
def test_r8_after_a_reset_a_hospital_is_asked_for_everything_once(landed, county):
    """A hospital's export time goes back: held, until one full export is approved."""
    first = landed.night(0, map(patient, range(1, 4)))
    assert landed.take(first) == ["p1", "p2", "p3"]
    county.ndjson("hospital", first, "Patient", [patient(1), patient(9)])
    second = landed.night(1, [patient(4)])
    landed.hospital.answers = {
        "status": once(manifest(transactionTime="2020-01-01T00:00:00Z"))
    }
    with pytest.raises(DeliveryHeld, match="TRACKING_RESET"):
        landed.take(second)
    pipeline.approve_full_refresh(
        landed.opened, "hospital", reason="restored", by="engineer"
    )
    assert landed.take(second) == ["p1", "p4", "p9"]
    third = landed.night(2, [patient(5)])
    assert landed.take(third) == ["p1", "p4", "p5", "p9"]
    exports = landed.hospital.of("export")
    asked = [request.query_params.get("_since", "")[:10] for request in exports]
    assert asked == ["", "2026-01-05", "", "2026-01-06"]
