"""Full snapshots from paged JSON resources behind OAuth2 or an API key."""

import hashlib
import json
from datetime import date
from io import BytesIO

from concord.exceptions import DeliveryHeld, DeliveryNotReady
from concord.transport.base import Connection, Drop, Fetched, Part, Sink, StoredPart
from concord.transport.documents import Document
from concord.transport.http import HttpVisit, Login, Reply
from concord.transport.oauth import api_key, client_secret
from concord.transport.paging import first_page, next_page
from concord.transport.problems import failed, held
from concord.transport.specs import RestSpec


class RestTransport:
    """Reads every resource page by page and holds the pages to the stated total."""

    def __init__(self, feed: str, spec: RestSpec, connection: Connection) -> None:
        self._feed = feed
        self._spec = spec
        self._connection = connection

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer the night's snapshot; whether it is tonight's shows on reading it."""
        source = self._connection.origin + self._spec.base_path
        return (Drop(night=night, source=source, cursor=cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring the snapshot into the sink."""
        parts: list[StoredPart] = []
        rows: dict[str, int] = {}
        with HttpVisit(self._feed, self._connection, self._spec) as visit:
            visit.log_in_with(self._login())
            for resource in self._spec.resources:
                reading = _Reading(self._feed, self._spec, resource, drop.night)
                parts.extend(reading.pages(visit, sink))
                rows[resource] = reading.rows
        return Fetched(
            parts=tuple(parts),
            rows_expected=rows,
            cursor=drop.night.isoformat(),
            source=drop.source,
        )

    def _login(self) -> Login:
        """Return the login that the contract names; it names exactly one."""
        if self._spec.api_key_header:
            return api_key(self._spec.api_key_header)
        return client_secret(self._spec.token_path or "", self._spec.scope)


class _Reading:
    """The reading of one resource from its first page to its last."""

    def __init__(self, feed: str, spec: RestSpec, resource: str, night: date) -> None:
        self.rows = 0
        self._feed = feed
        self._spec = spec
        self._resource = resource
        self._what = f"resource {resource}"
        self._night = night
        self._total: int | None = None
        self._contents: set[str] = set()
        self._keys: set[str] = set()

    def pages(self, visit: HttpVisit, sink: Sink) -> list[StoredPart]:
        """Store every page from the first to the last, and reconcile the total."""
        path = f"{self._spec.base_path.rstrip('/')}/{self._resource}"
        following = next_page(self._spec, path)
        target: str | None = first_page(self._spec, path)
        seen: set[str] = set()
        parts: list[StoredPart] = []
        address: str | None = None
        while target:
            address = visit.address(target, base=address)
            if address in seen:
                raise failed("PAGING_LOOP", self._feed, self._what)
            seen.add(address)
            reply = visit.get(address, self._what)
            page = Document(self._feed, self._what, reply.body)
            count = self._reconcile(page, reply)
            name = f"{self._resource}/{len(seen):05d}.json"
            part = Part(name, self._resource, "rows", count)
            parts.append(sink.store(part, BytesIO(reply.body)))
            last = not count or self.rows == self._total
            target = following(page, reply, self.rows, last)
        self._reconcile_total()
        return parts

    def _reconcile(self, page: Document, reply: Reply) -> int:
        """Check night, total and rows of a page; return how many rows it has."""
        if self._spec.night_path:
            self._check_night(page, page.text(self._spec.night_path))
        total = self._stated_total(page, reply)
        if self._total is not None and total != self._total:
            detail = f"{self._what}: the total changed between pages"
            raise held("SNAPSHOT_MOVED", self._feed, detail)
        self._total = total
        items = page.items(self._spec.data_path)
        content = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
        if items and content in self._contents:
            detail = f"{self._what}: a page came twice with the same rows"
            raise held("DUPLICATE_PAGE", self._feed, detail)
        self._contents.add(content)
        if self._spec.key_path:
            self._keys.update(page.texts(items, self._spec.key_path))
        self.rows += len(items)
        return len(items)

    def _stated_total(self, page: Document, reply: Reply) -> int | None:
        """Return how many rows the system says there are, if the contract asks it."""
        if self._spec.total_header:
            return page.count(
                reply.headers.get(self._spec.total_header), self._spec.total_header
            )
        return page.number(self._spec.total_path) if self._spec.total_path else None

    def _reconcile_total(self) -> None:
        """Raise unless as many rows came as the system has, each of them once."""
        if self._total is not None and self.rows != self._total:
            raise self._mismatch("the pages do not add up to the stated total")
        if self._spec.key_path and len(self._keys) != self.rows:
            raise self._mismatch("rows came more than once, so others may be missing")

    def _mismatch(self, reason: str) -> DeliveryHeld:
        """Make the error for pages that are not the whole."""
        found = len(self._keys) if self._spec.key_path else self.rows
        expected = self.rows if self._total is None else self._total
        return held(
            "COUNT_MISMATCH",
            self._feed,
            f"{self._what}: {reason}",
            expected=expected,
            found=found,
        )

    def _check_night(self, page: Document, told: str) -> None:
        """Raise unless the snapshot was taken for the night."""
        try:
            snapshot = date.fromisoformat(told[:10])
        except ValueError:
            snapshot = None
        if snapshot is None:
            raise page.problem(f"{self._spec.night_path} is not a date")
        if snapshot < self._night:
            raise DeliveryNotReady(
                "NOT_READY",
                feed=self._feed,
                detail="the snapshot is still an earlier night's",
                remedy="It is asked for again until the delivery counts as late",
            )
        if snapshot > self._night:
            detail = "the snapshot is already a later night's"
            raise failed("NIGHT_PASSED", self._feed, detail)
