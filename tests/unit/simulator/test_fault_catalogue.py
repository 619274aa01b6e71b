"""Every fault of the catalogue really changes what is served, for every feed of it."""

import hashlib
import shutil
import time
from datetime import date
from pathlib import Path

import httpx
import paramiko
import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.jwk import ECKey

from simulator.county import County, deliver, folder_name
from simulator.faults import ELSEWHERE, FAULTS, KINDS, Staged, find, tell_server
from simulator.servers import AgencyServers, set_night
from tests.support.fault_table import known_faults

NIGHTS = (date(2026, 1, 5), date(2026, 1, 6))
PATIENCE, SLOW_PATIENCE = 10, 0.4
SLOW = ("T3", "T4", "T36")
REPEATS = ("F39", "R1")
ENOUGH = 1 << 20
COUNT = "limit=0&totalCount=true"
TELLING = ("retry-after", "total-count", "location")
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("fault-catalogue"),
]
PAIRS = [(number, feed) for number, fault in FAULTS.items() for feed in fault.effects]
BY_SERVER = [p for p in PAIRS if FAULTS[p[0]].effects[p[1]].by_server]
BY_FILES = [p for p in PAIRS if p not in BY_SERVER]
COUNTY = County(7, 300)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights on which nothing goes wrong."""
    root = tmp_path_factory.mktemp("good")
    for night in range(2):
        COUNTY.write_night(root, night)
    return root


def test_every_number_of_files_and_servers_is_in_the_catalogue() -> None:
    """Faults of our own processes are not the simulator's; all others are named."""
    assert sorted({*FAULTS, *ELSEWHERE}) == sorted(known_faults())
    assert not set(FAULTS) & set(ELSEWHERE)
    assert all(fault.summary and fault.effects for fault in FAULTS.values())
    summaries = [fault.summary for fault in FAULTS.values()]
    assert len(set(summaries)) == len(summaries)


@pytest.mark.parametrize(("number", "feed"), BY_FILES, ids=map("-".join, BY_FILES))
def test_a_fault_of_files_changes_what_is_served(
    good: Path, tmp_path: Path, number: str, feed: str
) -> None:
    night = COUNTY.night(1)
    usual = good / "served" / feed / folder_name(feed, night)
    before = good / "served" / feed / folder_name(feed, COUNTY.night(0))
    staging = tmp_path / "staging" / usual.name
    shutil.copytree(usual, staging, ignore=shutil.ignore_patterns("manifest.json"))
    injected = find(feed, number)

    final = deliver(tmp_path, Staged(feed, staging, before), night, injected)

    withheld = final.is_relative_to(tmp_path / "withheld")
    assert withheld == injected[1].withholds
    if number in REPEATS:  # which may be what a quiet snapshot would be anyway
        assert data(final) == data(before)
    else:
        assert withheld or contents(final) != contents(usual)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }


def data(folder: Path) -> set[str]:
    """Return what a delivery holds under whatever names."""
    found = contents(folder)
    found.pop("manifest.json", None)
    return set(found.values())


@pytest.mark.parametrize("number", ["R1", "R5", "F39"])
def test_a_fault_that_needs_a_night_before_says_so(tmp_path: Path, number: str) -> None:
    with pytest.raises(ValueError, match="needs a night served before it"):
        COUNTY.write_night(tmp_path, 1, {"police_rms": number})


