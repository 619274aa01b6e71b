"""Which releases there are, and which one analysts should read."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from concord.exceptions import IntegrityError
from concord.publication.layout import (
    CREATION,
    CURRENT,
    WITHDRAWN,
    release_folders,
    release_name,
    release_number,
)
from concord.publication.manifest import read_manifest, rows_by_table


@dataclass(frozen=True)
class PublishedRelease:
    """One release of a profile's history."""

    number: int
    night: date
    path: Path
    content_digest: str
    rows: dict[str, int]
    is_current: bool

    @property
    def order(self) -> tuple[date, int]:
        """Return what decides which release is the latest."""
        return (self.night, self.number)


def current(releases: Path, profile: str) -> Path | None:
    """Return the folder of the current release, or None before the first one.

    The folder itself is returned, not the link, so a reader that keeps it sees one
    release to the end, whatever is published meanwhile.

    Raises:
        IntegrityError: ``CURRENT`` points to something that is not a release.
    """
    link = releases / profile / CURRENT
    if not link.is_symlink():
        if link.exists():
            raise IntegrityError(f"{profile}/{CURRENT}: not a link")
        return None
    name = link.readlink().as_posix()
    target = link.parent / name
    if release_number(name) is None or not target.is_dir():
        raise IntegrityError(f"{profile}/{CURRENT}: does not point to a release")
    return target


def history(releases: Path, profile: str) -> tuple[PublishedRelease, ...]:
    """Return every release of a profile in the order of their numbers.

    Releases that were withdrawn are none any more; see ``withdrawn``.

    Raises:
        IntegrityError: a release has no readable manifest.
    """
    now = current(releases, profile)
    found = []
    taken_back = withdrawn(releases / profile)
    for number, path in release_folders(releases / profile):
        if number in taken_back:
            continue
        manifest = read_manifest(path)
        found.append(
            PublishedRelease(
                number=number,
                night=date.fromisoformat(manifest["night"]),
                path=path,
                content_digest=manifest["content_digest"],
                rows=rows_by_table(manifest),
                is_current=path == now,
            )
        )
    return tuple(found)


def withdrawn(profile: Path) -> dict[int, dict[str, Any]]:
    """Return what is told of the releases of a profile that were withdrawn."""
    found = {}
    for path in sorted((profile / WITHDRAWN).glob("*.json")):
        number = release_number(path.stem)
        if number is not None:
            found[number] = json.loads(path.read_text(encoding="utf-8"))
    return found


def builds(releases: Path, profile: str, number: int) -> tuple[dict[str, Any], ...]:
    """Return when and by which run a release was built, and rebuilt, oldest first."""
    path = releases / profile / CREATION / f"{release_name(number)}.jsonl"
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def created_at(releases: Path, profile: str, number: int) -> datetime | None:
    """Return when a release was built first."""
    first = next(iter(builds(releases, profile, number)), None)
    return datetime.fromisoformat(first["created_at"]) if first else None
