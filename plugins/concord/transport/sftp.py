"""Night folders on an SFTP server, each complete once its manifest is there."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

from paramiko import SFTPClient, SFTPError, SSHException

from concord.exceptions import DataError
from concord.transport.base import Drop, Fetched, Part, Sink, StoredPart
from concord.transport.problems import failed, held
from concord.transport.sftp_login import refusal
from concord.transport.sftp_manifest import File, read_manifest
from concord.transport.specs import SftpSpec
from concord.transport.streams import CHUNK, CheckedStream, RecordCounter

MANIFEST_LIMIT = 4 * 2**20
REQUESTS_AHEAD = 64
SUFFIXES = {"csv": ".csv", "lines": ".ndjson", "uncounted": ""}

Answer = TypeVar("Answer")


class SftpTransport:
    """Fetches night folders through any callable that opens a paramiko SFTPClient.

    The callable is called once a visit, and the connection is closed afterwards.
    """

    def __init__(
        self, feed: str, spec: SftpSpec, open_sftp: Callable[[], SFTPClient]
    ) -> None:
        self._feed = feed
        self._spec = spec
        self._open_sftp = open_sftp

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """List complete night folders after the cursor, up to the night."""
        with self._visit() as visit:
            names = visit.ask(partial(visit.sftp.listdir, self._spec.path), self._feed)
            nights = sorted(n for n in map(_night, names) if n and n <= night)
            complete = [
                folder
                for folder in (f"{n:%Y%m%d}" for n in nights)
                if folder > (cursor or "") and self._is_complete(visit, folder)
            ]
        reached = [cursor or "", *complete]
        return tuple(
            Drop(date.fromisoformat(name), self._path(name), before)
            for before, name in zip(reached, complete, strict=False)
        )

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring one night folder into the sink and hold it to its manifest."""
        folder = f"{drop.night:%Y%m%d}"
        with self._visit() as visit:
            body = self._manifest_bytes(visit, folder)
            manifest = read_manifest(self._feed, self._spec, body, after=drop.cursor)
            part = Part("manifest/00001.json", "manifest", "manifest")
            parts = [sink.store(part, BytesIO(body))]
            for number, file in enumerate(manifest.files, start=1):
                parts.append(self._store(visit, folder, number, file, sink))
        return Fetched(
            parts=tuple(parts),
            rows_expected=manifest.rows_by_table(),
            cursor=folder,
            source=drop.source,
        )

    def _path(self, *names: str) -> str:
        """Return the remote path of a folder or file."""
        return "/".join((self._spec.path.rstrip("/"), *names))

    def _is_complete(self, visit: "_Visit", folder: str) -> bool:
        """Say whether a folder's manifest has been written."""
        try:
            visit.ask(
                partial(visit.sftp.stat, self._path(folder, self._spec.manifest)),
                "manifest",
            )
        except DataError as error:
            if error.code != "NOT_FOUND":
                raise
            return False
        return True

    def _manifest_bytes(self, visit: "_Visit", folder: str) -> bytes:
        """Read a manifest, which must be small."""
        path = self._path(folder, self._spec.manifest)
        with visit.stream(path, "manifest", limit=MANIFEST_LIMIT) as stream:
            return stream.buffered().read()

    def _store(
        self, visit: "_Visit", folder: str, number: int, file: File, sink: Sink
    ) -> StoredPart:
        """Stream one file to the sink and compare it with its manifest entry."""
        kind = self._spec.records
        counter = None if kind == "uncounted" else RecordCounter(kind)
        name = f"{file.table}/{number:05d}{SUFFIXES[kind]}"
        part = Part(name, file.table, "rows", file.rows)
        with visit.stream(
            self._path(folder, file.name),
            f"table {file.table}",
            limit=file.bytes,
            counter=counter,
            over_limit="MANIFEST_MISMATCH",
        ) as stream:
            stored = stream.into(sink, part)
            file.check(self._feed, stream, counted=counter is not None)
        return stored

    @contextmanager
    def _visit(self) -> Iterator["_Visit"]:
        """Open a connection that cannot outlive the deadline, and close it."""
        try:
            sftp = self._open_sftp()
        except (OSError, EOFError, SSHException) as error:
            raise refusal(self._feed, error) from None
        sftp.get_channel().settimeout(self._spec.timeout_seconds)
        visit = _Visit(self._feed, sftp)
        watchdog = threading.Timer(self._spec.deadline_seconds, visit.expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield visit
        finally:
            watchdog.cancel()
            visit.close()


class _Visit:
    """One connection, with every failure of it put into our words."""

    def __init__(self, feed: str, sftp: SFTPClient) -> None:
        self.sftp = sftp
        self._feed = feed
        self._expired = False

    def expire(self) -> None:
        """Cut the connection: the only thing that ends a read that trickles."""
        self._expired = True
        self.close()

    def close(self) -> None:
        """Close channel and connection."""
        self.sftp.get_channel().get_transport().close()

    def ask(
        self, call: Callable[[], Answer], what: str, missing: str = "NOT_FOUND"
    ) -> Answer:
        """Call paramiko, naming a failure without the server's own words."""
        try:
            return call()
        except (OSError, EOFError, SSHException, SFTPError) as error:
            raise self._problem(error, what, missing) from None

    @contextmanager
    def stream(
        self,
        path: str,
        what: str,
        *,
        limit: int,
        counter: RecordCounter | None = None,
        over_limit: str = "",
    ) -> Iterator[CheckedStream]:
        """Open a remote file as a checked stream."""
        remote: Any = self.ask(partial(self.sftp.open, path, "rb"), what, "VANISHED")
        size = self.ask(remote.stat, what).st_size or 0
        if ahead := min(size, limit):
            remote.prefetch(ahead, max_concurrent_requests=REQUESTS_AHEAD)
        yield CheckedStream(
            lambda wanted: self.ask(partial(remote.read, min(wanted, CHUNK)), what),
            limit=limit,
            too_large=partial(self._too_large, what, over_limit),
            counter=counter,
        )
        self.ask(remote.close, what)

    def _too_large(self, what: str, held_code: str) -> DataError:
        """Make the error for a file that goes on after its end."""
        detail = f"{what} is longer than announced"
        if held_code:
            return held(held_code, self._feed, detail)
        return failed("TOO_LARGE", self._feed, detail)

    def _problem(self, error: Exception, what: str, missing: str) -> DataError:
        """Name a paramiko failure."""
        if self._expired:
            return failed("DEADLINE", self._feed, f"{what}: the total deadline passed")
        if isinstance(error, TimeoutError):
            return failed("TIMEOUT", self._feed, f"{what}: the server stopped sending")
        if isinstance(error, FileNotFoundError):
            return failed(missing, self._feed, f"{what} is not on the server")
        if isinstance(error, PermissionError):
            return failed("FORBIDDEN", self._feed, f"{what} may not be read")
        return failed("SHORT_BODY", self._feed, f"{what}: the connection broke")


def _night(name: str) -> date | None:
    """Read a folder name as a night; other names are not ours to look into."""
    if len(name) != 8 or not (name.isascii() and name.isdigit()):
        return None
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
