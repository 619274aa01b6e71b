"""One visit to an agency's HTTP system: bounded, on known origins, polite."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from concord.exceptions import DataError
from concord.transport.base import Connection
from concord.transport.inflate import GzipReader
from concord.transport.origins import origin_of
from concord.transport.problems import failed
from concord.transport.retrying import RetryBudget
from concord.transport.specs import HttpSpec
from concord.transport.streams import CheckedStream, RecordCounter

JSON_TYPES = frozenset({"application/json", "text/json"})  # and all that end in +json
PAGE_LIMIT = 256 * 2**20
REDIRECTS = frozenset({301, 302, 303, 307, 308})
STATUS_CODES = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    410: "GONE",
    429: "THROTTLED",
    503: "THROTTLED",
}


Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Token:
    """What proves who we are, in which header, and until when; repr hides it."""

    value: str = field(repr=False)
    expires_at: float
    header: str = "Authorization"
    prefix: str = "Bearer "

    @property
    def is_key(self) -> bool:
        """Say whether this is a key that never expires: there is no other to get."""
        return self.expires_at == math.inf


@dataclass(frozen=True)
class Reply:
    """A small answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


Login = Callable[["HttpVisit"], Token]


class HttpVisit:
    """Sends requests to the connection's origins only, and only they see the token.

    A token is fetched when the first request needs one, when it is about to expire, and
    once more when a request is answered with 401. It does not follow a redirect to
    another origin, and a key goes nowhere but to the connection's own.
    """

    def __init__(
        self,
        feed: str,
        connection: Connection,
        spec: HttpSpec,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.feed = feed
        self.connection = connection
        self.clock = clock
        self._spec = spec
        self._login: Login | None = None
        self._token: Token | None = None
        allowed = connection.extra.get("allowed_origins") or ()
        self._home = origin_of(connection.origin)
        self._origins = {self._home, *map(origin_of, allowed)}
        self._ends_at = clock() + spec.deadline_seconds
        self._received = 0
        self._budget = RetryBudget(spec, self.remaining)
        self._adapter = HTTPAdapter()
        self._session = requests.Session()
        self.configure(self._session)

    def __enter__(self) -> Self:
        """Start the visit."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        self._session.close()

    def log_in_with(self, login: Login) -> None:
        """Say how to fetch a token."""
        self._login = login

    def configure(self, session: requests.Session) -> None:
        """Give a session this visit's certificates, proxy and retry rules."""
        extra = self.connection.extra
        session.trust_env = False
        session.verify = extra.get("ca_file") or True
        if proxy := extra.get("proxy"):
            session.proxies = {"http": proxy, "https": proxy}
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)

    def address(self, target: str, *, base: str | None = None) -> str:
        """Make an address absolute, and refuse one that leaves the known origins."""
        url = urljoin(base or self.connection.origin + "/", target)
        origin = origin_of(url)
        if origin is None or origin not in self._origins:
            detail = "the system named an address on another origin"
            raise failed("OTHER_ORIGIN", self.feed, detail)
        return url

    def is_home(self, url: str) -> bool:
        """Say whether an address lies on the connection's own origin."""
        return origin_of(url) == self._home

    def remaining(self) -> float:
        """Return the seconds until the deadline; raises after it."""
        seconds = self._ends_at - self.clock()
        if seconds <= 0:
            raise failed("DEADLINE", self.feed, "the total deadline passed")
        return seconds

    def timeout(self) -> float:
        """Return how long to wait for the next bytes."""
        return min(self._spec.timeout_seconds, self.remaining())

    def get(
        self,
        target: str,
        what: str,
        *,
        ok: frozenset[int] = frozenset({200}),
        types: frozenset[str] = JSON_TYPES,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> Reply:
        """Get a page whole; a body that breaks off is asked for again."""
        attempts_left = self._spec.retries
        while True:
            try:
                with self._send(
                    "GET", target, what, params=params, headers=headers, token=token
                ) as response:
                    return self._reply(response, what, ok, types)
            except DataError as error:
                again = error.code == "SHORT_BODY" and attempts_left
                if not again or not self._budget.take():
                    raise
                attempts_left -= 1

    def post(
        self,
        target: str,
        what: str,
        *,
        document: Mapping[str, Any],
        ok: frozenset[int],
        headers: Mapping[str, str],
        token: bool = True,
    ) -> Reply:
        """Post a document once, as asking again might do it twice."""
        with self._send(
            "POST", target, what, document=document, headers=headers, token=token
        ) as response:
            return self._reply(response, what, ok, JSON_TYPES)

    def _reply(
        self,
        response: requests.Response,
        what: str,
        ok: frozenset[int],
        types: frozenset[str],
    ) -> Reply:
        """Check an answer and read it whole."""
        self._check(response, what, ok, types)
        body = self._body(response, what, PAGE_LIMIT, None)
        page = body.buffered().read()
        return Reply(response.status_code, response.headers, page)

    @contextmanager
    def stream(
        self,
        target: str,
        what: str,
        *,
        types: frozenset[str],
        counter: RecordCounter,
        headers: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> Iterator[CheckedStream]:
        """Open a long file as a checked stream."""
        headers = {"Accept": ", ".join(filter(None, sorted(types))), **(headers or {})}
        with self._send("GET", target, what, headers=headers, token=token) as response:
            self._check(response, what, frozenset({200}), types)
            yield self._body(response, what, self._spec.max_bytes, counter)

    def delete(self, target: str, what: str, *, token: bool = True) -> None:
        """Delete something on the server, also after the deadline; gone is fine."""
        ends_at = self._ends_at
        self._ends_at = max(ends_at, self.clock() + self._spec.timeout_seconds)
        try:
            with self._send("DELETE", target, what, token=token) as response:
                if response.status_code not in (200, 202, 204, 404, 410):
                    raise self._refusal(response.status_code, what)
        finally:
            self._ends_at = ends_at

    def call(self, request: Callable[[], Answer], what: str) -> Answer:
        """Make one request, naming a failure without the server's own words."""
        self._adapter.max_retries = self._budget.policy()
        try:
            return request()
        except requests.exceptions.RequestException as error:
            problem = self._problem(error, what)
        except OSError:
            detail = "the connection's ca_file cannot be read"
            problem = failed("TLS_REFUSED", self.feed, detail)
        # Raised out here, so that no traceback leads to headers or the server's words.
        raise problem

    def _problem(
        self, error: requests.exceptions.RequestException, what: str
    ) -> DataError:
        """Name what went wrong with a request."""
        known = requests.exceptions
        if isinstance(error, known.HTTPError):
            return self._refusal(
                0 if error.response is None else error.response.status_code, what
            )
        if isinstance(error, known.SSLError):
            detail = f"{what}: the server's certificate is not valid"
            return failed("TLS_REFUSED", self.feed, detail)
        if isinstance(error, known.Timeout):
            return failed("TIMEOUT", self.feed, f"{what}: no answer in time")
        if isinstance(error, known.ConnectionError):
            reason = getattr(next(iter(error.args), None), "reason", None)
            slow = isinstance(reason, ReadTimeoutError)
            code = "TIMEOUT" if slow else "UNREACHABLE"
            return failed(code, self.feed, f"{what}: no answer")
        return failed("PROTOCOL", self.feed, f"{what}: not proper HTTP")

    def _send(
        self,
        method: str,
        target: str,
        what: str,
        *,
        params: Mapping[str, str | int] | None = None,
        document: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> requests.Response:
        """Send a request; follow redirects on known origins, renew a token once."""
        url, query, renewals = self.address(target), params, 1
        for _ in range(5):
            sent = {"Accept": "application/json", "Accept-Encoding": "identity"}
            sent.update(headers or {})
            if token:
                sent.update(self._credentials(url))
            response = self.call(
                partial(
                    self._session.request,
                    method,
                    url,
                    params=query,
                    json=document,
                    headers=sent,
                    timeout=self.timeout(),
                    allow_redirects=False,
                    stream=True,
                ),
                what,
            )
            self._budget.spent(response)
            if response.status_code in REDIRECTS:
                response.close()
                location = response.headers.get("Location", "")
                left, (url, query) = url, (self.address(location, base=url), None)
                token = token and origin_of(url) == origin_of(left)
            elif response.status_code == 401 and token and renewals and self._renew():
                response.close()
                renewals -= 1
            else:
                return response
        raise failed("PROTOCOL", self.feed, f"{what}: redirected without end")

    def _credentials(self, url: str) -> dict[str, str]:
        """Return the headers that log a request in."""
        token = self._current_token()
        if token.is_key and not self.is_home(url):
            return {}
        return {token.header: token.prefix + token.value}

    def _renew(self) -> bool:
        """Drop a token that was refused; a key cannot be had anew."""
        if self._token is not None and self._token.is_key:
            return False
        self._token = None
        return True

    def _current_token(self) -> Token:
        """Return a token that is still good, logging in if need be."""
        if self._token is None or self._token.expires_at <= self.clock():
            if self._login is None:
                raise failed("LOGIN_REFUSED", self.feed, "no login is configured")
            self._token = self._login(self)
        return self._token

    def _check(
        self,
        response: requests.Response,
        what: str,
        ok: frozenset[int],
        types: frozenset[str],
    ) -> None:
        """Raise unless status and content type are what was asked for."""
        if response.status_code not in ok:
            raise self._refusal(response.status_code, what)
        sent = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        wanted = sent in types or (types is JSON_TYPES and sent.endswith("+json"))
        if response.status_code == 200 and not wanted:
            raise failed("NOT_DATA", self.feed, f"{what}: unexpected content type")

    def _refusal(self, status: int, what: str) -> DataError:
        """Name a status that is an error."""
        code = STATUS_CODES.get(status, "HTTP_STATUS")
        return failed(code, self.feed, f"{what}: answered with HTTP {status}")

    def _body(
        self,
        response: requests.Response,
        what: str,
        limit: int,
        counter: RecordCounter | None,
    ) -> CheckedStream:
        """Return a response's body as a checked stream; all bodies share one cap."""
        limit = min(limit, self._spec.max_bytes - self._received)
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        # urllib3 takes a gzip body that was cut for a whole one.
        gzipped = encoding in ("gzip", "x-gzip")
        broken = partial(failed, "SHORT_BODY", self.feed, f"{what}: broke off")

        def receive(wanted: int) -> bytes:
            self.remaining()  # raises once the deadline has passed
            try:
                data: bytes = response.raw.read1(wanted, decode_content=not gzipped)
            except ReadTimeoutError:
                code, reason = "TIMEOUT", "the server stopped sending"
            except (HTTPError, OSError):
                code, reason = "SHORT_BODY", "the connection broke"
            else:
                return data
            raise failed(code, self.feed, f"{what}: {reason}")

        take = GzipReader(receive, broken).read if gzipped else receive

        def read_some(wanted: int) -> bytes:
            data = take(wanted)
            self._received += len(data)
            return data

        detail = f"{what}: more bytes than the contract's maxBytes"
        return CheckedStream(
            read_some,
            limit=limit,
            too_large=partial(failed, "TOO_LARGE", self.feed, detail),
            counter=counter,
        )
