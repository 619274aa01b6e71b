"""Changes since the last night from a FHIR R4 bulk data export of one group."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

from concord.exceptions import DataError
from concord.transport.base import Connection, Drop, Fetched, Part, Sink, StoredPart
from concord.transport.documents import Document
from concord.transport.fhir_manifest import ExportFile, ExportManifest, check_outcomes
from concord.transport.http import HttpVisit, Reply
from concord.transport.oauth import signed_assertion
from concord.transport.problems import held
from concord.transport.specs import FhirBulkSpec
from concord.transport.streams import RecordCounter

NDJSON = frozenset(
    {
        "application/fhir+ndjson",
        "application/ndjson",
        "application/x-ndjson",
        "application/octet-stream",
    }
)
STATUS_KEY = "fhir_status_url"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Memory:
    """Where the address of a running export survives a crash.

    A server may refuse a new export while an old one is running, so an export that was
    left behind is cancelled before the next one is asked for.
    """

    remember: Callable[[str, str], None] = lambda _key, _value: None
    recall: Callable[[str], str | None] = lambda _key: None


class FhirBulkTransport:
    """Asks for an export, waits for it, stores every file of it and deletes it."""

    def __init__(
        self,
        feed: str,
        spec: FhirBulkSpec,
        connection: Connection,
        *,
        memory: Memory | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._feed = feed
        self._spec = spec
        self._connection = connection
        self._memory = memory or Memory()
        self._sleep = sleep

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer what has changed; that nothing has is a delivery of no rows."""
        source = f"{self._connection.origin}{self._spec.base_path}/Group/"
        return (Drop(night, source + self._spec.group, cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring one export into the sink."""
        with HttpVisit(self._feed, self._connection, self._spec) as visit:
            self._log_in(visit)
            with self._export(visit, drop.cursor) as status_url:
                reply = self._wait(visit, status_url)
                manifest = self._manifest(reply, drop.cursor)
                part = Part("manifest/00001.json", "manifest", "manifest")
                parts = [sink.store(part, BytesIO(reply.body))]
                rows = dict.fromkeys(self._spec.types, 0)
                for number, file in enumerate(manifest.output, start=1):
                    name = f"{file.type}/{number:05d}.ndjson"
                    part = Part(name, file.type, "rows", file.count)
                    stored, count = self._store(visit, manifest, file, part, sink)
                    parts.append(stored)
                    rows[file.type] += count
                for number, file in enumerate(manifest.deleted, start=1):
                    name = f"deleted/{number:05d}.ndjson"
                    part = Part(name, "deleted", "deletes", file.count)
                    parts.append(self._store(visit, manifest, file, part, sink)[0])
                parts.extend(self._outcomes(visit, manifest, sink))
        return Fetched(
            parts=tuple(parts),
            rows_expected=rows,
            cursor=manifest.transaction_time,
            source=drop.source,
        )

    def _base(self, path: str) -> str:
        """Return the path of something below the FHIR base."""
        return f"{self._spec.base_path.rstrip('/')}/{path}"

    def _log_in(self, visit: HttpVisit) -> None:
        """Find the token endpoint and ask for read access to our types only."""
        what = "the SMART configuration"
        path = self._base(".well-known/smart-configuration")
        found = Document(self._feed, what, visit.get(path, what, token=False).body)
        scope = " ".join(f"system/{type_}.rs" for type_ in self._spec.types)
        token_url = visit.address(found.text("token_endpoint"))
        visit.log_in_with(signed_assertion(token_url, scope))

    @contextmanager
    def _export(self, visit: HttpVisit, since: str) -> Iterator[str]:
        """Start an export, and delete it whatever happens."""
        if left_behind := self._memory.recall(STATUS_KEY):
            self._delete(visit, left_behind)
        params = {"_type": ",".join(self._spec.types)}
        params["_outputFormat"] = "application/fhir+ndjson"
        if since:
            params["_since"] = since
        reply = visit.get(
            self._base(f"Group/{self._spec.group}/$export"),
            "the export request",
            ok=frozenset({202}),
            params=params,
            headers={"Accept": "application/fhir+json", "Prefer": "respond-async"},
        )
        status_url = visit.address(reply.headers.get("Content-Location", ""))
        self._memory.remember(STATUS_KEY, status_url)
        try:
            yield status_url
        finally:
            self._delete(visit, status_url)

    def _delete(self, visit: HttpVisit, status_url: str) -> None:
        """Delete an export; one that can't be deleted now stays remembered."""
        try:
            visit.delete(status_url, "deleting the export")
        except DataError as error:
            log.warning("%s · %s: an export was not deleted", error.code, self._feed)
        else:
            self._memory.remember(STATUS_KEY, "")

    def _wait(self, visit: HttpVisit, status_url: str) -> Reply:
        """Poll until the export is ready, as often as the server wishes."""
        while True:
            reply = visit.get(status_url, "the export", ok=frozenset({200, 202}))
            if reply.status == 200:
                return reply
            pause = self._pause(reply.headers.get("Retry-After", ""))
            self._sleep(min(pause, visit.remaining()))

    def _pause(self, retry_after: str) -> float:
        """Read Retry-After, in seconds or as a date; never longer than the cap."""
        cap = self._spec.poll_max_seconds
        try:
            return Retry(retry_after_max=cap).parse_retry_after(retry_after)
        except InvalidHeader:
            return min(self._spec.poll_seconds, cap)

    def _manifest(self, reply: Reply, since: str) -> ExportManifest:
        """Read the manifest and hold an export that is not what was asked for."""
        manifest = ExportManifest.read(self._feed, reply.body)
        if strange := {f.type for f in manifest.output} - set(self._spec.types):
            detail = "the export holds resource types that were not asked for"
            raise held("UNEXPECTED_TABLE", self._feed, detail, types=len(strange))
        if since and _instant(manifest.transaction_time) < _instant(since):
            detail = "the export's time lies before the last one taken"
            raise held("TRACKING_RESET", self._feed, detail)
        return manifest

    def _store(
        self,
        visit: HttpVisit,
        manifest: ExportManifest,
        file: ExportFile,
        part: Part,
        sink: Sink,
    ) -> tuple[StoredPart, int]:
        """Stream one file to the sink; return it and how many lines it had."""
        what = f"a file of {part.table}"
        counter = RecordCounter("lines")
        with visit.stream(
            file.url, what, types=NDJSON, counter=counter, token=manifest.needs_token
        ) as stream:
            stored = stream.into(sink, part)
        if file.count is not None and file.count != counter.records:
            detail = f"{what}: the number of lines differs from the manifest"
            found = counter.records
            raise held(
                "COUNT_MISMATCH", self._feed, detail, expected=file.count, found=found
            )
        return stored, counter.records

    def _outcomes(
        self, visit: HttpVisit, manifest: ExportManifest, sink: Sink
    ) -> list[StoredPart]:
        """Store what the server reports about the export; hold if it is an error."""
        parts = []
        for number, file in enumerate(manifest.error, start=1):
            what = "the export's outcomes"
            token = manifest.needs_token
            body = visit.get(file.url, what, types=NDJSON, token=token).body
            part = Part(f"outcomes/{number:05d}.ndjson", "manifest", "manifest")
            parts.append(sink.store(part, BytesIO(body)))
            check_outcomes(self._feed, body)
        return parts


def _instant(text: str) -> datetime:
    """Read an instant that was checked when the manifest was read."""
    return datetime.fromisoformat(text)
