"""Changes since the last night from an Ed-Fi ODS/API, by its change queries.

The newest change version is pinned first and everything is read up to it, so a row
that changes meanwhile is left for the next night. Such a row leaves the window while
its pages are being read; pages are therefore read from the last to the first, or by
cursor, which can repeat a row but never skip one.
"""

from collections.abc import Iterator
from datetime import date
from io import BytesIO

from concord.exceptions import TransportError
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
from concord.transport.edfi_host import VERSIONS, Urls, Window, find_urls, pin
from concord.transport.edfi_snapshots import LIVE, Headers, find_snapshot
from concord.transport.http import HttpVisit, Reply
from concord.transport.oauth import client_secret
from concord.transport.problems import failed, held
from concord.transport.specs import EdFiSpec

PATHS: dict[Role, str] = {"key_changes": "/keyChanges", "deletes": "/deletes"}


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
            urls = find_urls(visit, self._spec)
            visit.log_in_with(client_secret(urls.login))
            body, headers = self._versions(visit, urls, int(drop.cursor or 0))
            window = pin(self._feed, drop.cursor, body)
            part = Part("manifest/00001.json", "manifest", "manifest")
            parts = [sink.store(part, BytesIO(body))]
            rows = dict.fromkeys(self._spec.resources, 0)
            for role in self._roles(window):
                for resource in self._spec.resources:
                    reading = _Reading(visit, self._spec, resource, role, headers)
                    parts.extend(self._pages(reading, role, urls, window, sink))
                    if role == "rows":
                        rows[resource] = reading.rows
        return Fetched(
            parts=tuple(parts),
            rows_expected=rows,
            cursor=str(window.newest),
            source=drop.source,
            whole=not drop.cursor,
        )

    def _pages(
        self, reading: "_Reading", role: Role, urls: Urls, window: Window, sink: Sink
    ) -> list[StoredPart]:
        """Store a window's pages; hosts before 6.0 may not know key changes."""
        try:
            return reading.pages(urls.data, window, sink)
        except TransportError as error:
            unknown = role == "key_changes" and 0 < urls.release < 6
            if not unknown or error.code != "NOT_FOUND":
                raise
        return []

    def _versions(
        self, visit: HttpVisit, urls: Urls, last: int
    ) -> tuple[bytes, Headers]:
        """Ask for the change versions; of a snapshot, if there is one tonight."""
        if self._spec.snapshot and (found := find_snapshot(visit, urls, last)):
            return found
        return visit.get(f"{urls.changes}/availableChangeVersions", VERSIONS).body, LIVE

    def _roles(self, window: Window) -> tuple[Role, ...]:
        """Return what to read: a first load has no deletions, a quiet night nothing."""
        if window.last is None:
            return ("rows",)
        if window.last == window.newest:
            return ()
        tracked: tuple[Role, ...] = ("deletes", "rows")
        return ("key_changes", *tracked) if self._spec.key_changes else tracked


