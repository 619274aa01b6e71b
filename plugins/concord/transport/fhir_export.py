"""A bulk data export on the server: asked for, waited for, resumed and deleted."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

from concord.exceptions import DataError
from concord.transport.documents import Document
from concord.transport.fhir_manifest import ExportManifest
from concord.transport.fhir_request import ExportRequest
from concord.transport.http import HttpVisit, Reply
from concord.transport.problems import failed
from concord.transport.specs import FhirBulkSpec

STATUS_KEY = "fhir_status_url"
# The fetching broke off, but the export may well go on: it is resumed.
BROKE_OFF = frozenset({"DEADLINE", "SHORT_BODY", "THROTTLED", "TIMEOUT", "UNREACHABLE"})
GONE = frozenset({"GONE", "NOT_FOUND"})
GATEWAY = frozenset({502, 503, 504})
POLLED = frozenset({200, 202, 429, 500}) | GATEWAY
TRANSIENT = frozenset({"lock-error", "no-store", "throttled", "timeout", "transient"})
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Memory:
    """Where the address of a running export survives a crash."""

    remember: Callable[[str, str], None] = lambda _key, _value: None
    recall: Callable[[str], str | None] = lambda _key: None


class Export(BaseModel):
    """An export on the server; of whose request and since when, for resuming it."""

    model_config = ConfigDict(frozen=True)

    url: str
    request: str = ""
    begun: AwareDatetime = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def recalled(cls, text: str) -> "Export":
        """Read a remembered export; of an address alone nothing more is known."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return cls(url=text)


