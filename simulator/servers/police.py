"""The agencies' file server: SFTP, read-only, only nights that have come."""

import hmac
import os
from collections.abc import AsyncIterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh import FXF_READ, SFTPName, SFTPNoSuchFile, SFTPPermissionDenied

from simulator.servers.nights import current_night


class PoliceSftp(asyncssh.SFTPServer):
    """Shows the night folders of one feed and nothing else."""

    def __init__(self, channel: Any, root: Path, feed: str = "police_rms") -> None:
        folder = root / "served" / feed
        super().__init__(channel, chroot=str(folder).encode())
        self._root = root

    def map_path(self, path: bytes) -> bytes:
        """Map a path into the served folder; nights to come do not exist."""
        local = super().map_path(path)
        parts = Path(self.reverse_map_path(local).decode()).parts
        if len(parts) > 1 and not self._has_come(parts[1]):
            raise SFTPNoSuchFile("no such file")
        return local

    def _has_come(self, name: str) -> bool:
        """Say whether a top folder is a night that has come."""
        current = current_night(self._root)
        try:
            return current is not None and date.fromisoformat(name) <= current
        except ValueError:
            return False

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        """List a folder without the nights to come."""
        top = self.map_path(path) == self.map_path(b"/")
        async for entry in super().scandir(path):
            name = Path(os.fsdecode(entry.filename)).name
            if not top or name in (".", "..") or self._has_come(name):
                yield entry

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        """Open a file for reading."""
        if pflags != FXF_READ:
            raise SFTPPermissionDenied("read-only")
        return super().open(path, pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: Any) -> Any:
        """Open nothing by the newer protocol, which our clients do not speak."""
        raise SFTPPermissionDenied("read-only")

    def _refuse(self, *_: Any) -> Any:
        """Refuse every operation that would change or reveal something else."""
        raise SFTPPermissionDenied("read-only")

    # One refusal stands in for methods of many signatures.
    write = setstat = lsetstat = fsetstat = remove = mkdir = _refuse  # type: ignore[assignment]
    rmdir = rename = posix_rename = symlink = link = readlink = _refuse  # type: ignore[assignment]


class PoliceLogin(asyncssh.SSHServer):
    """Lets in one account a feed, by password; the police's also by key."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords
        self._connection: asyncssh.SSHServerConnection | None = None
        self.attempts = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember the connection, so that it can be ended."""
        self._connection = conn

    async def hang_up(self) -> None:
        """End the connection and close the files it had open."""
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()

    def password_auth_supported(self) -> bool:
        """Say that passwords are accepted."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Check the password in constant time."""
        self.attempts += 1
        known = self._passwords.get(username, "")
        right = hmac.compare_digest(password.encode(), known.encode())
        return bool(known) and right
