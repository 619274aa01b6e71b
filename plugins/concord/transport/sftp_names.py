"""Listings of an SFTP server whose names are in any encoding."""

from typing import Any

from paramiko import Message, SFTPClient
from paramiko.sftp import CMD_NAME


class AnyNames(SFTPClient):  # type: ignore[misc]  # paramiko has no types
    """An SFTP client to which a listing may hold names in any encoding.

    paramiko takes all for UTF-8, and gives up a whole listing for one other name, be it
    that of a file's owner. What is not UTF-8 in a name is replaced; such a file is
    never asked for.
    """

    def _request(self, kind: int, *args: Any) -> Any:
        """Send a request; the texts of its answer are read leniently."""
        answered, answer = super()._request(kind, *args)
        if answered == CMD_NAME:
            answer = _AnyText(answer.get_remainder())
        return answered, answer


class _AnyText(Message):  # type: ignore[misc]
    """An answer whose texts need not be UTF-8."""

    def get_text(self) -> str:
        """Return the next text."""
        return str(self.get_string(), "utf-8", "replace")
