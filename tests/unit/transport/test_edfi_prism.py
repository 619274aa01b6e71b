"""Our Ed-Fi client against a server that nobody here wrote: Prism, by the standard.

Prism checks every request against the Ed-Fi ODS/API 5.3 specification.
"""

import json
import lzma
from datetime import date
from functools import cache

import pytest

from concord.exceptions import TransportError
from concord.transport.base import Connection
from concord.transport.http import HttpVisit
from concord.transport.oauth import client_secret
from concord.transport.registry import open_transport, read_spec
from tests.support import prism_server
from tests.support.prism_server import LOGIN, SECRET, SPECIFICATION
from tests.support.small_county import QUICK_HTTP, MemorySink

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        prism_server.missing() is not None, reason=str(prism_server.missing())
    ),
    pytest.mark.xdist_group("prism"),
]
NIGHT = date(2026, 1, 5)
RESOURCES = (
    "students",
    "studentEducationOrganizationAssociations",
    "studentSchoolAssociations",
    "studentSchoolAttendanceEvents",
    "disciplineIncidents",
    "disciplineActions",
)
SPEC = {"kind": "edfi", "resources": RESOURCES, "keyChanges": False, **QUICK_HTTP}
STUDENTS = "/data/v3/ed-fi/students"


@pytest.fixture(scope="module")
def prism_port(tmp_path_factory):
    with prism_server.prism(tmp_path_factory.mktemp("prism")) as port:
        yield port


@pytest.fixture
def school(prism_port):
    with prism_server.front(prism_port) as front:
        yield front


def connection(school, **changes):
    login = {"login": LOGIN, "password": SECRET, **changes}
    return Connection("127.0.0.1", school.port, **login, extra={"schema": "http"})


def fetch(school, cursor=None, **spec):
    checked = read_spec("school", {**SPEC, **spec})
    transport, sink = (
        open_transport("school", checked, connection(school)),
        MemorySink(),
    )
    (drop,) = transport.offered(cursor, NIGHT)
    return transport.fetch(drop, sink), sink


def visit(school, **spec):
    checked = read_spec("school", {**SPEC, **spec})
    opened = HttpVisit("school", connection(school), checked)
    opened.log_in_with(client_secret("/oauth/token"))
    return opened


@cache
def specification():
    return json.loads(lzma.decompress(SPECIFICATION.read_bytes()))


def declared(path):
    """Return the names of the parameters that the specification has for a path."""
    document = specification()
    parameters = document["paths"][path]["get"]["parameters"]
    shared = document["parameters"]
    return {
        shared[p["$ref"].rsplit("/", 1)[1]]["name"] if "$ref" in p else p["name"]
        for p in parameters
    }


def test_everything_is_read_as_the_specification_demands(school):
    fetched, sink = fetch(school)
    assert fetched.rows_expected == dict.fromkeys(RESOURCES, 1)
    assert (fetched.cursor, fetched.whole) == ("7", True)
    (student,) = sink.rows("students")
    assert {"id", "studentUniqueId", "lastSurname", "birthDate"} <= student.keys()
    assert {(a.status, a.violations) for a in school.asked} == {(200, None)}
    for asked in school.asked:
        assert asked.query.keys() <= declared(asked.path)
        assert asked.query["maxChangeVersion"] == "7"


def test_changes_and_deletions_are_read_as_the_specification_demands(school):
    fetched, sink = fetch(school, "3")
    assert fetched.rows_expected == dict.fromkeys(RESOURCES, 1)
    assert sink.rows("students", "deletes") == [{"id": "string", "changeVersion": 0}]
    assert {(a.status, a.violations) for a in school.asked} == {(200, None)}
    windows = {
        (a.query["minChangeVersion"], a.query["maxChangeVersion"]) for a in school.asked
    }
    assert windows == {("4", "7")}


def test_generated_rows_are_read_whole(school):
    school.prefer = "dynamic=true"
    fetched, sink = fetch(school)
    assert len(sink.rows("students")) == fetched.rows_expected["students"] >= 1


def test_a_request_without_a_token_is_refused(school):
    with (
        visit(school) as opened,
        pytest.raises(TransportError, match="UNAUTHORIZED"),
    ):
        opened.get(STUDENTS, "resource students", token=False)


def test_a_wrong_secret_is_refused(school):
    wrong = connection(school, password="not-the-secret")
    transport = open_transport("school", read_spec("school", SPEC), wrong)
    (drop,) = transport.offered(None, NIGHT)
    with pytest.raises(TransportError, match="LOGIN_REFUSED"):
        transport.fetch(drop, MemorySink())
    assert school.asked == []


@pytest.mark.parametrize("limit", [501, -1, "many"])
def test_a_limit_that_the_specification_forbids_is_refused(school, limit):
    with (
        visit(school) as opened,
        pytest.raises(TransportError, match="HTTP_STATUS") as caught,
    ):
        opened.get(STUDENTS, "resource students", params={"limit": limit})
    assert "HTTP 400" in caught.value.detail
    assert "limit" in school.asked[-1].violations


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "PAGE_REFUSED"),
        (401, "UNAUTHORIZED"),
        (403, "FORBIDDEN"),
        (404, "NOT_FOUND"),
        (500, "HTTP_STATUS"),
    ],
)
def test_what_the_specification_can_refuse_is_named(school, status, code):
    school.prefer = f"code={status}"
    with pytest.raises(TransportError, match=code) as caught:
        fetch(school)
    assert "of students" in caught.value.detail or "students:" in caught.value.detail


def test_a_resource_that_the_specification_lacks_is_not_found(school):
    with pytest.raises(TransportError, match="NOT_FOUND") as caught:
        fetch(school, resources=("pupils",))
    assert "resource pupils" in caught.value.detail


def test_key_changes_that_the_specification_lacks_are_not_passed_over(school):
    """Version 5.3 has none; its path reads there as that of a student."""
    with pytest.raises(TransportError, match="PROTOCOL") as caught:
        fetch(school, "3", keyChanges=True)
    assert "resource students/keyChanges" in caught.value.detail
