"""Night folders, on whatever kind of store: which are complete, and what they hold."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO
from typing import Protocol

from concord.exceptions import DataError, TransportError
from concord.transport.base import Drop, Fetched, Part, Sink, StoredPart
from concord.transport.night_manifest import (
    CHECKSUM,
    Contents,
    File,
    check_checksum,
    listed_files,
    read_manifest,
)
from concord.transport.problems import failed, not_ready
from concord.transport.specs import NightFolderSpec
from concord.transport.streams import CheckedStream, RecordCounter

MANIFEST_LIMIT = 4 * 2**20
CHECKSUM_LIMIT = 4096
SUFFIXES = {"csv": ".csv", "lines": ".ndjson", "uncounted": ""}
PACKED = (".gz", ".zip")

Read = Callable[[int], bytes]


@dataclass(frozen=True)
class Entry:
    """A file or folder as it looks now; another version is another content."""

    name: str
    size: int
    version: str
    is_file: bool


class Visit(Protocol):
    """One connection to a store, with every failure of it put into our words."""

    def entries(self, folder: str, what: str) -> tuple[Entry, ...]:
        """List a folder."""
        ...

    def look(self, path: str, what: str, missing: str = "NOT_FOUND") -> Entry:
        """Look at one file; ``missing`` is the code if there is none."""
        ...

    def reading(self, path: str, what: str, ahead: int) -> AbstractContextManager[Read]:
        """Open a file, of which at most so many bytes will be read."""
        ...


class NightFolderTransport:
    """Fetches night folders through any callable that opens a visit."""

    def __init__(
        self,
        feed: str,
        spec: NightFolderSpec,
        visit: Callable[[], AbstractContextManager[Visit]],
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._feed = feed
        self._spec = spec
        self._visit = visit
        self._pause = pause

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """List complete night folders after the cursor, up to the night.

        Raises:
            DeliveryNotReady: There are folders, but their files are still arriving.
        """
        with self._visit() as visit:
            listed = visit.entries(self._spec.path, self._feed)
            found = (self._night(entry.name) for entry in listed)
            nights = sorted(n for n in found if n is not None and n <= night)
            names = [f"{n:%Y%m%d}" for n in nights]
            later = [name for name in names if name > (cursor or "")]
            if self._spec.complete == "manifest":
                complete = [name for name in later if self._has_manifest(visit, name)]
            else:
                complete = self._settled(visit, later)
        reached = [cursor or "", *complete]
        return tuple(
            Drop(date.fromisoformat(name), self._path(name), before)
            for before, name in zip(reached, complete, strict=False)
        )

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring one night folder into the sink and hold it to what was announced."""
        folder = f"{drop.night:%Y%m%d}"
        parts: list[StoredPart] = []
        with self._visit() as visit:
            told: Contents
            if self._spec.complete == "manifest":
                body = self._small(visit, folder, self._spec.manifest, "manifest")
                told = read_manifest(self._feed, self._spec, body, after=drop.cursor)
                part = Part("manifest/00001.json", "manifest", "manifest")
                parts.append(sink.store(part, BytesIO(body)))
            else:
                listing = self._files_in(visit, folder)
                told = listed_files(self._feed, self._spec, listing)
            for number, file in enumerate(told.files, start=1):
                parts.append(self._store(visit, folder, number, file, sink))
            if self._spec.complete == "stable":
                self._check_same(listing, self._files_in(visit, folder))
        return Fetched(
            parts=tuple(parts),
            rows_expected=told.rows_by_table(),
            cursor=folder,
            source=drop.source,
        )

    def _night(self, name: str) -> date | None:
        """Read a folder's name as a night; others are not ours to look into."""
        pattern = self._spec.folder_name
        try:
            night = datetime.strptime(name, pattern).date()  # noqa: DTZ007 - a day
        except ValueError:
            return None
        return night if night.strftime(pattern) == name else None

    def _path(self, folder: str, *names: str) -> str:
        """Return the path of a night folder (as the cursor names it) or of its file."""
        name = date.fromisoformat(folder).strftime(self._spec.folder_name)
        return "/".join((self._spec.path.rstrip("/"), name, *names))

    def _has_manifest(self, visit: Visit, folder: str) -> bool:
        """Say whether a folder's manifest has been written."""
        try:
            visit.look(self._path(folder, self._spec.manifest), "manifest")
        except DataError as error:
            if error.code != "NOT_FOUND":
                raise
            return False
        return True

    def _settled(self, visit: Visit, folders: Sequence[str]) -> list[str]:
        """Return the folders, oldest first, in which nothing moves between two looks.

        The first that is not settled ends the list, so that no night is passed over.
        """
        first = {}
        lacking = ""
        for folder in folders:
            files = self._files_in(visit, folder)
            if lacking := self._lacking(files):
                break
            first[folder] = files
        if first:
            self._pause(self._spec.stable_seconds)
        settled = []
        for folder, files in first.items():
            if self._files_in(visit, folder) != files:
                lacking = "files are still growing"
                break
            settled.append(folder)
        if lacking and not settled:
            raise not_ready(self._feed, lacking)
        return settled

    def _files_in(self, visit: Visit, folder: str) -> dict[str, Entry]:
        """List a folder's files by name."""
        entries = visit.entries(self._path(folder), "night folder")
        return {e.name: e for e in entries if e.is_file}

    def _lacking(self, files: dict[str, Entry]) -> str:
        """Say in words what a folder still waits for."""
        data = [name for name in files if not name.endswith(CHECKSUM)]
        for table, pattern in self._spec.patterns.items():
            names = [name for name in data if fnmatchcase(name, pattern)]
            if not names:
                return f"no file yet for {table}"
            if self._spec.checksum_files and any(
                name + CHECKSUM not in files for name in names
            ):
                return f"no checksum file yet for {table}"
        return ""

    def _check_same(self, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        """Raise if a folder does not look as it did before it was read."""
        if before != after:
            detail = "the night folder changed while it was read"
            raise failed("CHANGED_WHILE_READ", self._feed, detail)

    def _small(self, visit: Visit, folder: str, name: str, what: str) -> bytes:
        """Read a file that must be small: a manifest or a checksum."""
        limit = MANIFEST_LIMIT if what == "manifest" else CHECKSUM_LIMIT
        path = self._path(folder, name)
        detail = f"{what} is longer than {limit:,} bytes"
        too_large = partial(failed, "TOO_LARGE", self._feed, detail)
        with self._stream(visit, path, what, limit, too_large) as stream:
            return stream.buffered().read()

    def _store(
        self, visit: Visit, folder: str, number: int, file: File, sink: Sink
    ) -> StoredPart:
        """Store one file; one that is replaced while it is read is read once more."""
        store = partial(self._store_once, visit, folder, number, file, sink)
        try:
            return store()
        except TransportError as error:
            if error.code != "CHANGED_WHILE_READ":
                raise
        return store()

    def _store_once(
        self, visit: Visit, folder: str, number: int, file: File, sink: Sink
    ) -> StoredPart:
        """Stream one file to the sink and compare it with what was announced."""
        kind = "uncounted" if file.name.endswith(PACKED) else self._spec.records
        counter = None if kind == "uncounted" else RecordCounter(kind)
        name = f"{file.table}/{number:05d}{SUFFIXES[kind]}"
        part = Part(name, file.table, "rows", file.rows)
        path, what = self._path(folder, file.name), f"table {file.table}"
        longer = partial(file.differs, self._feed, "is longer")
        with self._stream(visit, path, what, file.bytes, longer, counter) as stream:
            stored = stream.into(sink, part)
            # What came packed has its rows counted when it is unpacked, or is held.
            counted = counter is not None and stream.packed is None
            file.check(self._feed, stream, counted=counted)
        if self._spec.checksum_files:
            told = self._checksum(visit, folder, file)
            check_checksum(self._feed, file.table, told, stream.sha256)
        return stored

    def _checksum(self, visit: Visit, folder: str, file: File) -> bytes:
        """Read the checksum file beside a file; empty if there is none."""
        what = f"checksum of table {file.table}"
        try:
            return self._small(visit, folder, file.name + CHECKSUM, what)
        except TransportError as error:
            if error.code != "VANISHED":
                raise
            return b""

    @contextmanager
    def _stream(
        self,
        visit: Visit,
        path: str,
        what: str,
        limit: int,
        over_limit: Callable[[], DataError],
        counter: RecordCounter | None = None,
    ) -> Iterator[CheckedStream]:
        """Open a file as a checked stream that ends well only if nobody touched it."""
        before = visit.look(path, what, "VANISHED")

        def check() -> None:
            if visit.look(path, what, "VANISHED") != before:
                detail = f"{what} was replaced while it was read"
                raise failed("CHANGED_WHILE_READ", self._feed, detail)

        def too_large() -> DataError:
            check()
            return over_limit()

        with visit.reading(path, what, min(before.size, limit)) as read:

            def read_some(wanted: int) -> bytes:
                data = read(wanted)
                if not data:
                    check()
                return data

            yield CheckedStream(
                read_some, limit=limit, too_large=too_large, counter=counter
            )
