"""Night folders on a disk or in an object store, through fsspec."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from concord.exceptions import DataError
from concord.transport.base import Connection
from concord.transport.night_folders import Entry, Read
from concord.transport.problems import failed
from concord.transport.specs import FolderSpec
from concord.transport.streams import CHUNK

Answer = TypeVar("Answer")


@contextmanager
def visit_folder(
    feed: str, spec: FolderSpec, connection: Connection
) -> Iterator["FolderVisit"]:
    """Open the store that the connection's ``extra.url`` names."""
    from fsspec.core import url_to_fs

    url = str(connection.extra.get("url") or "")
    if not url:
        raise failed("UNREACHABLE", feed, "the connection names no extra.url")
    options = connection.extra.get("storage_options") or {}
    problem: Exception | None = None
    try:
        store, root = url_to_fs(url, **options)
    except Exception as error:  # each store's library has errors of its own
        problem = error
    if problem is not None:
        detail = f"the store of extra.url does not open ({type(problem).__name__})"
        raise failed("UNREACHABLE", feed, detail)
    yield FolderVisit(feed, store, root, time.monotonic() + spec.deadline_seconds)


class FolderVisit:
    """One store, with every failure of it put into our words."""

    def __init__(self, feed: str, store: Any, root: str, deadline: float) -> None:
        self._feed = feed
        self._store = store
        self._root = root.rstrip("/")
        self._deadline = deadline

    def entries(self, folder: str, what: str) -> tuple[Entry, ...]:
        """List a folder as it is now; links in it are passed over."""
        path = self._root + folder
        self._store.invalidate_cache()
        found = self._ask(partial(self._store.ls, path, detail=True), what)
        return tuple(_entry(info) for info in found if not info.get("islink"))

    def look(self, path: str, what: str, missing: str = "NOT_FOUND") -> Entry:
        """Look at one file; a link is none, for it could lead to any file of ours."""
        self._store.invalidate_cache()
        info = self._ask(partial(self._store.info, self._root + path), what, missing)
        entry = _entry(info)
        if not entry.is_file:
            raise failed("FORBIDDEN", self._feed, f"{what} is a link or no file")
        return entry

    @contextmanager
    def reading(self, path: str, what: str, ahead: int) -> Iterator[Read]:
        """Open a file; stores read ahead by themselves."""
        open_file = partial(self._store.open, self._root + path, "rb")
        with self._ask(open_file, what, "VANISHED") as file:
            yield lambda wanted: self._ask(partial(file.read, min(wanted, CHUNK)), what)

    def _ask(
        self, call: Callable[[], Answer], what: str, missing: str = "NOT_FOUND"
    ) -> Answer:
        """Call the store, naming a failure without the store's own words."""
        if time.monotonic() > self._deadline:
            raise failed("DEADLINE", self._feed, f"{what}: the total deadline passed")
        try:
            return call()
        except Exception as error:  # each store's library has errors of its own
            raise self._problem(error, what, missing) from None

    def _problem(self, error: Exception, what: str, missing: str) -> DataError:
        """Name a store's failure."""
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return failed(missing, self._feed, f"{what} is not in the store")
        if isinstance(error, PermissionError):
            return failed("FORBIDDEN", self._feed, f"{what} may not be read")
        if isinstance(error, TimeoutError):
            return failed("TIMEOUT", self._feed, f"{what}: the store stopped answering")
        detail = f"{what}: the store failed ({type(error).__name__})"
        return failed("SHORT_BODY", self._feed, detail)


def _entry(info: Mapping[str, Any]) -> Entry:
    """Say how a file looks; any change of what the store tells is a change of it."""
    return Entry(
        name=str(info["name"]).rstrip("/").rsplit("/", 1)[-1],
        size=info.get("size") or 0,
        version=str(sorted(info.items())),
        is_file=info.get("type") == "file" and not info.get("islink"),
    )
