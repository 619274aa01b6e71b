"""Changes since the last night from a FHIR R4 bulk data export."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO

from concord.exceptions import DataError
from concord.transport.base import (
    Connection,
    Drop,
    Fetched,
    Part,
    Role,
    Sink,
    StoredPart,
)
from concord.transport.fhir_export import GONE, Export, Exports, Memory, expiring
from concord.transport.fhir_lines import ResourceLines
from concord.transport.fhir_login import log_in
from concord.transport.fhir_manifest import (
    ExportManifest,
    ListedFile,
    check_outcomes,
    is_before,
)
from concord.transport.fhir_request import NDJSON, ExportRequest
from concord.transport.http import HttpVisit
from concord.transport.problems import failed, held
from concord.transport.specs import FhirBulkSpec

# A file's address may be a capability that lapses: then its server says forbidden.
FILE_GONE = GONE | {"FORBIDDEN"}
# What servers and the object stores behind them call NDJSON. Its lines are looked at;
# a page for people is HTML.
NDJSON_TYPES = frozenset(
    {
        "",
        NDJSON,
        "application/fhir+json",
        "application/json",
        "application/jsonl",
        "application/ndjson",
        "application/octet-stream",
        "application/x-ndjson",
        "binary/octet-stream",
        "text/plain",
    }
)
FILE_HEADERS = {"Accept": NDJSON, "Accept-Encoding": "gzip"}


def _now() -> datetime:
    return datetime.now(UTC)


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
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._feed = feed
        self._spec = spec
        self._connection = connection
        self._memory = memory or Memory()
        self._sleep = sleep
        self._now = now

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer what has changed; that nothing has is a delivery of no rows."""
        source = f"{self._connection.origin}{self._spec.export_path}"
        return (Drop(night, source, cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring one export into the sink; one that expires is asked for once more."""
        request = ExportRequest(self._spec, drop.cursor)
        with HttpVisit(self._feed, self._connection, self._spec) as visit:
            log_in(visit, self._spec)
            exports = Exports(
                visit, self._spec, self._memory, sleep=self._sleep, now=self._now
            )
            export = exports.resume_or_start(request)
            try:
                return self._take(visit, exports, export, drop, sink)
            except DataError as error:
                if error.code != "EXPORT_EXPIRED":
                    raise
            sink.discard()
            return self._take(visit, exports, exports.start(request), drop, sink)

    def _take(
        self,
        visit: HttpVisit,
        exports: Exports,
        export: Export,
        drop: Drop,
        sink: Sink,
    ) -> Fetched:
        """Wait for one export, take all of it and delete it."""
        taking = _Taking(self._feed, self._spec, visit, sink)
        with exports.taking(export):
            for url, reply, manifest in exports.manifests(export):
                self._check(manifest, drop.cursor)
                taking.keep("manifest", "json", "manifest", reply.body)
                taking.take(manifest, url)
        return Fetched(
            parts=tuple(taking.parts),
            rows_expected=taking.rows,
            cursor=taking.cursor,
            source=drop.source,
            whole=not drop.cursor,
        )

    def _check(self, manifest: ExportManifest, since: str) -> None:
        """Hold an export that is not what was asked for."""
        if strange := {f.type for f in manifest.output} - set(self._spec.types):
            detail = "the export holds resource types that were not asked for"
            raise held("UNEXPECTED_TABLE", self._feed, detail, types=len(strange))
        if since and is_before(manifest.transaction_time, since):
            detail = "the export's time lies before the last one taken"
            raise held("TRACKING_RESET", self._feed, detail)


class _Taking:
    """The files of one export on their way into the sink."""

    def __init__(
        self, feed: str, spec: FhirBulkSpec, visit: HttpVisit, sink: Sink
    ) -> None:
        self.parts: list[StoredPart] = []
        self.rows = dict.fromkeys(spec.types, 0)
        self.cursor = ""
        self._feed = feed
        self._spec = spec
        self._visit = visit
        self._sink = sink
        self._numbers: Counter[str] = Counter()
        self._seen: set[str] = set()

    def take(self, manifest: ExportManifest, url: str) -> None:
        """Take every file that a manifest, or a part of one, lists."""
        self.cursor = manifest.transaction_time
        token = manifest.needs_token and self._spec.auth != "none"
        for output in manifest.output:
            name = self._name(output.type, "ndjson")
            part = Part(name, output.type, "rows", output.count)
            lines = self._stream(output, part, url, token)
            self._reconcile(output, lines, f"a file of {output.type}")
            self.rows[output.type] += lines.records
        for deleted in manifest.deleted:
            part = Part(self._name("deleted", "ndjson"), "deleted", "deletes")
            lines = self._stream(deleted, part, url, token)
            if self._spec.deleted_counts == "held_to":
                self._reconcile(deleted, lines, "a file of deleted resources")
        for outcome in manifest.outcomes:
            what = "the export's outcomes"
            place = self._address(outcome, url)
            with expiring(self._feed, FILE_GONE):
                body = self._visit.get(
                    place,
                    what,
                    types=NDJSON_TYPES,
                    headers=FILE_HEADERS,
                    token=token and self._visit.is_home(place),
                ).body
            self.keep("outcomes", "ndjson", "manifest", body)
            check_outcomes(self._feed, body, outcome)

    def keep(self, stem: str, suffix: str, role: Role, body: bytes) -> None:
        """Store a small document that belongs to the export as a whole."""
        part = Part(self._name(stem, suffix), "manifest", role)
        self.parts.append(self._sink.store(part, BytesIO(body)))

    def _name(self, stem: str, suffix: str) -> str:
        """Name a part: by what it holds, and numbered."""
        self._numbers[stem] += 1
        return f"{stem}/{self._numbers[stem]:05d}.{suffix}"

    def _address(self, file: ListedFile, base: str) -> str:
        """Return where a file lies; no file is taken twice."""
        url = self._visit.address(file.url, base=base)
        if url in self._seen:
            detail = "the manifest lists a file twice"
            raise failed("PROTOCOL", self._feed, detail)
        self._seen.add(url)
        return url

    def _stream(
        self, file: ListedFile, part: Part, base: str, token: bool
    ) -> ResourceLines:
        """Stream one file to the sink, and return what was seen of its lines."""
        type_ = "Bundle" if part.role == "deletes" else part.table
        lines, place = ResourceLines(type_), self._address(file, base)
        with (
            expiring(self._feed, FILE_GONE),
            self._visit.stream(
                place,
                f"a file of {part.table}",
                types=NDJSON_TYPES,
                counter=lines,
                headers=FILE_HEADERS,
                token=token and self._visit.is_home(place),
            ) as stream,
        ):
            self.parts.append(stream.into(self._sink, part))
        if lines.strays:
            detail = f"a file of {part.table} holds other resources than it should"
            raise held("WRONG_RESOURCE", self._feed, detail, lines=lines.strays)
        return lines

    def _reconcile(self, file: ListedFile, lines: ResourceLines, what: str) -> None:
        """Hold the delivery if a file has more or fewer lines than was said."""
        if file.count not in (None, lines.records):
            detail = f"{what}: the number of lines differs from the manifest"
            told, found = file.count or 0, lines.records
            raise held("COUNT_MISMATCH", self._feed, detail, expected=told, found=found)
