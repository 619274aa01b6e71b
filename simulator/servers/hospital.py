"""The hospital's FHIR server: bulk data export of one group, asynchronously."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.servers.nights import ServedFeed
from simulator.servers.oauth import AssertionLogin, Tokens
from simulator.servers.options import ServerOptions

TYPES = ("Patient", "Encounter", "Condition")
GROUP = "springfield"
ZONE = ZoneInfo("America/Chicago")
NDJSON = "application/fhir+ndjson"


@dataclass
class Export:
    """One export: what was asked for, and the files it will have."""

    request: str
    as_of: datetime
    output: dict[str, tuple[str, list[bytes]]] = field(default_factory=dict)
    deleted: dict[str, tuple[str, list[bytes]]] = field(default_factory=dict)
    polls_left: int = 0


class HospitalApi:
    """Answers the bulk data protocol for one group and three resource types."""

    def __init__(
        self, feed: ServedFeed, login: AssertionLogin, tokens: Tokens, o: ServerOptions
    ) -> None:
        self._feed = feed
        self._login = login
        self._tokens = tokens
        self._options = o
        self.exports: dict[str, Export] = {}

    def routes(self) -> list[Route]:
        """Return what this server answers."""
        smart, guard = "/.well-known/smart-configuration", self._tokens.guard
        return [
            Route(smart, self._smart, methods=["GET"]),
            Route("/fhir" + smart, self._smart, methods=["GET"]),
            Route("/token", self._login.answer, methods=["POST"]),
            Route("/fhir/Group/{group}/$export", guard(self._start), methods=["GET"]),
            Route("/fhir/exports/{job}", guard(self._status), methods=["GET"]),
            Route("/fhir/exports/{job}", guard(self._cancel), methods=["DELETE"]),
            Route("/fhir/exports/{job}/{name}", guard(self._file), methods=["GET"]),
        ]

    async def _smart(self, request: Request) -> Response:
        """Say where tokens come from and how to sign for them."""
        return JSONResponse(
            {
                "token_endpoint": f"{request.base_url}token",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": [
                    self._options.algorithm
                ],
                "scopes_supported": [f"system/{type_}.rs" for type_ in TYPES],
                "capabilities": ["client-confidential-asymmetric"],
            }
        )

    async def _start(self, request: Request) -> Response:
        """Accept an export."""
        params = request.query_params
        night = self._feed.current()
        if request.path_params["group"] != GROUP or night is None:
            return outcome("not-found", 404)
        if "respond-async" not in request.headers.get("prefer", ""):
            return outcome("invalid", 400)
        if self._options.one_export_at_a_time and self.exports:
            return outcome("throttled", 429, {"Retry-After": "1"})
        types = params.get("_type", ",".join(TYPES)).split(",")
        try:
            since = (
                datetime.fromisoformat(params["_since"]) if "_since" in params else None
            )
        except ValueError:
            return outcome("invalid", 400)
        job = secrets.token_hex(8)
        self.exports[job] = self._collect(str(request.url), night, types, since)
        location = f"{request.base_url}fhir/exports/{job}"
        return Response(status_code=202, headers={"Content-Location": location})

    async def _status(self, request: Request) -> Response:
        """Answer a poll: not yet for a while, then with the manifest."""
        export = self.exports.get(request.path_params["job"])
        if export is None:
            return outcome("not-found", 404)
        if export.polls_left:
            export.polls_left -= 1
            seconds = str(self._options.poll_seconds)
            headers = {"X-Progress": "collecting", "Retry-After": seconds}
            return Response(status_code=202, headers=headers)
        manifest = {
            "transactionTime": export.as_of.isoformat(),
            "request": export.request,
            "requiresAccessToken": True,
            "output": _files(request, export.output),
            "deleted": _files(request, export.deleted),
            "error": [],
        }
        return JSONResponse(manifest)

    async def _cancel(self, request: Request) -> Response:
        """Forget an export and its files."""
        found = self.exports.pop(request.path_params["job"], None)
        return outcome("not-found", 404) if found is None else Response(status_code=202)

    async def _file(self, request: Request) -> Response:
        """Return one file of an export."""
        export = self.exports.get(request.path_params["job"])
        files = {**export.output, **export.deleted} if export else {}
        if request.path_params["name"] not in files:
            return outcome("not-found", 404)
        _, lines = files[request.path_params["name"]]
        body = b"".join(line + b"\n" for line in lines)
        return Response(body, media_type=NDJSON)

    def _collect(
        self, request: str, night: date, types: list[str], since: datetime | None
    ) -> Export:
        """Gather what has changed after an instant, as it stands now."""
        latest: dict[tuple[str, str], tuple[bool, bytes]] = {}
        bundles: list[bytes] = []
        for folder in self._feed.nights():
            new = since is None or at_two(folder) > since
            for type_ in types:
                for line in self._feed.lines(folder, type_):
                    latest[type_, json.loads(line)["id"]] = (new, line)
            for line in self._feed.lines(folder, "deleted"):
                for entry in json.loads(line)["entry"]:
                    type_, _, identifier = entry["request"]["url"].partition("/")
                    latest.pop((type_, identifier), None)
                if new and since is not None:
                    bundles.append(line)
        export = Export(request, at_two(night))
        export.polls_left = self._options.polls_before_ready
        for type_ in types:
            chosen = [
                line for (of, _), (new, line) in latest.items() if new and of == type_
            ]
            export.output |= self._split(type_, type_, chosen)
        export.deleted |= self._split("Bundle", "deleted", bundles)
        return export

    def _split(
        self, type_: str, stem: str, lines: list[bytes]
    ) -> dict[str, tuple[str, list[bytes]]]:
        """Split lines into files of a limited length."""
        size = self._options.rows_per_file
        return {
            f"{stem}.{start // size}.ndjson": (type_, lines[start : start + size])
            for start in range(0, len(lines), size)
        }


def at_two(night: date) -> datetime:
    """Return the moment of a night's extract: two o'clock in the county."""
    return datetime.combine(night, time(2), tzinfo=ZONE)


def outcome(
    code: str, status: int, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return a FHIR OperationOutcome."""
    issue = {"severity": "error", "code": code}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(
        body, status_code=status, headers=headers, media_type="application/fhir+json"
    )


def _files(
    request: Request, files: dict[str, tuple[str, list[bytes]]]
) -> list[dict[str, Any]]:
    """Describe files as a manifest does."""
    return [
        {"type": type_, "url": f"{request.url}/{name}", "count": len(lines)}
        for name, (type_, lines) in files.items()
    ]
