"""How HTTP servers misbehave on a night with a fault."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
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

from simulator.servers.tonight import Tonight

FOR_EVER = 10**9
AWAY = "http://elsewhere.invalid/"
INSIDE = "http://169.254.169.254/latest/meta-data/"
FORBIDDEN = {"rest": "/violations", "edfi": "/disciplineActions", "fhir": "/Condition."}
NOT_JSON = (
    b'{"data": [{"id": NaN}]}',
    b'{"data": [], "data": [',
    b'{"data":' + b"[" * 200 + b"]" * 200 + b"}",
)


@dataclass
class Asked:
    """A request on a night with a fault."""

    kind: str
    request: Request
    call: RequestResponseEndpoint
    tonight: Tonight

    @property
    def path(self) -> str:
        """Return what it asks for."""
        return self.request.url.path

    @property
    def is_data(self) -> bool:
        """Say whether it asks for rows: a page, or a file of an export."""
        return {
            "rest": self.path.startswith("/api/"),
            "edfi": self.path.startswith("/data/"),
            "fhir": self.path.startswith("/fhir/exports/") and self.path.count("/") > 3,
        }[self.kind]

    @property
    def is_status(self) -> bool:
        """Say whether it asks how an export stands."""
        method = self.request.method
        exports = self.path.startswith("/fhir/exports/")
        return exports and method == "GET" and not self.is_data

    async def answer(self) -> Response:
        """Return what the server would say on a good night."""
        return await self.call(self.request)

    async def whole(self) -> Response:
        """Return the same, read whole."""
        response = await self.answer()
        parts = [part async for part in response.body_iterator]  # type: ignore[attr-defined]
        headers = {
            name: text
            for name, text in response.headers.items()
            if name not in ("content-length", "content-type")
        }
        media_type = response.headers.get("content-type")
        body = b"".join(parts)
        return Response(body, response.status_code, headers, media_type)

    async def document(self, change: Callable[[Any], Any]) -> Response:
        """Return a JSON answer after a change; any other as it is."""
        response = await self.whole()
        try:
            content = change(json.loads(bytes(response.body)))
        except ValueError:
            return response
        headers = {"content-type", "content-length"}
        kept = {n: t for n, t in response.headers.items() if n not in headers}
        return JSONResponse(content, response.status_code, kept)


Trouble = Callable[[Asked], Awaitable[Response]]


def _instead(
    make: Callable[[int], Response], times: int = FOR_EVER, after: int = 0
) -> Trouble:
    """Answer some requests for data with something else."""

    async def trouble(asked: Asked) -> Response:
        if asked.is_data:
            number = asked.tonight.count("data") - after
            if 0 < number <= times:
                return make(number)
        return await asked.answer()

    return trouble


def _changed(
    change: Callable[[Asked, Response], Response],
) -> Trouble:
    """Change every answer that holds data."""

    async def trouble(asked: Asked) -> Response:
        if not asked.is_data:
            return await asked.answer()
        return change(asked, await asked.whole())

    return trouble


def _status(code: int, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return JSONResponse({"error": "unavailable"}, code, named)


def _wait(number: int) -> Response:
    at = datetime.now(UTC) + timedelta(seconds=2)
    told = "1" if number == 1 else format_datetime(at, usegmt=True)
    return _status(429, Retry_After=told)


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


def _gzip(change: Callable[[bytes], bytes]) -> Trouble:
    """Change the bytes of every body that is sent in gzip, and send all in gzip."""

    def packed(_asked: Asked, response: Response) -> Response:
        body = bytes(response.body)
        if response.headers.get("content-encoding") != "gzip":
            body = gzip.compress(body)
        headers = {**response.headers, "content-encoding": "gzip"}
        headers.pop("content-length", None)
        return Response(change(body), response.status_code, headers)

    return _changed(packed)


async def _no_login(asked: Asked) -> Response:
    if asked.path.endswith("/token"):
        return JSONResponse({"error": "invalid_client"}, 401)
    return await asked.answer()


async def _forbid(asked: Asked) -> Response:
    if asked.is_data and FORBIDDEN[asked.kind] in asked.path:
        return _status(403)
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


def _manifest(change: Callable[[Any, str], None]) -> Trouble:
    """Change the manifest of an export."""

    async def trouble(asked: Asked) -> Response:
        if not asked.is_status:
            return await asked.answer()

        def changed(told: Any) -> Any:
            change(told, str(asked.request.url))
            return told

        return await asked.document(changed)

    return trouble


def _loop(told: Any, own: str) -> None:
    told["link"] = [{"relation": "next", "url": own}]


def _inside(told: Any, _own: str) -> None:
    for file in told["output"]:
        file["url"] = INSIDE


def _fewer(told: Any, _own: str) -> None:
    for file in told["output"]:
        file["count"] += 1


def _ahead(told: Any, _own: str) -> None:
    at = datetime.fromisoformat(told["transactionTime"]) + timedelta(hours=2)
    told["transactionTime"] = at.isoformat()


def _report(told: Any, own: str) -> None:
    told["error"] = [{"type": "OperationOutcome", "url": f"{own}/outcomes.ndjson"}]


async def _reported(asked: Asked) -> Response:
    if asked.path.endswith("/outcomes.ndjson"):
        issue = {"severity": "error", "code": "exception", "diagnostics": "a secret"}
        line = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
        return Response(line + "\n", media_type="application/fhir+ndjson")
    return await _manifest(_report)(asked)


async def _never_ready(asked: Asked) -> Response:
    if asked.is_status:
        return Response(status_code=202, headers={"Retry-After": "1"})
    return await asked.answer()


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
    "T4": _changed(_trickle),
    "T7": _no_login,
    "T15": _instead(_wait, times=2),
    "T16": _instead(lambda _n: _status(429, Retry_After="999999")),
    "T17": _instead(lambda _n: _status(503), times=3),
    "T18": _instead(lambda _n: _status(401), times=1, after=1),
    "T19": _forbid,
    "T20": _changed(_short),
    "T25": _instead(lambda _n: RedirectResponse(AWAY, 307)),
    "T26": _instead(lambda _n: HTMLResponse(PAGE)),
    "T27": _no_json,
    "T36": _changed(_flood),
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
    "fhir": {
        **COMMON,
        "T12": _gzip(lambda body: body[:-9]),
        "T13": _gzip(lambda body: body[:-8] + bytes([body[-8] ^ 1]) + body[-7:]),
        "T23": _manifest(_loop),
        "T24": _manifest(_inside),
        "T28": _never_ready,
        "T29": _instead(lambda _n: _status(410), times=1),
        "T30": _reported,
        "T33": _manifest(_fewer),
        "R10": _manifest(_ahead),
    },
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
