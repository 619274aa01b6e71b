"""Finding a FHIR server's token endpoint, and logging in as a backend service."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from concord.exceptions import DataError
from concord.transport.documents import Document
from concord.transport.fhir_request import FHIR_JSON
from concord.transport.http import HttpVisit
from concord.transport.oauth import signed_assertion
from concord.transport.problems import failed
from concord.transport.specs import FhirBulkSpec

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
# What a server answers that does not have a document, rather than one in trouble.
ABSENT = frozenset(
    {"FORBIDDEN", "GONE", "HTTP_STATUS", "NOT_DATA", "NOT_FOUND", "UNAUTHORIZED"}
)
ACTIONS = {"v1": "read", "v2": "rs"}


@dataclass(frozen=True)
class _Endpoint:
    """Where tokens come from, and in which version of SMART to ask for them."""

    url: str
    version: str


def log_in(visit: HttpVisit, spec: FhirBulkSpec) -> None:
    """Say how to fetch a token: for reading our types, and nothing else."""
    if spec.auth == "none":
        return
    found = _endpoint(visit, spec)
    version = found.version if spec.scopes == "auto" else spec.scopes
    scope = " ".join(f"system/{type_}.{ACTIONS[version]}" for type_ in spec.types)
    visit.log_in_with(signed_assertion(visit.address(found.url), scope))


def _endpoint(visit: HttpVisit, spec: FhirBulkSpec) -> _Endpoint:
    """Take the contract's word, else the server's, in its new or its old document."""
    if spec.token_url:
        return _Endpoint(str(spec.token_url), "v2")
    base = spec.base_path.rstrip("/")
    smart = f"{base}/.well-known/smart-configuration"
    if found := _document(visit, smart, "the SMART configuration", "application/json"):
        url = found.at("token_endpoint")
        if isinstance(url, str) and url:
            return _Endpoint(url, _version(found))
    statement = "the capability statement"
    if found := _document(visit, f"{base}/metadata", statement, FHIR_JSON):
        for url in _oauth_uris(found):
            return _Endpoint(url, "v1")
    detail = "neither the SMART configuration nor the capability statement names one"
    raise failed("TOKEN_ENDPOINT_UNKNOWN", visit.feed, detail)


def _document(visit: HttpVisit, path: str, what: str, accept: str) -> Document | None:
    """Get a document that need not be there."""
    try:
        reply = visit.get(path, what, headers={"Accept": accept}, token=False)
    except DataError as error:
        if error.code not in ABSENT:
            raise
        return None
    return Document(visit.feed, what, reply.body)


def _version(smart: Document) -> str:
    """Choose version 2 of scopes, unless the server only shows the first."""
    told = {str(name) for name in _list(smart.at("capabilities"))}
    scopes = [str(scope) for scope in _list(smart.at("scopes_supported"))]
    if "permission-v2" in told or any(scope.endswith(".rs") for scope in scopes):
        return "v2"
    old = "permission-v1" in told or any(scope.endswith(".read") for scope in scopes)
    return "v1" if old else "v2"


def _oauth_uris(statement: Document) -> Iterable[str]:
    """Find the token endpoint in a capability statement's extensions."""
    for rest in _list(statement.at("rest")):
        security = rest.get("security") if isinstance(rest, dict) else None
        for extension in _extensions(security):
            if extension.get("url") == OAUTH_URIS:
                for entry in _extensions(extension):
                    url = entry.get("valueUri")
                    if entry.get("url") == "token" and isinstance(url, str) and url:
                        yield url


def _extensions(element: Any) -> list[dict[str, Any]]:
    """Return the extensions of an element, whatever it really is."""
    found = element.get("extension") if isinstance(element, dict) else None
    return [entry for entry in _list(found) if isinstance(entry, dict)]


def _list(found: Any) -> list[Any]:
    """Return a list, empty where there is none."""
    return found if isinstance(found, list) else []
