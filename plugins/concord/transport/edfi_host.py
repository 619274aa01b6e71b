"""Where an Ed-Fi host has its doors, and which change versions it can tell of."""

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

from concord.transport.documents import Document
from concord.transport.http import HttpVisit
from concord.transport.problems import held
from concord.transport.specs import EdFiSpec

VERSIONS = "available change versions"
PATTERN = re.compile(r"\{([^{}]*)\}")
DATA, CHANGES = "/data/v3", "/changeQueries/v1"


@dataclass(frozen=True)
class Urls:
    """Addresses of login, data and change queries, and the release; 0 if untold."""

    login: str
    data: str
    changes: str
    release: int = 0


@dataclass(frozen=True)
class Window:
    """Change versions to read: those after ``last``, up to ``newest``; None is open."""

    last: int | None
    newest: int | None

    @property
    def params(self) -> dict[str, str | int]:
        """Return the window as query parameters."""
        least = {} if self.last is None else {"minChangeVersion": self.last + 1}
        most = {} if self.newest is None else {"maxChangeVersion": self.newest}
        return {**least, **most}

    def steps(self, size: int | None) -> tuple["Window", ...]:
        """Return the window in pieces of at most so many change versions."""
        if size is None or self.newest is None:
            return (self,)
        ends = range((self.last or 0) + size, self.newest, size)
        edges = (self.last, *ends, self.newest)
        return tuple(Window(a, b) for a, b in pairwise(edges))


def find_urls(visit: HttpVisit, spec: EdFiSpec) -> Urls:
    """Return a host's addresses, as the contract or its discovery document says."""
    if spec.urls is not None:
        return Urls(
            login=visit.address(spec.urls.oauth),
            data=visit.address(spec.urls.data_management_api).rstrip("/"),
            changes=visit.address(spec.urls.change_queries).rstrip("/"),
        )
    what = "the discovery document"
    body = visit.get(spec.discovery_path, what, token=False).body
    found = Document(visit.feed, what, body)
    data = _filled(found, "dataManagementApi", spec)
    changes = (
        _filled(found, "changeQueries", spec)
        if found.at("urls.changeQueries")
        else data.replace(DATA, CHANGES, 1)
    )
    return Urls(
        login=visit.address(_filled(found, "oauth", spec)),
        data=_placed(visit.address(data), spec),
        changes=_placed(visit.address(changes), spec),
        release=_release(found.at("version")),
    )


def _release(told: object) -> int:
    """Return the first number of a host's version."""
    first = str(told).lstrip("v").partition(".")[0]
    return int(first) if first.isascii() and first.isdigit() else 0


def _filled(found: Document, name: str, spec: EdFiSpec) -> str:
    """Return an address of the document, its pattern filled with year and instance."""

    def fill(match: re.Match[str]) -> str:
        value = spec.year if "year" in match[1].lower() else spec.instance
        if value is None:
            detail = f"urls.{name} is a pattern: give instance or year in the contract"
            raise found.problem(detail)
        return str(value)

    return PATTERN.sub(fill, found.text(f"urls.{name}"))


def _placed(url: str, spec: EdFiSpec) -> str:
    """Return an address with instance and year, if the host has several.

    A host writes them where it wants; one that leaves them out has them at the end.
    """
    url = url.rstrip("/")
    parts = urlsplit(url).path.split("/")
    left = [part for part in spec.place.split("/") if part and part not in parts]
    return "/".join((url, *left))


def pin(feed: str, cursor: str, body: bytes) -> Window:
    """Return what to read up to the newest change version; hold if it can't be known.

    Without a cursor, that is everything there is.
    """
    versions = Document(feed, VERSIONS, body)
    newest = _version(versions, "newestChangeVersion")
    oldest = _version(versions, "oldestChangeVersion")
    if not cursor:
        return Window(last=None, newest=newest)
    last = int(cursor)
    if newest < last:
        detail = "change versions start again below the last one taken"
        raise held("TRACKING_RESET", feed, detail)
    if oldest > last + 1:
        detail = "change versions after the last one taken are gone"
        raise held("TRACKING_TRUNCATED", feed, detail)
    return Window(last=last, newest=newest)


def newest_version(feed: str, body: bytes) -> int:
    """Return the newest change version that a host tells of."""
    return _version(Document(feed, VERSIONS, body), "newestChangeVersion")


def _version(versions: Document, name: str) -> int:
    """Return a change version; hosts before 6.0 write the key with a capital."""
    capital = name[0].upper() + name[1:]
    return versions.number(name if versions.at(capital) is None else capital)
