"""The school district's Ed-Fi ODS/API with change queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
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
    """Answers as an Ed-Fi ODS/API 5.3 would."""

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
        self._states: dict[str, tuple[Stamp, Resource]] = {}

    def routes(self) -> list[Route]:
        """Return what this server answers."""
        data, guard = "/data/v3/ed-fi/{resource}", self._tokens.guard
        changes = "/changeQueries/v1/availableChangeVersions"
        return [
            Route("/", self._discovery, methods=["GET"]),
            Route("/oauth/token", self._login.answer, methods=["POST"]),
            Route(changes, guard(self._versions), methods=["GET"]),
            Route(data, guard(self._items), methods=["GET"]),
            Route(data + "/deletes", guard(self._deletes), methods=["GET"]),
            Route(data + "/keyChanges", guard(self._key_changes), methods=["GET"]),
        ]

    async def _discovery(self, request: Request) -> Response:
        """Say where everything is; clients must not guess."""
        base = str(request.base_url)
        return JSONResponse(
            {
                "version": "5.3",
                "apiMode": "SharedInstance",
                "dataModels": [{"name": "Ed-Fi", "version": "3.3.1-b"}],
                "urls": {
                    "oauth": f"{base}oauth/token",
                    "dataManagementApi": f"{base}data/v3/",
                    "changeQueries": f"{base}changeQueries/v1/",
                },
            }
        )

    async def _versions(self, _request: Request) -> Response:
        """Return the change versions that can be asked for."""
        newest = max(self._state(resource).newest for resource in RESOURCES)
        oldest = self._options.oldest_change_version
        return JSONResponse(
            {"oldestChangeVersion": oldest, "newestChangeVersion": newest}
        )

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
        if resource not in RESOURCES:
            return refusal("not_found", 404)
        limit = whole_number(params, "limit", DEFAULT_PAGE)
        offset = whole_number(params, "offset", 0)
        least = whole_number(params, "minChangeVersion", 0)
        most = whole_number(params, "maxChangeVersion", UNBOUNDED)
        if not 0 <= limit <= self._options.max_page or min(offset, least, most) < 0:
            return refusal("limit, offset or change version out of range", 400)
        found = self._window(self._state(resource), kind, least, most)
        headers = {}
        if params.get("totalCount", "").lower() == "true":
            headers["Total-Count"] = str(len(found))
        return JSONResponse(page(found, limit, offset), headers=headers)

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

    def _state(self, resource: str) -> Resource:
        """Return a resource as it stands after the nights that have come."""
        nights = self._feed.nights()
        names = (resource, f"{resource}.deletes", f"{resource}.keyChanges")
        stamp = self._feed.stamp(nights, *names)
        if resource not in self._states or self._states[resource][0] != stamp:
            self._states[resource] = (stamp, self._replay(resource, nights))
        return self._states[resource][1]

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
