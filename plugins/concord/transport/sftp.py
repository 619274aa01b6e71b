"""Night folders on an SFTP server."""

import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from paramiko import SFTPAttributes, SFTPClient, SFTPError, SSHException

from concord.exceptions import DataError
from concord.transport.night_folders import Entry, Read
from concord.transport.problems import failed
from concord.transport.sftp_login import refusal
from concord.transport.specs import SftpSpec
from concord.transport.streams import CHUNK

REQUESTS_AHEAD = 64

Answer = TypeVar("Answer")


@contextmanager
def visit_sftp(
    feed: str, spec: SftpSpec, open_sftp: Callable[[], SFTPClient]
) -> Iterator["SftpVisit"]:
    """Open a connection that cannot outlive the deadline, and close it.

    ``open_sftp`` is called once a visit.
    """
    try:
        sftp = open_sftp()
    except (OSError, EOFError, SSHException) as error:
        raise refusal(feed, error) from None
    sftp.get_channel().settimeout(spec.timeout_seconds)
    visit = SftpVisit(feed, sftp)
    watchdog = threading.Timer(spec.deadline_seconds, visit.expire)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield visit
    finally:
        watchdog.cancel()
        visit.close()


class SftpVisit:
    """One SFTP connection, with every failure of it put into our words."""

    def __init__(self, feed: str, sftp: SFTPClient) -> None:
        self._sftp = sftp
        self._feed = feed
        self._expired = False

    def expire(self) -> None:
        """Cut the connection: the only thing that ends a read that trickles."""
        self._expired = True
        self.close()

    def close(self) -> None:
        """Close channel and connection."""
        self._sftp.get_channel().get_transport().close()

    def entries(self, folder: str, what: str) -> tuple[Entry, ...]:
        """List a folder; a link is what it leads to on the agency's own server."""
        found = self._ask(partial(self._sftp.listdir_attr, folder), what)
        return tuple(self._listed(folder, attributes) for attributes in found)

    def _listed(self, folder: str, attributes: SFTPAttributes) -> Entry:
        """Say how a listed file looks; a link that leads nowhere is no file."""
        entry = _entry(attributes.filename, attributes)
        if not stat.S_ISLNK(attributes.st_mode or 0):
            return entry
        try:
            found = self._sftp.stat(f"{folder.rstrip('/')}/{entry.name}")
        except (OSError, ValueError):
            return entry
        return _entry(entry.name, found)

    def look(self, path: str, what: str, missing: str = "NOT_FOUND") -> Entry:
        """Look at one file."""
        found = self._ask(partial(self._sftp.stat, path), what, missing)
        return _entry(path, found)

    @contextmanager
    def reading(self, path: str, what: str, ahead: int) -> Iterator[Read]:
        """Open a file, asking for what will be read before it is."""
        remote: Any = self._ask(partial(self._sftp.open, path, "rb"), what, "VANISHED")
        try:
            size = self._ask(remote.stat, what).st_size or 0
            if ahead := min(size, ahead):
                remote.prefetch(ahead, max_concurrent_requests=REQUESTS_AHEAD)
            yield lambda wanted: self._ask(
                partial(remote.read, min(wanted, CHUNK)), what
            )
        except BaseException:
            # paramiko closes a forgotten file when it is collected, under a lock that
            # this very thread may hold at that moment: it would wait for ever.
            with suppress(DataError):
                self._ask(remote.close, what)
            raise
        self._ask(remote.close, what)

    def _ask(
        self, call: Callable[[], Answer], what: str, missing: str = "NOT_FOUND"
    ) -> Answer:
        """Call paramiko, naming a failure without the server's own words."""
        try:
            return call()
        except (OSError, EOFError, SSHException, SFTPError) as error:
            raise self._problem(error, what, missing) from None

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


def _entry(name: str, attributes: SFTPAttributes) -> Entry:
    """Say how a file looks; servers keep times in whole seconds."""
    return Entry(
        name=name,
        size=attributes.st_size or 0,
        version=str(attributes.st_mtime),
        is_file=stat.S_ISREG(attributes.st_mode or stat.S_IFREG),
    )
