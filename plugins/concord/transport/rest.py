"""Full snapshots from paged JSON resources behind OAuth2 client credentials."""

from datetime import date
from io import BytesIO

from concord.exceptions import DeliveryNotReady
from concord.transport.base import Connection, Drop, Fetched, Part, Sink, StoredPart
from concord.transport.documents import Document
from concord.transport.http import HttpVisit
from concord.transport.oauth import client_secret
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
            visit.log_in_with(client_secret(self._spec.token_path))
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


class _Reading:
    """The reading of one resource from its first page to its last."""

    def __init__(self, feed: str, spec: RestSpec, resource: str, night: date) -> None:
        self.rows = 0
        self._feed = feed
        self._spec = spec
        self._resource = resource
        self._night = night
        self._total: int | None = None

    def pages(self, visit: HttpVisit, sink: Sink) -> list[StoredPart]:
        """Store every page, following the links between them."""
        what = f"resource {self._resource}"
        start = f"{self._spec.base_path.rstrip('/')}/{self._resource}"
        following: str | None = f"{start}?limit={self._spec.page_size}&offset=0"
        seen: set[str] = set()
        parts: list[StoredPart] = []
        while following:
            address = visit.address(following)
            if address in seen:
                raise failed("PAGING_LOOP", self._feed, what)
            seen.add(address)
            body = visit.get(address, what).body
            page = Document(self._feed, what, body)
            count = self._reconcile(page)
            name = f"{self._resource}/{len(seen):05d}.json"
            part = Part(name, self._resource, "rows", count)
            parts.append(sink.store(part, BytesIO(body)))
            following = self._following(page)
        if self.rows != self._total:
            detail = f"{what}: the pages do not add up to the stated total"
            raise held("COUNT_MISMATCH", self._feed, detail, found=self.rows)
        return parts

    def _reconcile(self, page: Document) -> int:
        """Check night and total of a page; return how many rows it has."""
        if self._spec.night_path:
            self._check_night(page, page.text(self._spec.night_path))
        total = page.number(self._spec.total_path)
        if self._total is not None and total != self._total:
            detail = f"resource {self._resource}: the total changed between pages"
            raise held("SNAPSHOT_MOVED", self._feed, detail)
        self._total = total
        count = len(page.items(self._spec.data_path))
        self.rows += count
        return count

    def _following(self, page: Document) -> str | None:
        """Return the address of the next page, if there is one."""
        if page.at(self._spec.next_path) is None:
            return None
        return page.text(self._spec.next_path)

    def _check_night(self, page: Document, told: str) -> None:
        """Raise unless the snapshot was taken for the night."""
        try:
            snapshot = date.fromisoformat(told[:10])
        except ValueError:
            raise page.problem(f"{self._spec.night_path} is not a date") from None
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
