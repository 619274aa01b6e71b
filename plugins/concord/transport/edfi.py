"""Changes since the last night from an Ed-Fi ODS/API, by its change queries.

The newest change version is pinned first and everything is read up to it, so a row
that changes meanwhile is left for the next night. Such a row leaves the window while
its pages are being read; pages are therefore read from the last to the first, which
can repeat a row but never skip one.
"""

from dataclasses import dataclass
from datetime import date
from io import BytesIO

from concord.transport.base import (
    Connection,
    Drop,
    Fetched,
    Part,
    Role,
    Sink,
    StoredPart,
)
from concord.transport.documents import Document
from concord.transport.http import HttpVisit
from concord.transport.oauth import client_secret
from concord.transport.problems import failed, held
from concord.transport.specs import EdFiSpec

STEPS: tuple[tuple[str, Role], ...] = (
    ("keyChanges", "key_changes"),
    ("deletes", "deletes"),
    ("", "rows"),
)


@dataclass(frozen=True)
class _Window:
    """Change versions to read: all up to ``newest``, or those after ``last``."""

    last: int | None
    newest: int

    @property
    def steps(self) -> tuple[tuple[str, Role], ...]:
        """Return what to read: a first load has no deletions, a quiet night nothing."""
        if self.last == self.newest:
            return ()
        return STEPS if self.last is not None else STEPS[-1:]

    @property
    def params(self) -> dict[str, str | int]:
        """Return the window as query parameters."""
        least = {} if self.last is None else {"minChangeVersion": self.last + 1}
        return {**least, "maxChangeVersion": self.newest}


@dataclass(frozen=True)
class _Urls:
    """Addresses that the discovery document names."""

    login: str
    data: str
    changes: str


class EdFiTransport:
    """Reads key changes, deletions and rows of every resource, in that order."""

    def __init__(self, feed: str, spec: EdFiSpec, connection: Connection) -> None:
        self._feed = feed
        self._spec = spec
        self._connection = connection

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer what has changed; that nothing has is a delivery of no rows."""
        source = self._connection.origin
        return (Drop(night=night, source=source, cursor=cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring everything between two change versions into the sink."""
        with HttpVisit(self._feed, self._connection, self._spec) as visit:
            urls = self._urls(visit)
            visit.log_in_with(client_secret(urls.login))
            what = "available change versions"
            body = visit.get(f"{urls.changes}availableChangeVersions", what).body
            window = self._window(drop.cursor, body)
            part = Part("manifest/00001.json", "manifest", "manifest")
            parts = [sink.store(part, BytesIO(body))]
            rows = dict.fromkeys(self._spec.resources, 0)
            for step, role in window.steps:
                for resource in self._spec.resources:
                    reading = _Reading(visit, self._feed, self._spec, resource, step)
                    parts.extend(reading.pages(urls.data, window, role, sink))
                    if role == "rows":
                        rows[resource] = reading.rows
        return Fetched(
            parts=tuple(parts),
            rows_expected=rows,
            cursor=str(window.newest),
            source=drop.source,
        )

    def _urls(self, visit: HttpVisit) -> _Urls:
        """Read the discovery document; paths differ from host to host."""
        what = "the discovery document"
        found = Document(self._feed, what, visit.get("/", what, token=False).body)
        changes = found.at("urls.changeQueries") or "/changeQueries/v1/"
        return _Urls(
            login=visit.address(found.text("urls.oauth")),
            data=visit.address(found.text("urls.dataManagementApi")),
            changes=visit.address(str(changes)).rstrip("/") + "/",
        )

    def _window(self, cursor: str, body: bytes) -> _Window:
        """Pin the newest change version; hold if what changed can't be known."""
        versions = Document(self._feed, "available change versions", body)
        newest = versions.number("newestChangeVersion")
        oldest = versions.number("oldestChangeVersion")
        if not cursor:
            return _Window(last=None, newest=newest)
        last = int(cursor)
        if newest < last:
            detail = "change versions start again below the last one taken"
            raise held("TRACKING_RESET", self._feed, detail)
        if oldest > last + 1:
            detail = "change versions after the last one taken are gone"
            raise held("TRACKING_TRUNCATED", self._feed, detail)
        return _Window(last=last, newest=newest)


class _Reading:
    """The reading of one resource, or of its deletions or key changes."""

    def __init__(
        self, visit: HttpVisit, feed: str, spec: EdFiSpec, resource: str, step: str
    ) -> None:
        self.rows = 0
        self._visit = visit
        self._feed = feed
        self._spec = spec
        self._path = "/".join(filter(None, (resource, step)))
        self._resource = resource
        self._ids: set[str] = set()

    def pages(
        self, data_url: str, window: _Window, role: Role, sink: Sink
    ) -> list[StoredPart]:
        """Store every page from the last to the first and reconcile the total."""
        url = f"{data_url.rstrip('/')}/{self._spec.namespace}/{self._path}"
        before = self._total(url, window)
        size = self._spec.page_size
        parts: list[StoredPart] = []
        for offset in reversed(range(0, before, size)):
            params = {**window.params, "limit": size, "offset": offset}
            body = self._visit.get(url, f"resource {self._path}", params=params).body
            part = Part(
                f"{self._path}/{len(parts) + 1:05d}.json",
                self._resource,
                role,
                self._count(body),
            )
            parts.append(sink.store(part, BytesIO(body)))
        after = self._total(url, window) if before else 0
        if not min(before, after) <= len(self._ids) <= before:
            detail = f"resource {self._path}: the pages do not add up to Total-Count"
            raise held(
                "COUNT_MISMATCH",
                self._feed,
                detail,
                expected=before,
                found=len(self._ids),
            )
        return parts

    def _total(self, url: str, window: _Window) -> int:
        """Ask how many items the window holds just now."""
        what = f"Total-Count of {self._path}"
        params: dict[str, str | int] = {"limit": 0, "totalCount": "true"}
        reply = self._visit.get(url, what, params={**window.params, **params})
        told = reply.headers.get("Total-Count", "")
        if not (told.isascii() and told.isdigit()):
            raise failed("PROTOCOL", self._feed, f"{what} is not a count")
        return int(told)

    def _count(self, body: bytes) -> int:
        """Count a page's items and remember their ids, which Ed-Fi gives to all."""
        page = Document(self._feed, f"resource {self._path}", body)
        items = page.items()
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("id"), str):
                raise page.problem("an item has no id")
            version = f"@{item['changeVersion']}" if "changeVersion" in item else ""
            self._ids.add(item["id"] + version)
        self.rows += len(items)
        return len(items)
