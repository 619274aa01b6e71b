"""The agencies' servers, run together on the loopback interface."""

import asyncio
import os
import signal
import socket
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import asyncssh
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.agencies import AGENCIES
from simulator.faults import KINDS
from simulator.servers.credentials import KID, LOGIN, Credentials
from simulator.servers.hospital import HospitalApi
from simulator.servers.http_troubles import Troubled
from simulator.servers.nights import ServedFeed
from simulator.servers.oauth import AssertionLogin, ClientSecretLogin, Tokens
from simulator.servers.options import Intercept, ServerOptions
from simulator.servers.police import PoliceLogin
from simulator.servers.probation import ProbationApi
from simulator.servers.school import SchoolApi
from simulator.servers.sftp_troubles import (
    TroubledLogin,
    TroubledSftp,
    change_host_key,
)
from simulator.servers.state import Endpoint, ServersState
from simulator.servers.tonight import Tonight

HOST = "127.0.0.1"
REST_FEEDS = tuple(f for f, agency in AGENCIES.items() if agency.kind == "rest")
HTTP_FEEDS = ("probation", "school", "hospital", *REST_FEEDS)
LIFETIME_SECONDS = 8 * 3600


class AgencyServers:
    """All servers while the ``with`` block lasts, in a thread of their own.

    They serve ``<root>/served`` up to the night written in ``<root>/night.txt``.
    """

    def __init__(
        self, root: Path, secrets_dir: Path, options: ServerOptions | None = None
    ) -> None:
        self._root = root
        self._options = options or ServerOptions()
        self._credentials = Credentials.make(secrets_dir, self._options.algorithm)
        self._thread = threading.Thread(target=self._run, name="agencies", daemon=True)
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._ports: dict[str, int] = {}
        self._tonight = {feed: Tonight(root, feed) for feed in KINDS}
        self.police_logins: list[PoliceLogin] = []
        self.tokens = {feed: Tokens(self._options.token_seconds) for feed in HTTP_FEEDS}
        self.logins = self._logins()
        self.hospital = HospitalApi(
            ServedFeed(root, "hospital"),
            self._assertion_login(),
            self.tokens["hospital"],
            self._options,
        )

    def __enter__(self) -> Self:
        """Start; returns once all accept connections."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all and wait until their ports are free."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def state(self) -> ServersState:
        """Return where the servers are and where secrets for them lie."""
        made = self._credentials
        return ServersState(
            pid=os.getpid(),
            root=self._root.resolve(),
            police_rms=self._endpoint(
                "police_rms",
                password_file=made.file("police_rms.password"),
                key_file=made.file("police_rms.key"),
                host_key=made.host_key_line,
            ),
            probation=self._endpoint(
                "probation", password_file=made.file("probation.password")
            ),
            school=self._endpoint("school", password_file=made.file("school.password")),
            hospital=self._endpoint(
                "hospital",
                key_file=made.file("hospital.pem"),
                kid=KID,
                algorithm=self._options.algorithm,
            ),
            added={feed: self._added(feed) for feed in AGENCIES},
        )

    def _added(self, feed: str) -> Endpoint:
        """Describe an added agency's server, or its account on the file server."""
        secret = self._credentials.file(f"{feed}.password")
        if feed in REST_FEEDS:
            return self._endpoint(feed, password_file=secret)
        return Endpoint(
            host=HOST,
            port=self._ports["police_rms"],
            login=feed,
            password_file=secret,
            host_key=self._credentials.host_key_line,
        )

    def _endpoint(self, feed: str, **known: Any) -> Endpoint:
        """Describe one server."""
        return Endpoint(host=HOST, port=self._ports[feed], login=LOGIN, **known)

    def _logins(self) -> dict[str, ClientSecretLogin]:
        """Return the token endpoints that take a shared secret."""
        made = self._credentials
        found = {"probation": made.probation_secret, "school": made.school_secret}
        found |= {feed: made.added[feed] for feed in REST_FEEDS}
        return {
            feed: ClientSecretLogin(LOGIN, secret, self.tokens[feed])
            for feed, secret in found.items()
        }

    def _assertion_login(self) -> AssertionLogin:
        """Return the token endpoint that takes a signed assertion."""
        key, algorithm = self._credentials.hospital_key, self._options.algorithm
        return AssertionLogin(LOGIN, key, KID, algorithm, self.tokens["hospital"])

    def _run(self) -> None:
        """Run the event loop; a failure to start is raised where it was asked for."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        """Open all ports, serve until told to stop, close all ports."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ssh = await self._police()
        usual = self._credentials.host_key
        changing = change_host_key(ssh, self._tonight, usual, self._stop)
        keys = asyncio.create_task(changing)
        servers = [self._http(feed, routes) for feed, routes in self._routes().items()]
        tasks = [asyncio.create_task(s.serve(sockets=[p])) for s, p in servers]
        while not all(server.started for server, _ in servers):
            await asyncio.sleep(0.01)
        self._started.set()
        await self._stop.wait()
        ssh.close()
        for task, (server, _) in zip(tasks, servers, strict=True):
            # Cancelled rather than asked: uvicorn lets a stop take a fifth of a second.
            task.cancel()
            for listener in server.servers:
                listener.close()
            for connection in list(server.server_state.connections):
                connection.transport.abort()
        calls = [login.hang_up() for login in self.police_logins]
        await asyncio.gather(*tasks, *calls, keys, return_exceptions=True)
        await ssh.wait_closed()

    async def _police(self) -> asyncssh.SSHAcceptor:
        """Open the file server of the police and of every agency that drops files."""
        made = self._credentials
        own, tonight = self._options.sftp_server, self._tonight

        def login() -> PoliceLogin:
            passwords = {LOGIN: made.police_password, **made.added}
            server = TroubledLogin(passwords, tonight)
            self.police_logins.append(server)
            return server

        def session(channel: Any) -> asyncssh.SFTPServer:
            account = channel.get_extra_info("username")
            feed = account if account in AGENCIES else "police_rms"
            if own is not None:
                made_by_test: asyncssh.SFTPServer = own(channel, self._root)
                return made_by_test
            return TroubledSftp(channel, self._root, tonight[feed])

        asyncssh.set_log_level("WARNING")
        public = made.police_key.export_public_key("openssh").decode()
        acceptor = await asyncssh.listen(
            HOST,
            0,
            server_factory=login,
            server_host_keys=[made.host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(public),
            sftp_factory=session,
            allow_scp=False,
        )
        self._ports["police_rms"] = acceptor.get_port()
        return acceptor

    def _routes(self) -> dict[str, list[Route]]:
        """Return what each HTTP server answers."""
        probation, school = (
            api(
                ServedFeed(self._root, feed),
                self.logins[feed],
                self.tokens[feed],
                self._options,
            )
            for feed, api in (("probation", ProbationApi), ("school", SchoolApi))
        )
        added = {
            feed: ProbationApi(
                ServedFeed(self._root, feed),
                self.logins[feed],
                self.tokens[feed],
                self._options,
                resources=None,
            )
            for feed in REST_FEEDS
        }
        return {
            **{feed: api.routes() for feed, api in added.items()},
            "probation": probation.routes(),
            "school": school.routes(),
            "hospital": self.hospital.routes(),
        }

    def _http(
        self, feed: str, routes: list[Route]
    ) -> tuple[uvicorn.Server, socket.socket]:
        """Prepare one HTTP server on a free port."""
        intercept = self._options.intercept
        middleware = [_intercepting(feed, intercept)] if intercept else []
        app = Starlette(routes=routes, middleware=middleware)
        config = uvicorn.Config(
            Troubled(app, KINDS[feed], self._tonight[feed]),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        # The protocol is named so that asyncio sends answers without delay.
        port = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        port.bind((HOST, 0))
        self._ports[feed] = port.getsockname()[1]
        return uvicorn.Server(config), port


def _intercepting(feed: str, intercept: Intercept) -> Middleware:
    """Let a test answer requests in place of the server."""

    async def dispatch(request: Request, call: RequestResponseEndpoint) -> Response:
        return intercept(feed, request) or await call(request)

    return Middleware(BaseHTTPMiddleware, dispatch=dispatch)


def serve(
    root: Path,
    state: Path,
    secrets_dir: Path | None = None,
    *,
    lifetime_seconds: float = LIFETIME_SECONDS,
) -> None:
    """Serve until SIGTERM, SIGINT or the end of a lifetime, so that none is left over.

    Secrets go to ``secrets_dir``, or to ``secrets`` beside the state file.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with AgencyServers(root, secrets_dir or state.parent / "secrets") as servers:
        servers.state.write(state)
        ended.wait(lifetime_seconds)
    state.unlink(missing_ok=True)
