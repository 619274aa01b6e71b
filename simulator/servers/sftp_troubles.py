"""How an SFTP server misbehaves on a night with a fault."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh import SFTPAttrs, SFTPNoSuchFile, SFTPPermissionDenied

from simulator.servers.police import PoliceLogin, PoliceSftp
from simulator.servers.tonight import Tonight

FLOOD = 50 * 2**30
TURNED_AWAY = 3


class TroubledSftp(PoliceSftp):
    """Shows tonight's fault on the first table of a folder, by name."""

    def __init__(self, channel: Any, root: Path, tonight: Tonight) -> None:
        super().__init__(channel, root, tonight.feed)
        self._tonight = tonight

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        """Open a file, unless it may not be read or has vanished."""
        if self._is_shown(path):
            if self._tonight.number == "T9":
                raise SFTPPermissionDenied("permission denied")
            if self._tonight.number == "T10":
                raise SFTPNoSuchFile("no such file")
        return super().open(path, pflags, attrs)

    def stat(self, path: bytes) -> Any:
        """Describe a file: another one than before if it was replaced meanwhile."""
        return self._described(path, super().stat(path))

    def lstat(self, path: bytes) -> Any:
        """Describe a file in the same way."""
        return self._described(path, super().lstat(path))

    def fstat(self, file_obj: Any) -> Any:
        """Describe an open file in the same way."""
        path = self.reverse_map_path(os.fsencode(file_obj.name))
        return self._described(path, super().fstat(file_obj))

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        """Read from a file: late, little by little, other bytes, too many or none."""
        file_obj.seek(offset)
        data: bytes = file_obj.read(size)
        if not self._is_shown(os.fsencode(file_obj.name)):
            return data
        match self._tonight.number:
            case "T2" if offset or len(data) < size:
                self.channel.get_connection().abort()
            case "T3":
                await asyncio.sleep(3600)
            case "T4":
                await asyncio.sleep(0.2)
                return data[:1]
            case "T11":
                self._tonight.kept["replaced"] = True
                return data.swapcase()
            case "T36":
                return b" " * size
        return data

    def _described(self, path: bytes, found: Any) -> Any:
        """Change what is told of the file that shows the fault."""
        if not self._is_shown(path):
            return found
        number = self._tonight.number
        if number == "T36":
            told = SFTPAttrs.from_local(found)
            told.size = FLOOD
            return told
        if number == "T11" and self._tonight.kept.get("replaced"):
            told = SFTPAttrs.from_local(found)
            told.mtime = int(found.st_mtime) + 60
            return told
        return found

    def _is_shown(self, path: bytes) -> bool:
        """Say whether a file is the first table of its folder."""
        if not self._tonight.number or not path.endswith((b".csv", b".zip")):
            return False
        local = Path(os.fsdecode(path))
        if not local.exists():
            local = Path(os.fsdecode(self.map_path(path)))
        return local == min(local.parent.glob(f"*{local.suffix}"), default=None)


class TroubledLogin(PoliceLogin):
    """Lets nobody in on a night on which nobody is let in."""

    def __init__(
        self, passwords: Mapping[str, str], tonight: Mapping[str, Tonight]
    ) -> None:
        super().__init__(passwords)
        self._tonight = tonight

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Turn the first connections away if the server is overrun."""
        super().connection_made(conn)
        for tonight in self._tonight.values():
            overrun = tonight.number == "T8"
            if overrun and tonight.count("connections") <= TURNED_AWAY:
                conn.abort()

    def begin_auth(self, username: str) -> bool:
        """Remember who comes; everybody has to log in."""
        self._account = username if username in self._tonight else "police_rms"
        return True

    def public_key_auth_supported(self) -> bool:
        """Say whether keys are accepted."""
        return not self._locked()

    def validate_password(self, username: str, password: str) -> bool:
        """Check the password, which is never right on such a night."""
        return super().validate_password(username, password) and not self._locked()

    def _locked(self) -> bool:
        return self._tonight[self._account].number == "T7"


async def change_host_key(
    acceptor: asyncssh.SSHAcceptor,
    tonight: Mapping[str, Tonight],
    usual: asyncssh.SSHKey,
    stop: asyncio.Event,
) -> None:
    """Show another host key while that is the fault of a feed, and the usual else."""
    other = asyncssh.generate_private_key("ssh-ed25519")
    shown = usual
    while not stop.is_set():
        changed = any(feed.number == "T5" for feed in tonight.values())
        wanted = other if changed else usual
        if wanted is not shown:
            acceptor.update(server_host_keys=[wanted])
            shown = wanted
        await asyncio.sleep(0.05)
