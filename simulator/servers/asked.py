"""A request on a night with a fault, and the usual ways to answer it wrongly."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.servers.tonight import Tonight

FOR_EVER = 10**9
INSIDE = "http://169.254.169.254/latest/meta-data/"


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
    def resource(self) -> str:
        """Return what a request for rows is for: a resource, or a type of them."""
        place = 4 if self.kind == "edfi" else -1
        return self.path.split("/")[place].split(".")[0]

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


def instead(
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


def changed(
    change: Callable[[Asked, Response], Response],
) -> Trouble:
    """Change every answer that holds data."""

    async def trouble(asked: Asked) -> Response:
        if not asked.is_data:
            return await asked.answer()
        return change(asked, await asked.whole())

    return trouble


def status(code: int, **headers: str) -> Response:
    """Make an answer of nothing but a status and headers."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return JSONResponse({"error": "unavailable"}, code, named)
