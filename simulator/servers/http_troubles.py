"""How HTTP servers misbehave on a night with a fault."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator.servers import fhir_troubles
from simulator.servers.asked import INSIDE, Asked, Trouble, changed, instead, status
from simulator.servers.tonight import Tonight

AWAY = "http://elsewhere.invalid/"
NOT_JSON = (
    b'{"data": [{"id": NaN}]}',
    b'{"data": [], "data": [',
    b'{"data":' + b"[" * 200 + b"]" * 200 + b"}",
)


def _wait(number: int) -> Response:
    at = datetime.now(UTC) + timedelta(seconds=2)
    told = "1" if number == 1 else format_datetime(at, usegmt=True)
    return status(429, Retry_After=told)


async def _stall(asked: Asked) -> Response:
    if asked.is_data:
        await asyncio.sleep(3600)
    return await asked.answer()


def _trickle(_asked: Asked, response: Response) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        for byte in bytes(response.body):
            yield bytes([byte])
            await asyncio.sleep(0.2)

    return StreamingResponse(drops(), media_type=response.headers["content-type"])


def _flood(_asked: Asked, response: Response) -> Response:
    async def blanks() -> AsyncIterator[bytes]:
        for _ in range(50 * 2**30 >> 16):
            yield b" " * (1 << 16)
            await asyncio.sleep(0)

    return StreamingResponse(blanks(), media_type=response.headers["content-type"])


def _short(_asked: Asked, response: Response) -> Response:
    body = bytes(response.body)
    headers = {**response.headers, "content-length": str(len(body) + 1)}
    return Response(body, response.status_code, headers)


async def _no_login(asked: Asked) -> Response:
    if asked.path.endswith("/token"):
        return JSONResponse({"error": "invalid_client"}, 401)
    return await asked.answer()


async def _forbid(asked: Asked) -> Response:
    """Forbid the first resource that is asked for, and no other."""
    kept = asked.tonight.kept
    if asked.is_data and kept.setdefault("forbidden", asked.resource) == asked.resource:
        return status(403)
    return await asked.answer()


async def _page_again(asked: Asked) -> Response:
    """Give a resource's second page the rows of the first."""
    if not asked.is_data or "totalCount" in asked.request.query_params:
        return await asked.answer()
    number = asked.tonight.count(asked.path)

    def change(page: Any) -> Any:
        rows = page["data"] if asked.kind == "rest" else page
        if number == 2 and (first := asked.tonight.kept.get(asked.path)):
            rows = first
        elif rows:
            asked.tonight.kept.setdefault(asked.path, rows)
        return {**page, "data": rows} if asked.kind == "rest" else rows

    return await asked.document(change)


async def _row_comes_in(asked: Asked) -> Response:
    """Count one row more once the first page of a resource was read."""
    if not asked.is_data:
        return await asked.answer()
    later = asked.tonight.count(asked.path) > 1
    if asked.kind == "edfi":
        response = await asked.whole()
        if later and (total := response.headers.get("total-count")):
            response.headers["total-count"] = str(int(total) + 1)
        return response

    def change(page: Any) -> Any:
        if later:
            page["paging"]["total"] += 1
        return page

    return await asked.document(change)


async def _next_is_itself(asked: Asked) -> Response:
    return await _next(asked, str(asked.request.url))


async def _next_is_inside(asked: Asked) -> Response:
    return await _next(asked, INSIDE)


async def _next(asked: Asked, url: str) -> Response:
    if not asked.is_data:
        return await asked.answer()

    def change(page: Any) -> Any:
        page["paging"]["next"] = url
        return page

    return await asked.document(change)


async def _discovered_inside(asked: Asked) -> Response:
    if asked.path != "/":
        return await asked.answer()

    def change(told: Any) -> Any:
        told["urls"]["dataManagementApi"] = INSIDE
        return told

    return await asked.document(change)


async def _versions_anew(asked: Asked) -> Response:
    if asked.path.endswith("/availableChangeVersions"):
        return JSONResponse({"oldestChangeVersion": 0, "newestChangeVersion": 1})
    return await asked.answer()


async def _no_json(asked: Asked) -> Response:
    if asked.is_data if asked.kind != "fhir" else asked.is_status:
        body = NOT_JSON[(asked.tonight.count("json") - 1) % len(NOT_JSON)]
        return Response(body, media_type="application/json")
    return await asked.answer()


PAGE = "<!doctype html><title>Log in</title><form><input name=user></form>"
COMMON: Mapping[str, Trouble] = {
    "T3": _stall,
    "T4": changed(_trickle),
    "T7": _no_login,
    "T15": instead(_wait, times=2),
    "T16": instead(lambda _n: status(429, Retry_After="999999")),
    "T17": instead(lambda _n: status(503), times=3),
    "T18": instead(lambda _n: status(401), times=1, after=1),
    "T19": _forbid,
    "T20": changed(_short),
    "T25": instead(lambda _n: RedirectResponse(AWAY, 307)),
    "T26": instead(lambda _n: HTMLResponse(PAGE)),
    "T27": _no_json,
    "T36": changed(_flood),
}
TROUBLES: Mapping[str, Mapping[str, Trouble]] = {
    "rest": {
        **COMMON,
        "T21": _page_again,
        "T22": _row_comes_in,
        "T23": _next_is_itself,
        "T24": _next_is_inside,
    },
    "edfi": {
        **COMMON,
        "T21": _page_again,
        "T22": _row_comes_in,
        "T24": _discovered_inside,
        "R8": _versions_anew,
    },
    "fhir": {**COMMON, **fhir_troubles.TROUBLES},
}


class Troubled:
    """A server that shows tonight's fault, if there is one."""

    def __init__(self, app: ASGIApp, kind: str, tonight: Tonight) -> None:
        self._app = app
        self._kind = kind
        self._tonight = tonight
        self._misbehaving = BaseHTTPMiddleware(app, dispatch=self._dispatch)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; on a good night nothing stands in its way."""
        app = self._misbehaving if self._tonight.number else self._app
        await app(scope, receive, send)

    async def _dispatch(
        self, request: Request, call: RequestResponseEndpoint
    ) -> Response:
        trouble = TROUBLES[self._kind].get(self._tonight.number)
        if trouble is None:
            return await call(request)
        return await trouble(Asked(self._kind, request, call, self._tonight))
