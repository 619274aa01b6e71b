"""Releases that wait for people's approval: looked at, let out, taken back.

Every step may be made again: whatever kills the process in between, the next run goes
on from what it finds.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from concord.exceptions import IntegrityError
from concord.publication.layout import (
    APPROVALS,
    CANDIDATES,
    LOCK,
    MANIFEST,
    PUBLIC_KEY,
    WITHDRAWN,
    checked_name,
    release_name,
)
from concord.publication.manifest import as_bytes, read_manifest
from concord.publication.reading import current
from concord.publication.release import point_current
from concord.publication.signing import ManifestKey, read_public_key
from concord.publication.tables import sha256
from concord.publication.verify import verify
from concord.zones import PRIVATE, alone, sync, write_bytes


def folder_of(releases: Path, profile: str, number: int) -> Path:
    """Return where a release lies, let out or not yet.

    Raises:
        IntegrityError: There is none of this number.
    """
    name = release_name(number)
    home = releases / checked_name("profile", profile)
    for path in (home / name, home / CANDIDATES / name):
        if path.is_dir():
            return path
    raise IntegrityError(f"{profile}: no release {number}, nor one that waits")


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a release, as its bytes are now."""
    files = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def let_out(
    releases: Path, profile: str, number: int, approval: Mapping[str, Any], keys: Path
) -> Path:
    """Move a candidate among the releases, with the signed record of its approval.

    Raises:
        IntegrityError: It is not what was built and signed.
    """
    home, name = releases / profile, release_name(number)
    with alone(home / LOCK):
        folder = folder_of(releases, profile, number)
        verify_alone(folder)
        signed = as_bytes({**approval, "manifest_sha256": manifest_hash(folder)})
        (home / APPROVALS).mkdir(exist_ok=True)
        signature = ManifestKey(keys).signer().sign(signed)
        write_bytes(home / APPROVALS / f"{name}.json", signed)
        write_bytes(home / APPROVALS / f"{name}.sig", signature)
        if folder.parent != home:
            folder.rename(home / name)
            sync(home)
        point_current(home)
    return home / name


def manifest_hash(folder: Path) -> str:
    """Return the SHA-256 of a release's manifest, which names every other file's."""
    return sha256(folder / MANIFEST)


def verify_alone(folder: Path) -> None:
    """Raise unless a release is exactly what was built, wherever it lies."""
    home = folder.parent.parent if folder.parent.name == CANDIDATES else folder.parent
    verify(folder, read_public_key(home / PUBLIC_KEY)).require()


def take_back(
    releases: Path, profile: str, number: int, reason: str, at: datetime
) -> Path | None:
    """Withdraw a release: CURRENT goes back to the one before, its folder is closed.

    Returns what CURRENT points to afterwards; None if no release is left.
    """
    home, name = releases / profile, release_name(number)
    with alone(home / LOCK):
        told = {
            "release": number,
            "content_digest": read_manifest(home / name)["content_digest"],
            "withdrawn_at": at.isoformat(),
            "reason": reason,
        }
        (home / WITHDRAWN).mkdir(exist_ok=True)
        write_bytes(home / WITHDRAWN / f"{name}.json", as_bytes(told))
        point_current(home)
        (home / name).chmod(PRIVATE)
        sync(home)
    return current(releases, profile)