class _Reading:
    """The reading of one resource, or of its deletions or key changes."""

    def __init__(
        self,
        visit: HttpVisit,
        spec: EdFiSpec,
        resource: str,
        role: Role,
        headers: Headers,
    ) -> None:
        self.rows = 0
        self._visit = visit
        self._spec = spec
        self._resource = resource
        self._role = role
        self._headers = headers
        self._path = resource + PATHS.get(role, "")
        self._what = f"resource {self._path}"
        self._stored: list[StoredPart] = []

    def pages(self, data_url: str, window: Window, sink: Sink) -> list[StoredPart]:
        """Store every page of a window.

        What changes while everything is read leaves the window, and is read behind it:
        of the whole, what is absent counts as deleted.
        """
        url = f"{data_url}/{self._spec.namespace}/{self._path}"
        steps = window.steps(self._spec.step_size)
        left = [self._read(url, step, sink) for step in steps]
        if window.last is None and any(left):
            self._read(url, Window(last=window.newest, newest=None), sink)
        return self._stored

    def _read(self, url: str, window: Window, sink: Sink) -> bool:
        """Store a window's pages and reconcile; say whether rows left meanwhile."""
        before = self._total(url, window)
        ids: set[str] = set()
        for reply in self._replies(url, window, before, ids):
            self._store(reply, sink, ids)
        if before is None:
            if self._role == "rows" and self._spec.paging == "offset":
                self._check_unmoved(url, window)
            return False
        after = (self._total(url, window) or 0) if before else 0
        if not min(before, after) <= len(ids) <= max(before, after):
            detail = f"{self._what}: the pages do not add up to Total-Count"
            counts = {"expected": before, "found": len(ids)}
            raise held("COUNT_MISMATCH", self._visit.feed, detail, **counts)
        return after < before

    def _replies(
        self, url: str, window: Window, total: int | None, ids: set[str]
    ) -> Iterator[Reply]:
        """Read a window's pages, in the one way of paging that suits them."""
        if self._role == "rows" and self._spec.paging == "cursor" and total != 0:
            return self._by_cursor(url, window)
        if total is None:
            return self._forward(url, window, ids)
        return self._backward(url, window, total)

    def _backward(self, url: str, window: Window, total: int) -> Iterator[Reply]:
        """Read pages by offset from the last to the first."""
        size = self._spec.page_size
        for offset in reversed(range(0, total, size)):
            yield self._get(url, {**window.params, "limit": size, "offset": offset})

    def _forward(self, url: str, window: Window, ids: set[str]) -> Iterator[Reply]:
        """Read pages by offset to an empty one, for what a host does not count.

        A page that is not full need not be the last: a host may cap its pages.
        """
        size = self._spec.page_size
        offset, count = 0, size
        while count:
            rows, known = self.rows, len(ids)
            yield self._get(url, {**window.params, "limit": size, "offset": offset})
            count = self.rows - rows
            offset += count
            if count and len(ids) == known:
                detail = f"{self._what}: a page came twice with the same rows"
                raise held("DUPLICATE_PAGE", self._visit.feed, detail)

    def _check_unmoved(self, url: str, window: Window) -> None:
        """Raise if a row has left the window, behind which others then moved up."""
        if window.newest is None:
            return
        later = {**Window(last=window.newest, newest=None).params, "limit": 1}
        for address in (url, url + PATHS["deletes"]):
            body = self._get(address, later).body
            if Document(self._visit.feed, self._what, body).items():
                detail = f"{self._what}: rows changed while uncounted pages were read"
                raise failed("CHANGED_WHILE_READ", self._visit.feed, detail)

    def _by_cursor(self, url: str, window: Window) -> Iterator[Reply]:
        """Read pages by token; the server allows neither offset nor count with it."""
        seen: set[str] = set()
        for first in self._first_tokens(url, window):
            token: str | None = first
            while token is not None:
                if token in seen:
                    raise failed("PAGING_LOOP", self._visit.feed, self._what)
                seen.add(token)
                named = {"pageToken": token} if token else {}
                params = {**window.params, **named, "pageSize": self._spec.page_size}
                reply = self._get(url, params)
                yield reply
                token = reply.headers.get("Next-Page-Token") or None

    def _first_tokens(self, url: str, window: Window) -> list[str]:
        """Return where to begin: at the beginning, or at each of some partitions."""
        if not self._spec.partitions:
            return [""]
        params = {**window.params, "number": self._spec.partitions}
        body = self._get(f"{url}/partitions", params).body
        page = Document(self._visit.feed, f"partitions of {self._path}", body)
        tokens = page.items("pageTokens")
        if not all(isinstance(token, str) and token for token in tokens):
            raise page.problem("a page token is not a text")
        return tokens

    def _get(self, url: str, params: dict[str, str | int]) -> Reply:
        """Ask for a page; of a snapshot, all of whose pages may be gone at once."""
        ok, headers = frozenset({200, 400}), self._headers
        try:
            reply = self._visit.get(
                url, self._what, ok=ok, params=params, headers=headers
            )
        except TransportError as error:
            gone = {"GONE"} if headers else set()
            gone |= {"NOT_FOUND"} if "Use-Snapshot" in headers else set()
            if error.code not in gone:
                raise
        else:
            return self._granted(reply)
        detail = f"{self._what}: the host has removed the snapshot or this resource"
        raise failed("GONE", self._visit.feed, detail)

    def _granted(self, reply: Reply) -> Reply:
        """Return a page, unless the host will not have it asked for like this."""
        if reply.status == 400:
            detail = f"{self._what}: answered with HTTP 400"
            raise failed("PAGE_REFUSED", self._visit.feed, detail)
        return reply

    def _total(self, url: str, window: Window) -> int | None:
        """Ask how many items the window holds just now; some hosts count none."""
        params = {**window.params, "limit": 0, "totalCount": "true"}
        told = self._get(url, params).headers.get("Total-Count")
        if told is None:
            return None
        if not (told.isascii() and told.isdigit()):
            detail = f"Total-Count of {self._path} is not a count"
            raise failed("PROTOCOL", self._visit.feed, detail)
        return int(told)

    def _store(self, reply: Reply, sink: Sink, ids: set[str]) -> None:
        """Store a page and remember its items' ids, which Ed-Fi gives to all."""
        page = Document(self._visit.feed, self._what, reply.body)
        items = page.items()
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("id"), str | int):
                raise page.problem("an item has no id")
            ids.add(f"{item['id']}@{item.get('changeVersion', '')}")
        self.rows += len(items)
        name = f"{self._path}/{len(self._stored) + 1:05d}.json"
        part = Part(name, self._resource, self._role, len(items))
        self._stored.append(sink.store(part, BytesIO(reply.body)))
