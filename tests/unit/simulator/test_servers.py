"""The agencies' servers keep to their protocols and keep their secrets."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import httpx
import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.jwk import ECKey

from simulator.connections import airflow_connections, connections
from simulator.servers import AgencyServers, ServerOptions, ServersState, set_night

pytestmark = pytest.mark.enable_socket
NIGHTS = (date(2026, 1, 5), date(2026, 1, 6))
STUDENTS = "/data/v3/ed-fi/students"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def write(root, feed, night, name, rows):
    folder = root / "served" / feed / night.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.ndjson").write_text(text)


@pytest.fixture
def root(tmp_path):
    """A county of two nights in which one student is deleted and added again."""
    root = tmp_path / "county"
    students = [{"id": f"{n:032x}", "_changeVersion": n} for n in range(1, 31)]
    write(root, "school", NIGHTS[0], "students", students)
    deletes = [{"id": f"{n:032x}", "changeVersion": 40 + n} for n in (1, 2)]
    write(root, "school", NIGHTS[1], "students.deletes", deletes)
    again = [{"id": f"{2:032x}", "_changeVersion": 50}]
    write(root, "school", NIGHTS[1], "students", again)
    write(root, "probation", NIGHTS[0], "persons", [{"n": n} for n in range(3)])
    write(root, "hospital", NIGHTS[0], "Patient", [{"id": "a"}, {"id": "b"}])
    set_night(root, NIGHTS[0])
    return root


@pytest.fixture
def servers(root, tmp_path):
    options = ServerOptions(polls_before_ready=1, rows_per_file=1)
    with AgencyServers(root, tmp_path / "secrets", options) as running:
        yield running


@pytest.fixture
def client(servers):
    """Return a client of a feed that is logged in."""
    opened = []

    def open_client(feed):
        connection = connections(servers.state)[feed]
        opened.append(httpx.Client(base_url=connection.origin, trust_env=False))
        if feed == "hospital":
            reply = opened[-1].post("/token", data=signed(servers))
        else:
            auth = (connection.login, connection.password)
            form = {"grant_type": "client_credentials"}
            reply = opened[-1].post("/oauth/token", data=form, auth=auth)
        token = reply.json()["access_token"]
        opened[-1].headers["Authorization"] = f"Bearer {token}"
        return opened[-1]

    yield open_client
    for each in opened:
        each.close()


def signed(servers, key=None, **changes):
    """Return a token request signed as SMART Backend Services asks."""
    connection = connections(servers.state)["hospital"]
    pem = Path(connection.extra["private_key_file"]).read_text()
    told = {
        "client_id": connection.login,
        "token_endpoint": connection.origin + "/token",
        "alg": "ES384",
        "header": {"kid": connection.extra["kid"]},
        "expires_in": 200,
        **changes,
    }
    assertion = private_key_jwt_sign(key or ECKey.import_key(pem), **told)
    return {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }


def token_status(servers, form):
    origin = connections(servers.state)["hospital"].origin
    return httpx.post(origin + "/token", data=form, trust_env=False).status_code


def test_a_signed_assertion_is_good_once(servers):
    form = signed(servers)
    assert token_status(servers, form) == 200
    assert token_status(servers, form) == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"token_endpoint": "http://another/token"},
        {"header": {"kid": "another"}},
        {"expires_in": 3600},
        {"expires_in": -5},
        {"key": ECKey.generate_key("P-384")},
        {"key": ECKey.generate_key("P-256"), "alg": "ES256"},
    ],
    ids=["client", "audience", "kid", "long", "expired", "key", "algorithm"],
)
def test_an_assertion_that_breaks_a_rule_is_refused(servers, changes):
    assert token_status(servers, signed(servers, **changes)) == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": ""},
        {"scope": "user/Patient.rs"},
        {"grant_type": "password"},
        {"client_assertion_type": "jwt"},
        {"client_assertion": "x.y.z"},
    ],
)
def test_a_token_request_that_is_not_as_the_standard_says_is_refused(servers, changes):
    assert token_status(servers, {**signed(servers), **changes}) == 400


@pytest.mark.parametrize("feed", ["probation", "school"])
def test_a_shared_secret_works_as_basic_and_as_form(servers, feed):
    connection = connections(servers.state)[feed]
    url, grant = (
        connection.origin + "/oauth/token",
        {"grant_type": "client_credentials"},
    )
    form = {"client_id": connection.login, "client_secret": connection.password}
    asked = [
        {"data": {**grant, **form}},
        {"data": grant, "auth": (connection.login, connection.password)},
        {"data": {**grant, **form, "client_secret": "x"}},
        {"data": grant, "auth": (connection.login, "x")},
        {"data": form},
    ]
    codes = [httpx.post(url, trust_env=False, **each).status_code for each in asked]
    assert codes == [200, 200, 401, 401, 400]


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        ("probation", "/api/v1/persons"),
        ("school", STUDENTS),
        ("school", "/changeQueries/v1/availableChangeVersions"),
        ("hospital", "/fhir/Group/springfield/$export"),
    ],
)
def test_nothing_is_served_without_a_good_token(servers, feed, path):
    url = connections(servers.state)[feed].origin + path
    for headers in ({}, {"Authorization": "Bearer x"}):
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 401


def test_tokens_expire(root, tmp_path):
    options = ServerOptions(token_seconds=0)
    with AgencyServers(root, tmp_path / "secrets", options) as servers:
        connection = connections(servers.state)["school"]
        auth = (connection.login, connection.password)
        form = {"grant_type": "client_credentials"}
        with httpx.Client(base_url=connection.origin, trust_env=False) as school:
            token = school.post("/oauth/token", data=form, auth=auth).json()
            bearer = {"Authorization": f"Bearer {token['access_token']}"}
            assert school.get(STUDENTS, headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "rows"),
    [
        ("", 200, 25),
        ("?limit=500", 200, 30),
        ("?limit=0", 200, 0),
        ("?limit=501", 400, None),
        ("?limit=-1", 400, None),
        ("?offset=28", 200, 2),
        ("?minChangeVersion=10&maxChangeVersion=12", 200, 3),
        ("?minChangeVersion=x", 400, None),
    ],
)
def test_ed_fi_pages_and_windows(client, query, status, rows):
    reply = client("school").get(STUDENTS + query)
    assert reply.status_code == status
    assert rows is None or len(reply.json()) == rows


def test_ed_fi_counts_when_asked_and_hides_its_own_keys(client):
    reply = client("school").get(STUDENTS + "?limit=1&totalCount=true")
    assert reply.headers["Total-Count"] == "30"
    assert reply.json() == [{"id": f"{1:032x}"}]


def test_a_student_added_again_hides_the_deletion(root, client):
    school = client("school")
    set_night(root, NIGHTS[1])
    gone = school.get(STUDENTS + "/deletes").json()
    assert [entry["id"] for entry in gone] == [f"{1:032x}"]
    assert (
        school.get(STUDENTS + "?limit=0&totalCount=true").headers["Total-Count"] == "29"
    )
    versions = school.get("/changeQueries/v1/availableChangeVersions").json()
    assert versions == {"OldestChangeVersion": 0, "NewestChangeVersion": 50}


def test_a_night_that_is_written_again_is_served_again(root, client):
    school = client("school")
    assert len(school.get(STUDENTS).json()) == 25
    write(root, "school", NIGHTS[0], "students", [{"id": "x", "_changeVersion": 1}])
    assert school.get(STUDENTS).json() == [{"id": "x"}]


def test_probation_serves_the_latest_snapshot_and_says_of_when(root, client):
    set_night(root, NIGHTS[1])
    reply = client("probation").get("/api/v1/persons?limit=2&offset=0").json()
    assert reply == {
        "data": [{"n": 0}, {"n": 1}],
        "paging": {
            "limit": 2,
            "offset": 0,
            "total": 3,
            "next": "/api/v1/persons?limit=2&offset=2",
        },
        "as_of": "2026-01-05",
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [("persons?limit=501", 400), ("persons?limit=0", 400), ("officers", 404)],
)
def test_probation_refuses_what_it_does_not_have(client, path, status):
    assert client("probation").get(f"/api/v1/{path}").status_code == status


def test_an_export_is_asynchronous_split_and_deletable(client):
    hospital = client("hospital")
    path = "/fhir/Group/springfield/$export?_type=Patient"
    assert hospital.get(path).status_code == 400
    begun = hospital.get(path, headers={"Prefer": "respond-async"})
    assert begun.status_code == 202
    status = begun.headers["Content-Location"]
    waiting = hospital.get(status)
    assert waiting.status_code == 202
    assert waiting.headers["Retry-After"] == "1"
    manifest = hospital.get(status).json()
    assert manifest["transactionTime"] == "2026-01-05T02:00:00-06:00"
    assert [file["count"] for file in manifest["output"]] == [1, 1]
    lines = [hospital.get(file["url"]).json() for file in manifest["output"]]
    assert lines == [{"id": "a"}, {"id": "b"}]
    assert hospital.delete(status).status_code == 202
    assert hospital.delete(status).status_code == 404
    assert hospital.get(manifest["output"][0]["url"]).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("Group/shelbyville/$export", 404), ("Group/springfield/$export?_since=x", 400)],
)
def test_an_export_that_cannot_be_made_is_refused(client, path, status):
    reply = client("hospital").get(f"/fhir/{path}", headers={"Prefer": "respond-async"})
    assert reply.status_code == status
    assert reply.json()["resourceType"] == "OperationOutcome"


def test_before_the_first_night_nothing_is_offered(tmp_path):
    with AgencyServers(tmp_path / "empty", tmp_path / "secrets") as servers:
        state = servers.state
    assert state.probation.port != state.school.port


def test_the_state_file_holds_no_secret_and_secrets_are_private(servers, tmp_path):
    path = tmp_path / "run" / "state.json"
    servers.state.write(path)
    assert ServersState.read(path) == servers.state
    found = list((tmp_path / "secrets").iterdir())
    assert found
    for secret in found:
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.read_text() not in path.read_text()


def test_credentials_are_new_at_every_start_and_the_host_key_stays(root, tmp_path):
    seen = []
    for _ in range(2):
        with AgencyServers(root, tmp_path / "secrets") as servers:
            seen.append(connections(servers.state))
    first, second = seen
    assert first["police_rms"].extra == second["police_rms"].extra
    assert first["police_rms"].password != second["police_rms"].password


def test_airflow_gets_the_same_connections(servers):
    plain = connections(servers.state)
    told = {k: json.loads(v) for k, v in airflow_connections(servers.state).items()}
    assert set(told) == {f"AIRFLOW_CONN_{feed.upper()}" for feed in plain}
    for feed, connection in plain.items():
        airflow = told[f"AIRFLOW_CONN_{feed.upper()}"]
        assert airflow["extra"] == connection.extra
        for key in ("host", "port", "login", "password"):
            assert airflow[key] == getattr(connection, key)


SERVE = "import sys, pathlib; from simulator.servers import serve; p = pathlib.Path;"


@pytest.mark.parametrize("ends_by", ["signal", "lifetime"])
def test_a_server_process_ends_and_leaves_no_state_behind(root, tmp_path, ends_by):
    state = tmp_path / "state.json"
    seconds = 0.2 if ends_by == "lifetime" else 60
    call = f"serve(p(sys.argv[1]), p(sys.argv[2]), lifetime_seconds={seconds})"
    project = Path(__file__).resolve().parents[3]
    paths = os.pathsep.join([str(project / "plugins"), str(project)])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE + call, str(root), str(state)],
        env={**os.environ, "PYTHONPATH": paths},
    )
    if ends_by == "signal":
        deadline = time.monotonic() + 20
        while not state.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ServersState.read(state).pid == process.pid
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert not state.exists()
    assert (tmp_path / "secrets" / "hospital.pem").exists()
