"""The probation office's case-management API: the whole snapshot, page by page."""

import json
from datetime import date
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.servers.nights import ServedFeed, page, whole_number
from simulator.servers.oauth import ClientSecretLogin, Tokens, refusal
from simulator.servers.options import ServerOptions

RESOURCES = frozenset({"persons", "supervision-periods", "violations"})


class ProbationApi:
    """Answers ``/api/v1/{resource}`` with the latest snapshot there is."""

    def __init__(
        self,
        feed: ServedFeed,
        login: ClientSecretLogin,
        tokens: Tokens,
        o: ServerOptions,
        resources: frozenset[str] | None = RESOURCES,
    ) -> None:
        """Serve these resources, or whatever the night's folder holds."""
        self._feed = feed
        self._login = login
        self._tokens = tokens
        self._max_page = o.max_page
        self._resources = resources

    def routes(self) -> list[Route]:
        """Return what this server answers."""
        list_rows = self._tokens.guard(self._list)
        return [
            Route("/oauth/token", self._login.answer, methods=["POST"]),
            Route("/api/v1/{resource}", list_rows, methods=["GET"]),
        ]

    def _serves(self, resource: str, night: date) -> bool:
        """Say whether there is such a resource."""
        if self._resources is not None:
            return resource in self._resources
        return bool(self._feed.stamp([night], resource))

    async def _list(self, request: Request) -> Response:
        """Return one page of a resource."""
        resource = request.path_params["resource"]
        nights = self._feed.nights()
        if not nights or not self._serves(resource, nights[-1]):
            return refusal("not_found", 404)
        limit = whole_number(request.query_params, "limit", 100)
        offset = whole_number(request.query_params, "offset", 0)
        if not 1 <= limit <= self._max_page or offset < 0:
            return refusal(f"limit must be 1 to {self._max_page}", 400)
        lines = list(self._feed.lines(nights[-1], resource))
        following = None
        if offset + limit < len(lines):
            query = urlencode({"limit": limit, "offset": offset + limit})
            following = f"/api/v1/{resource}?{query}"
        return JSONResponse(
            {
                "data": [json.loads(line) for line in page(lines, limit, offset)],
                "paging": {
                    "limit": limit,
                    "offset": offset,
                    "total": len(lines),
                    "next": following,
                },
                "as_of": nights[-1].isoformat(),
            }
        )
