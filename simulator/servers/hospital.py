"""The hospital's FHIR server: bulk data export of one group, asynchronously."""

import gzip
import json
import secrets
from collections.abc import Mapping
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
EXPORT_METHODS = ("GET", "POST")
NDJSON = "application/fhir+ndjson"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


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
        self.login = login
        self._tokens = tokens
        self._options = o
        self.exports: dict[str, Export] = {}

    def routes(self) -> list[Route]:
        """Return what this server answers."""
        smart, guard = "/.well-known/smart-configuration", self._tokens.guard
        return [
            Route(smart, self._smart, methods=["GET"]),
            Route("/fhir" + smart, self._smart, methods=["GET"]),
            Route("/token", self.login.answer, methods=["POST"]),
            Route("/fhir/metadata", self._statement, methods=["GET"]),
            *(
                Route(
                    f"/fhir{path}$export", guard(self._start), methods=["GET", "POST"]
                )
                for path in ("/Group/{group}/", "/Patient/", "/")
            ),
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

    async def _statement(self, request: Request) -> Response:
        """Say the same as servers did before there was a SMART configuration."""
        token = {"url": "token", "valueUri": f"{request.base_url}token"}
        security = {"extension": [{"url": OAUTH_URIS, "extension": [token]}]}
        rest = {"mode": "server", "security": security}
        return JSONResponse({"resourceType": "CapabilityStatement", "rest": [rest]})

    async def _start(self, request: Request) -> Response:
        """Accept an export, asked for by GET or by POST."""
        params = await _parameters(request)
        night = self._feed.current()
        if request.path_params.get("group", GROUP) != GROUP or night is None:
            return outcome("not-found", 404)
        if params is None:
            return outcome("invalid", 400)
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
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(body, media_type=NDJSON)
        headers = {"Content-Encoding": "gzip"}
        return Response(gzip.compress(body, 1), media_type=NDJSON, headers=headers)

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
                    latest[type_, _identity(line)] = (new, line)
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


def _identity(line: bytes) -> str:
    """Return a resource's id; a line that no one can read stands for itself."""
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return line.decode("utf-8", "replace")


async def _parameters(request: Request) -> Mapping[str, str] | None:
    """Read a query, or a Parameters resource in which a name may stand repeatedly."""
    if request.method == "GET":
        return request.query_params
    try:
        document = await request.json()
        found: dict[str, list[str]] = {}
        for entry in document["parameter"]:
            (value,) = (entry[key] for key in entry if key.startswith("value"))
            found.setdefault(entry["name"], []).append(str(value))
    except (ValueError, KeyError, TypeError):
        return None
    if document.get("resourceType") != "Parameters":
        return None
    return {name: ",".join(values) for name, values in found.items()}


def _files(
    request: Request, files: dict[str, tuple[str, list[bytes]]]
) -> list[dict[str, Any]]:
    """Describe files as a manifest does."""
    return [
        {"type": type_, "url": f"{request.url}/{name}", "count": len(lines)}
        for name, (type_, lines) in files.items()
    ]
