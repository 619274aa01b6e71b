"""The probation office's case-management API: the whole snapshot, page by page."""

import json
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
    ) -> None:
        self._feed = feed
        self._login = login
        self._tokens = tokens
        self._max_page = o.max_page

    def routes(self) -> list[Route]:
        """Return what this server answers."""
        list_rows = self._tokens.guard(self._list)
        return [
            Route("/oauth/token", self._login.answer, methods=["POST"]),
            Route("/api/v1/{resource}", list_rows, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        """Return one page of a resource."""
        resource = request.path_params["resource"]
        nights = self._feed.nights()
        if resource not in RESOURCES or not nights:
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