class Probe:
    """Asks a feed's server a few things and writes down what comes."""

    def __init__(self, servers: AgencyServers, root: Path) -> None:
        self._state = servers.state
        self._root = root
        self._usual: dict[str, list[object]] = {}
        self._tired = False

    def usual(self, feed: str) -> list[object]:
        """Return what comes on a good night."""
        if feed not in self._usual:
            self._usual[feed] = self.ask(feed)
            assert self.ask(feed) == self._usual[feed], "the probe repeats itself"
        return self._usual[feed]

    def ask(self, feed: str, patience: float = PATIENCE) -> list[object]:
        """Return what comes tonight."""
        self._tired, self._patience = False, patience
        endpoint = self._state.endpoint(feed)
        if KINDS[feed] == "sftp":
            return self._sftp(feed, endpoint)
        origin = f"http://{endpoint.host}:{endpoint.port}"
        with httpx.Client(base_url=origin, timeout=patience) as client:
            return getattr(self, f"_{KINDS[feed]}")(feed, client, endpoint)

    def _hear(self, client, path):
        """Return status, what headers say and the body, as far as patience goes."""
        if self._tired:
            return ["tired"]
        body, began = b"", time.monotonic()
        try:
            with client.stream("GET", path) as reply:
                told = [reply.headers.get(n) for n in TELLING]
                for piece in reply.iter_raw():
                    body += piece
                    if len(body) > ENOUGH or time.monotonic() - began > self._patience:
                        self._tired = True
                        return [reply.status_code, *told, "too long"]
                if reply.headers.get("content-encoding") == "gzip":
                    body = body[-8:].hex().encode()  # its head holds the time
                return [reply.status_code, *told, body.decode()]
        except httpx.HTTPError as error:
            self._tired = isinstance(error, httpx.TimeoutException)
            return [type(error).__name__]

    def _secret(self, client, endpoint):
        login = (endpoint.login, endpoint.password_file.read_text())
        form = {"grant_type": "client_credentials"}
        reply = client.post("/oauth/token", data=form, auth=login)
        token = reply.json().get("access_token", "none")
        client.headers["Authorization"] = f"Bearer {token}"
        return reply.status_code

    def _rest(self, feed, client, endpoint):
        folder = self._root / "served" / feed / NIGHTS[0].isoformat()
        pages = sorted(path.stem for path in folder.iterdir())
        return [
            self._secret(client, endpoint),
            *(
                self._hear(client, f"/api/v1/{page}?limit=2&offset={offset}")
                for page in pages
                for offset in (0, 2)
            ),
        ]

    def _edfi(self, _feed, client, endpoint):
        pages = ("students", "disciplineActions")
        return [
            self._hear(client, "/"),
            self._secret(client, endpoint),
            self._hear(client, "/changeQueries/v1/availableChangeVersions"),
            *(
                self._hear(client, f"/data/v3/ed-fi/{page}?{query}")
                for page in pages
                for query in (COUNT, "limit=2&offset=2", "limit=2&offset=0", COUNT)
            ),
        ]

    def _fhir(self, _feed, client, endpoint):
        url = f"http://{endpoint.host}:{endpoint.port}/token"
        assertion = private_key_jwt_sign(
            ECKey.import_key(endpoint.key_file.read_text()),
            client_id=endpoint.login,
            token_endpoint=url,
            alg="ES384",
            header={"kid": endpoint.kid},
            expires_in=200,
        )
        form = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.rs",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:"
            "jwt-bearer",
            "client_assertion": assertion,
        }
        reply = client.post("/token", data=form)
        token = reply.json().get("access_token", "none")
        client.headers["Authorization"] = f"Bearer {token}"
        begun = client.get(
            "/fhir/Group/springfield/$export", headers={"Prefer": "respond-async"}
        )
        status = begun.headers.get("content-location", url)
        job = status.rsplit("/", 1)[1]
        found = [reply.status_code, begun.status_code]
        names = ["Patient.0.ndjson", "Encounter.0.ndjson", "Condition.0.ndjson"]
        for path in (status, status, *(f"{status}/{name}" for name in names)):
            found.append(
                [str(part).replace(job, "JOB") for part in self._hear(client, path)]
            )
        client.delete(status)
        return found

    def _sftp(self, feed, endpoint):
        folder = self._root / "served" / feed / f"{NIGHTS[0]:%Y%m%d}"
        names = sorted(path.name for path in folder.iterdir())[:3]
        transport = None
        try:
            transport = paramiko.Transport((endpoint.host, endpoint.port))
            transport.connect(
                username=endpoint.login, password=endpoint.password_file.read_text()
            )
            key = transport.get_remote_server_key().get_base64()
            client = paramiko.SFTPClient.from_transport(transport)
            client.get_channel().settimeout(self._patience)
            found = [key, sorted(client.listdir(f"/{folder.name}"))]
            for name in names:
                found.append(self._read(client, f"/{folder.name}/{name}"))
            return found
        except (paramiko.SSHException, EOFError, OSError) as error:
            return [type(error).__name__]
        finally:
            if transport is not None:
                transport.close()

    def _read(self, client, path):
        try:
            began = time.monotonic()
            with client.open(path) as file:
                data = file.read(4)
                if time.monotonic() - began > self._patience:
                    return ["too long"]
                data += file.read(ENOUGH)
            told = client.stat(path)
            return [hashlib.sha256(data).hexdigest(), told.st_size, told.st_mtime]
        except (TimeoutError, PermissionError, FileNotFoundError) as error:
            return [type(error).__name__]


@pytest.fixture(scope="module")
def probe(good: Path, tmp_path_factory: pytest.TempPathFactory):
    set_night(good, NIGHTS[0])
    with AgencyServers(good, tmp_path_factory.mktemp("secrets")) as servers:
        yield Probe(servers, good)


@pytest.mark.parametrize(("number", "feed"), BY_SERVER, ids=map("-".join, BY_SERVER))
def test_a_fault_of_a_server_changes_how_it_behaves(
    probe: Probe, good: Path, number: str, feed: str
) -> None:
    usual = probe.usual(feed)
    tell_server(good, feed, NIGHTS[0], number)
    try:
        if number == "T5":
            time.sleep(0.2)  # a server looks what night it is twenty times a second
        patience = SLOW_PATIENCE if number in SLOW else PATIENCE
        assert probe.ask(feed, patience) != usual
    finally:
        tell_server(good, feed, NIGHTS[0], "")
    if number == "T5":
        time.sleep(0.2)
    assert probe.ask(feed) == usual, "without the fault all is as before"


def test_a_server_misbehaves_on_the_night_of_its_fault_only(
    probe: Probe, good: Path
) -> None:
    usual = probe.usual("probation")
    tell_server(good, "probation", NIGHTS[1], "T26")
    try:
        assert probe.ask("probation") == usual
        set_night(good, NIGHTS[1])
        assert "Log in" in str(probe.ask("probation"))
    finally:
        tell_server(good, "probation", NIGHTS[1], "")
        set_night(good, NIGHTS[0])
