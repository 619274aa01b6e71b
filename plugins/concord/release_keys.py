"""The key ledger of a release profile: a random key an epoch, wrapped, and its story.

Tokens are made under the key of one epoch. Rotating begins an epoch with a new random
key; destroying an epoch's key takes its wrapped bytes out of the ledger, after which
nobody can make its tokens again: the key was random and was never stored otherwise.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from concord.exceptions import KeyCustodyError
from concord.key_encryption import KeyEncryption
from concord.key_files import KEY_BYTES, owner_only, read_key
from concord.zones import PRIVATE, alone, write_bytes

CHECK_BYTES = 8


@dataclass(frozen=True)
class ReleaseKey:
    """The key of one epoch of a profile."""

    profile: str
    epoch: str
    key: bytes

    @property
    def label(self) -> str:
        """Return what tells this key from every other and nothing of it."""
        return f"{self.profile}/{self.epoch}/{check_value(self.key)}"

    def __repr__(self) -> str:
        """Name the epoch, never the key."""
        return f"ReleaseKey({self.label})"


class KeyEntry(BaseModel):
    """What the ledger says of one epoch's key; the key itself only wrapped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str
    epoch: str
    state: Literal["active", "retired", "destroyed"]
    created: datetime
    check: str
    wrapped: str | None
    retired: datetime | None = None
    destroyed: datetime | None = None

    @property
    def name(self) -> str:
        """Return the key's name, e.g. ``research/1``."""
        return f"{self.profile}/{self.epoch}"


def check_value(key: bytes) -> str:
    """Return what tells a key from another and nothing of the key."""
    return hmac.digest(key, b"kcv", "sha256")[:CHECK_BYTES].hex()


class ReleaseKeys:
    """The ledger of one profile's keys, a file beside the other keys."""

    def __init__(
        self, folder: Path, profile: str, encryption: KeyEncryption, *, makes: bool
    ) -> None:
        self.profile = profile
        self.path = folder / f"release-{profile}.json"
        self.former = folder / f"release-{profile}.key"
        self.encryption = encryption
        self.makes = makes

    def entries(self) -> tuple[KeyEntry, ...]:
        """Return every epoch that ever was, the oldest first."""
        if not self.path.exists():
            return ()
        owner_only(self.path)
        try:
            found = json.loads(self.path.read_bytes())
            return tuple(KeyEntry.model_validate(entry) for entry in found)
        except (ValueError, ValidationError):
            pass
        raise KeyCustodyError(f"{self.path}: unreadable. Restore it from custody")

    def active(self) -> ReleaseKey:
        """Return the key under which tokens are made now; the first is made on use.

        Raises:
            KeyCustodyError: The key is missing, retired or not the one of the ledger.
        """
        if not self.path.exists():
            self._begin()
        for entry in self.entries():
            if entry.state == "active":
                return self._open(entry)
        raise KeyCustodyError(
            f"the keys of release '{self.profile}' are retired: no release is made. To "
            f"go on with new tokens: concord keys rotate {self.profile}"
        )

    def rotate(self, at: datetime) -> KeyEntry:
        """Begin an epoch with a new random key; the former is retired."""
        if self.former.exists() and not self.path.exists():
            self._begin()

        def changed(entries: tuple[KeyEntry, ...]) -> tuple[KeyEntry, ...]:
            epoch = str(max((int(e.epoch) for e in entries), default=0) + 1)
            fresh = self._entry(epoch, secrets.token_bytes(KEY_BYTES), at)
            return (*(_retired(entry, at) for entry in entries), fresh)

        return self._change(changed)[-1]

    def retire(self, at: datetime) -> tuple[KeyEntry, ...]:
        """Let no release be made under the keys that there are."""
        return self._change(lambda known: tuple(_retired(e, at) for e in known))

    def destroy(self, epoch: str, at: datetime) -> KeyEntry:
        """Take a retired key's wrapped bytes out of the ledger, for good.

        Raises:
            KeyCustodyError: There is no such epoch, or its key is still in use.
        """
        entry = next((e for e in self.entries() if e.epoch == epoch), None)
        if entry is None or entry.state == "active":
            what = "is in use: rotate or retire it first" if entry else "is not there"
            raise KeyCustodyError(f"the key {self.profile}/{epoch} {what}")
        gone = {"state": "destroyed", "wrapped": None, "destroyed": at}
        destroyed = entry.model_copy(update=gone if entry.wrapped else {})
        self._change(
            lambda known: tuple(destroyed if e.epoch == epoch else e for e in known)
        )
        return destroyed

    def _begin(self) -> None:
        """Make the first epoch, from the key file that earlier versions kept if any."""
        if not self.makes:
            raise KeyCustodyError(
                f"{self.path}: the key ledger is missing. Restore it from custody, or "
                "hand it out: concord keys hand-out"
            )
        key = secrets.token_bytes(KEY_BYTES)
        if self.former.exists():
            key = read_key(self.former)
        first = self._entry("1", key, datetime.now(UTC))
        self._change(lambda known: known or (first,))
        self.former.unlink(missing_ok=True)

    def _entry(self, epoch: str, key: bytes, at: datetime) -> KeyEntry:
        wrapped = self.encryption.wrap(key, f"{self.profile}/{epoch}")
        return KeyEntry(
            profile=self.profile,
            epoch=epoch,
            state="active",
            created=at,
            check=check_value(key),
            wrapped=base64.b64encode(wrapped).decode(),
        )

    def _open(self, entry: KeyEntry) -> ReleaseKey:
        wrapped = base64.b64decode(entry.wrapped or "")
        key = self.encryption.unwrap(wrapped, entry.name)
        if check_value(key) != entry.check or entry.profile != self.profile:
            raise KeyCustodyError(
                f"{self.path}: the key {entry.name} is not the one that its check "
                "value names. Restore the ledger from custody"
            )
        return ReleaseKey(self.profile, entry.epoch, key)

    def _change(
        self, change: Callable[[tuple[KeyEntry, ...]], tuple[KeyEntry, ...]]
    ) -> tuple[KeyEntry, ...]:
        """Write the ledger anew, one process at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        with alone(self.path.with_suffix(".lock")):
            entries = change(self.entries())
            text = json.dumps([e.model_dump(mode="json") for e in entries], indent=2)
            write_bytes(self.path, text.encode(), mode=0o600)
        return entries


def _retired(entry: KeyEntry, at: datetime) -> KeyEntry:
    if entry.state != "active":
        return entry
    return entry.model_copy(update={"state": "retired", "retired": at})
