"""The zones: where each kind of data may lie, and how a folder appears all at once."""

import fcntl
import os
import resource
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PRIVATE = 0o700
READABLE = 0o750
OWNER_ONLY = 0o600
READABLE_FILE = 0o640
SYNCS = 8  # flushes at once: each mostly waits for the disk


@dataclass(frozen=True)
class Zones:
    """The folders under one data root."""

    home: Path

    @property
    def landing(self) -> Path:
        """Bytes exactly as received, encrypted to a public key."""
        return self.home / "landing"

    @property
    def quarantine(self) -> Path:
        """Rows that failed, with rule ids, encrypted."""
        return self.home / "quarantine"

    @property
    def vault(self) -> Path:
        """Who: identity attributes, keys of records, person ids, encrypted."""
        return self.home / "vault"

    @property
    def content(self) -> Path:
        """What happened: rows without identities, encrypted under their own key."""
        return self.home / "content"

    @property
    def releases(self) -> Path:
        """What analysts read."""
        return self.home / "releases"

    @property
    def reports(self) -> Path:
        """What oversight staff read."""
        return self.home / "reports"

    @property
    def keys(self) -> Path:
        """Keys of the zones and releases, owner only."""
        return self.home / "keys"

    @property
    def errors(self) -> Path:
        """What errors say of data, encrypted to the steward."""
        return self.home / "errors"

    @property
    def scratch(self) -> Path:
        """Work in progress of the steps that may see identities, owner only."""
        return self.home / "scratch"

    def prepare(self) -> None:
        """Create every zone with the mode that it should have.

        From then on what this process makes is for its user alone, unless it is made
        readable on purpose, and its memory is never dumped to the disk.
        """
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not self.home.exists():
            self.home.mkdir(parents=True)
            self.home.chmod(READABLE)
        for path, mode in self.modes().items():
            path.mkdir(exist_ok=True)
            path.chmod(mode)

    def modes(self) -> dict[Path, int]:
        """Return each zone and the mode that it should have."""
        private = (
            self.landing,
            self.quarantine,
            self.vault,
            self.content,
            self.keys,
            self.errors,
            self.scratch,
        )
        return {
            **dict.fromkeys(private, PRIVATE),
            self.releases: READABLE,
            self.reports: READABLE,
        }

    @contextmanager
    def workspace(self, purpose: str) -> Iterator[Path]:
        """Give a private folder in scratch that is gone afterwards."""
        path = self.scratch / f"{purpose}-{uuid.uuid4().hex}"
        path.mkdir(parents=True, mode=PRIVATE)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def readable_folder(zone: Path, *names: str) -> Path:
    """Make a folder of releases or reports, with those above it, for readers."""
    for name in names:
        zone = zone / name
        zone.mkdir(parents=True, exist_ok=True)
        zone.chmod(READABLE)  # also where a step died between the two
    return zone


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes, mode: int = OWNER_ONLY) -> None:
    """Write a whole file so that a reader sees the old one or the new one."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync(path.parent)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one process of this machine at a time go on; a dead one's lock is free."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _always() -> None:
    """Confirm what needs no confirmation."""


@contextmanager
def appearing(final: Path, confirm: Callable[[], None] = _always) -> Iterator[Path]:
    """Fill a folder that appears under its final name complete, or not at all.

    Where ``final`` exists already (the same step ran before, or runs beside this
    one with the same inputs), the new copy is thrown away: folders are named after
    what they hold. ``confirm`` is called last and raises where the right to write has
    been lost meanwhile.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    staging = final.parent / f".staging-{uuid.uuid4().hex}"
    staging.mkdir(mode=PRIVATE)
    try:
        yield staging
        with ThreadPoolExecutor(SYNCS) as pool:
            list(pool.map(sync, staging.rglob("*")))
        sync(staging)
        confirm()
        if not final.exists():
            try:
                staging.rename(final)
            except OSError:
                if not final.exists():
                    raise
        sync(final.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
