"""The school district's Ed-Fi ODS/API with change queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from operator import itemgetter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.servers.nights import ServedFeed, Stamp, page, whole_number
from simulator.servers.oauth import ClientSecretLogin, Tokens, refusal
from simulator.servers.options import ServerOptions

RESOURCES = frozenset(
    {
        "students",
        "studentEducationOrganizationAssociations",
        "studentSchoolAssociations",
        "studentSchoolAttendanceEvents",
        "disciplineIncidents",
        "disciplineActions",
    }
)
VERSION_KEY = "_changeVersion"
DEFAULT_PAGE = 25
UNBOUNDED = 2**63 - 1
CURSOR = frozenset({"pageToken", "pageSize"})
COUNTED = frozenset({"limit", "offset", "totalCount"})


@dataclass(frozen=True)
class Versioned:
    """An item, deletion or key change and the change version that made it."""

    version: int
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """The state of a resource after some nights."""

    items: tuple[Versioned, ...] = ()
    deletes: tuple[Versioned, ...] = ()
    key_changes: tuple[Versioned, ...] = ()

    @property
    def newest(self) -> int:
        """Return the newest change version."""
        every = (*self.items, *self.deletes, *self.key_changes)
        return max((entry.version for entry in every), default=0)


_Window = tuple[Resource | None, tuple[str, int, int] | None, list[Mapping[str, Any]]]


class SchoolApi:
    """Answers as an Ed-Fi ODS/API would, from 5.3 to 7."""

    def __init__(
        self,
        feed: ServedFeed,
        login: ClientSecretLogin,
        tokens: Tokens,
        o: ServerOptions,
    ) -> None:
        self._feed = feed
        self._login = login
        self._tokens = tokens
        self._options = o
        self._last_window: _Window = (None, None, [])
        self._states: dict[tuple[str, date | None], tuple[Stamp, Resource]] = {}

    def routes(self) -> list[Route]:
        """Return what this server answers."""
        data, guard = "/data/v3/ed-fi/{resource}", self._tokens.guard
        changes = "/changeQueries/v1"
        return [
            Route("/", self._discovery, methods=["GET"]),
            Route("/oauth/token", self._login.answer, methods=["POST"]),
            Route(
                f"{changes}/availableChangeVersions",
                guard(self._versions),
                methods=["GET"],
            ),
            Route(f"{changes}/snapshots", guard(self._snapshots), methods=["GET"]),
            Route(data, guard(self._items), methods=["GET"]),
            Route(data + "/deletes", guard(self._deletes), methods=["GET"]),
            Route(data + "/keyChanges", guard(self._key_changes), methods=["GET"]),
            Route(data + "/partitions", guard(self._partitions), methods=["GET"]),
        ]

    async def _discovery(self, request: Request) -> Response:
        """Say where everything is; clients must not guess."""
        base = str(request.base_url)
        return JSONResponse(
            {
                "version": self._options.edfi_version,
                "apiMode": "SharedInstance",
                "dataModels": [{"name": "Ed-Fi", "version": "3.3.1-b"}],
                "urls": {
                    "oauth": f"{base}oauth/token",
                    "dataManagementApi": f"{base}data/v3/",
                    "changeQueries": f"{base}changeQueries/v1/",
                },
            }
        )

    async def _versions(self, request: Request) -> Response:
        """Return the change versions that can be asked for, as hosts before 6.0 do."""
        chosen = self._chosen(request)
        if isinstance(chosen, Response):
            return chosen
        newest = max(self._state(resource, chosen).newest for resource in RESOURCES)
        oldest = self._options.oldest_change_version
        return JSONResponse(
            {"OldestChangeVersion": oldest, "NewestChangeVersion": newest}
        )

    async def _snapshots(self, request: Request) -> Response:
        """List the snapshots, which later hosts do not."""
        if not self._lists_snapshots:
            return refusal("not_found", 404)
        return JSONResponse(
            [
                {
                    "id": f"{night:%Y%m%d}".zfill(32),
                    "snapshotIdentifier": f"{night:%Y%m%d}",
                    "snapshotDateTime": f"{night}T01:00:00Z",
                }
                for night in self._options.snapshots
            ]
        )

    @property
    def _lists_snapshots(self) -> bool:
        """Say whether snapshots are chosen by identifier."""
        return int(self._options.edfi_version.split(".")[0]) < 7

    def _chosen(self, request: Request) -> date | Response | None:
        """Return the night of the snapshot that a request asks for; None is live."""
        kept = self._options.snapshots
        if self._lists_snapshots:
            named = request.headers.get("Snapshot-Identifier")
            found = [night for night in kept if f"{night:%Y%m%d}" == named]
            missing = None if named is None else refusal("gone", 410)
        else:
            wanted = request.headers.get("Use-Snapshot", "").lower() == "true"
            found = [max(kept)] if wanted and kept else []
            missing = refusal("not_found", 404) if wanted else None
        return found[0] if found else missing

    async def _items(self, request: Request) -> Response:
        """Return a page of items."""
        return self._page(request, "items")

    async def _deletes(self, request: Request) -> Response:
        """Return a page of deletions."""
        return self._page(request, "deletes")

    async def _key_changes(self, request: Request) -> Response:
        """Return a page of key changes."""
        return self._page(request, "key_changes")

    def _page(self, request: Request, kind: str) -> Response:
        """Return one page of a list inside a window of change versions."""
        resource, params = request.path_params["resource"], request.query_params
        chosen = self._chosen(request)
        if isinstance(chosen, Response):
            return chosen
        if resource not in RESOURCES:
            return refusal("not_found", 404)
        state = self._state(resource, chosen)
        if CURSOR & params.keys():
            return self._cursor_page(request, kind, state)
        limit = whole_number(params, "limit", DEFAULT_PAGE)
        offset = whole_number(params, "offset", 0)
        least = whole_number(params, "minChangeVersion", 0)
        most = whole_number(params, "maxChangeVersion", UNBOUNDED)
        if not 0 <= limit <= self._options.max_page or min(offset, least, most) < 0:
            return refusal("limit, offset or change version out of range", 400)
        found = self._window(state, kind, least, most)
        headers = {}
        if params.get("totalCount", "").lower() == "true":
            headers["Total-Count"] = str(len(found))
        return JSONResponse(page(found, limit, offset), headers=headers)

    def _cursor_page(self, request: Request, kind: str, state: Resource) -> Response:
        """Return one page of items by token: the ids that it lies between."""
        params = request.query_params
        size = whole_number(params, "pageSize", DEFAULT_PAGE)
        after, _, until = params.get("pageToken", "-").partition("-")
        if kind != "items" or COUNTED & params.keys():
            return refusal("page tokens go with neither offset, limit nor count", 400)
        if not 1 <= size <= self._options.max_page:
            return refusal("pageSize out of range", 400)
        wanted = [
            item
            for item in self._sorted_items(request, state)
            if after < item["id"] and (not until or item["id"] <= until)
        ]
        more = f"{wanted[size - 1]['id']}-{until}" if len(wanted) > size else None
        headers = {"Next-Page-Token": more} if more else {}
        return JSONResponse(wanted[:size], headers=headers)

    async def _partitions(self, request: Request) -> Response:
        """Return tokens that divide a resource into parts of about one size."""
        chosen = self._chosen(request)
        if isinstance(chosen, Response):
            return chosen
        state = self._state(request.path_params["resource"], chosen)
        ids = [item["id"] for item in self._sorted_items(request, state)]
        parts = whole_number(request.query_params, "number", 1)
        places = {len(ids) * part // parts for part in range(1, parts)} - {0}
        ends = [ids[place - 1] for place in sorted(places)]
        edges = ["", *ends, ""]
        tokens = [f"{a}-{b}" for a, b in pairwise(edges)]
        return JSONResponse({"pageTokens": tokens})

    def _sorted_items(
        self, request: Request, state: Resource
    ) -> list[Mapping[str, Any]]:
        """Return the items of the window that a request asks for, by id."""
        params = request.query_params
        least = whole_number(params, "minChangeVersion", 0)
        most = whole_number(params, "maxChangeVersion", UNBOUNDED)
        found = self._window(state, "items", least, most)
        return sorted(found, key=itemgetter("id"))

    def _window(
        self, state: Resource, kind: str, least: int, most: int
    ) -> list[Mapping[str, Any]]:
        """Return what lies in a window; the last one is kept for its next page."""
        asked = (kind, least, most)
        if self._last_window[0] is not state or self._last_window[1] != asked:
            entries: Iterable[Versioned] = getattr(state, kind)
            found = [e.content for e in entries if least <= e.version <= most]
            self._last_window = (state, asked, found)
        return self._last_window[2]

    def _state(self, resource: str, snapshot: date | None) -> Resource:
        """Return a resource after the nights that have come, or up to a snapshot."""
        nights = self._feed.nights()
        if snapshot is not None:
            nights = tuple(night for night in nights if night <= snapshot)
        names = (resource, f"{resource}.deletes", f"{resource}.keyChanges")
        stamp = self._feed.stamp(nights, *names)
        kept = self._states.get((resource, snapshot))
        if kept is None or kept[0] != stamp:
            kept = (stamp, self._replay(resource, nights))
            self._states[resource, snapshot] = kept
        return kept[1]

    def _replay(self, resource: str, nights: tuple[date, ...]) -> Resource:
        """Apply every night's changes: the latest version of an id wins."""
        items: dict[str, Versioned] = {}
        deletes: dict[str, Versioned] = {}
        key_changes: list[Versioned] = []
        for night in nights:
            for item in self._feed.items(night, resource):
                version = item.pop(VERSION_KEY)
                items[item["id"]] = Versioned(version, item)
            for gone in self._feed.items(night, f"{resource}.deletes"):
                deletes[gone["id"]] = Versioned(gone["changeVersion"], gone)
            for change in self._feed.items(night, f"{resource}.keyChanges"):
                key_changes.append(Versioned(change["changeVersion"], change))
        for identifier, gone_at in list(deletes.items()):
            kept = items.get(identifier)
            if kept is not None and kept.version > gone_at.version:
                del deletes[identifier]  # added again: the deletion is hidden
            else:
                items.pop(identifier, None)
        return Resource(
            items=tuple(items.values()),
            deletes=tuple(deletes.values()),
            key_changes=tuple(key_changes),
        )