class Exports:
    """The exports of one feed during one visit."""

    def __init__(
        self,
        visit: HttpVisit,
        spec: FhirBulkSpec,
        memory: Memory,
        *,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._visit = visit
        self._spec = spec
        self._memory = memory
        self._sleep = sleep
        self._now = now

    def resume_or_start(self, request: ExportRequest) -> Export:
        """Go on with an export of the same request, or ask for a new one.

        A server may refuse a new export while another is running, so that one which
        is of no use any more is deleted first.
        """
        if text := self._memory.recall(STATUS_KEY):
            left = Export.recalled(text)
            youth = timedelta(hours=self._spec.resume_hours)
            fresh = self._now() - left.begun <= youth
            if left.request == request.fingerprint and fresh and self._answers(left):
                log.info("%s: an export that was left is resumed", self._visit.feed)
                return left
            self.delete(left)
        return self.start(request)

    def start(self, request: ExportRequest) -> Export:
        """Ask for an export, and remember where it is before anything else."""
        reply = self._kick_off(request)
        named = reply.headers.get("Content-Location", "")
        if not named:
            detail = "the export request: the answer names no Content-Location"
            raise failed("PROTOCOL", self._visit.feed, detail)
        base = self._visit.address(request.spec.export_path)
        url = self._visit.address(named, base=base)
        export = Export(url=url, request=request.fingerprint, begun=self._now())
        self._memory.remember(STATUS_KEY, export.model_dump_json())
        return export

    def _kick_off(self, request: ExportRequest) -> Reply:
        """Send the request; a server that is busy is asked again, politely."""
        what, token = "the export request", self._spec.auth != "none"
        if self._spec.kickoff == "get":
            return self._visit.get(
                request.url,
                what,
                ok=frozenset({202}),
                headers=request.headers,
                token=token,
            )
        for attempt in range(self._spec.retries + 1):
            reply = self._visit.post(
                request.spec.export_path,
                what,
                document=request.document,
                ok=frozenset({202, 429, 503}),
                headers=request.headers,
                token=token,
            )
            if reply.status == 202:
                return reply
            self._pause(reply, attempt)
        raise failed("THROTTLED", self._visit.feed, f"{what}: the server stays busy")

    @contextmanager
    def taking(self, export: Export) -> Iterator[None]:
        """Delete an export once it was taken or proved useless.

        One whose fetching only broke off, or was killed, stays remembered.
        """
        try:
            yield
        except DataError as error:
            if error.code not in BROKE_OFF:
                self.delete(export)
            raise
        self.delete(export)

    def delete(self, export: Export) -> None:
        """Delete an export; of one that can't be deleted now the address is kept."""
        try:
            token = self._token_for(export.url)
            self._visit.delete(export.url, "deleting the export", token=token)
        except DataError as error:
            log.warning("%s · %s: an export was not deleted", error.code, error.feed)
            self._memory.remember(STATUS_KEY, export.url)
        else:
            self._memory.remember(STATUS_KEY, "")

    def manifests(self, export: Export) -> Iterator[tuple[str, Reply, ExportManifest]]:
        """Wait for every part of the manifest, and return each with its address."""
        url, seen = export.url, set[str]()
        told: ExportManifest | None = None
        while url:
            if url in seen:
                detail = "a part of the manifest names itself or an earlier one"
                raise failed("PAGING_LOOP", self._visit.feed, detail)
            seen.add(url)
            reply = self._wait(url)
            part = ExportManifest.read(self._visit.feed, reply.body)
            if told and told.transaction_time != part.transaction_time:
                detail = "parts of the manifest are of different exports"
                raise failed("PROTOCOL", self._visit.feed, detail)
            told = part
            yield url, reply, part
            following = part.next_url
            url = self._visit.address(following, base=url) if following else ""

    def _wait(self, url: str) -> Reply:
        """Poll until a manifest is ready, as often as the server wishes."""
        for attempt in count():
            reply = self._poll(url)
            if reply.status == 200:
                return reply
            self._pause(reply, attempt)
        raise AssertionError

    def _poll(self, url: str) -> Reply:
        """Ask once; an answer that does not speak of the export itself may pass."""
        with expiring(self._visit.feed, GONE):
            reply = self._visit.get(
                url,
                "the export",
                ok=POLLED,
                headers={"Accept": "application/json"},
                token=self._token_for(url),
            )
        if reply.status == 500 and not _is_transient(self._visit.feed, reply):
            detail = "the export: answered with HTTP 500"
            raise failed("HTTP_STATUS", self._visit.feed, detail)
        return reply

    def _answers(self, export: Export) -> bool:
        """Say whether a left export still is on the server, with its files."""
        try:
            reply = self._poll(self._visit.address(export.url))
        except DataError as error:
            if error.code in BROKE_OFF:
                raise
            return False
        expires = reply.headers.get("Expires", "")
        try:
            return reply.status != 200 or parsedate_to_datetime(expires) > self._now()
        except (TypeError, ValueError):
            return True  # it doesn't say, or says it badly

    def _pause(self, reply: Reply, attempt: int) -> None:
        """Wait as long as the server wishes, else ever longer; both up to the cap."""
        cap = self._spec.poll_max_seconds
        told = reply.headers.get("Retry-After", "")
        try:
            pause = float(Retry(retry_after_max=cap).parse_retry_after(told))
        except InvalidHeader:
            pause = min(self._spec.poll_seconds * 2 ** min(attempt, 16), cap)
        self._sleep(min(pause, self._visit.remaining()))

    def _token_for(self, url: str) -> bool:
        """Say whether a request takes the token, which never leaves home."""
        return self._spec.auth != "none" and self._visit.is_home(url)


@contextmanager
def expiring(feed: str, codes: frozenset[str]) -> Iterator[None]:
    """Say of what is no longer there that the export has expired."""
    try:
        yield
    except DataError as error:
        if error.code not in codes:
            raise
    else:
        return
    raise failed("EXPORT_EXPIRED", feed, "the export or a file of it is gone")


def _is_transient(feed: str, reply: Reply) -> bool:
    """Say whether a server reports that it only failed to say how things stand."""
    try:
        issues = Document(feed, "the export", reply.body).items("issue")
    except DataError:
        return False
    return any(isinstance(i, dict) and i.get("code") in TRANSIENT for i in issues)
