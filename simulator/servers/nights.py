"""Which night it is for the agencies, and what they have of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

NIGHT_FILE = "night.txt"


def set_night(root: Path, night: date) -> None:
    """Move the agencies' clock; a reader sees the old night or the new one."""
    root.mkdir(parents=True, exist_ok=True)
    fresh = root / f"{NIGHT_FILE}.new"
    fresh.write_text(night.isoformat() + "\n")
    fresh.replace(root / NIGHT_FILE)


def current_night(root: Path) -> date | None:
    """Return the night it is; none before the clock was first set."""
    try:
        return date.fromisoformat((root / NIGHT_FILE).read_text().strip())
    except FileNotFoundError:
        return None


Stamp = tuple[tuple[Path, int, int], ...]


class ServedFeed:
    """The night folders of one feed, up to the current night."""

    def __init__(self, root: Path, feed: str) -> None:
        self._root = root
        self._folder = root / "served" / feed
        self._read: dict[Path, tuple[Stamp, tuple[bytes, ...]]] = {}

    def nights(self) -> tuple[date, ...]:
        """Return the nights on offer, oldest first."""
        current = current_night(self._root)
        if current is None or not self._folder.is_dir():
            return ()
        nights = sorted(date.fromisoformat(p.name) for p in self._folder.iterdir())
        return tuple(night for night in nights if night <= current)

    def current(self) -> date | None:
        """Return the night it is, whether or not this feed has anything for it."""
        return current_night(self._root)

    def stamp(self, nights: Iterable[date], *names: str) -> Stamp:
        """Return what changes when one of the files is written again."""
        paths = [self._path(night, name) for night in nights for name in names]
        return tuple(
            (path, path.stat().st_mtime_ns, path.stat().st_size)
            for path in paths
            if path.is_file()
        )

    def lines(self, night: date, name: str) -> tuple[bytes, ...]:
        """Return the lines of an NDJSON file of a night; none if it is not there."""
        path, stamp = self._path(night, name), self.stamp([night], name)
        if not stamp:
            return ()
        if self._read.get(path, ((), ()))[0] != stamp:
            lines = path.read_bytes().split(b"\n")
            self._read[path] = (stamp, tuple(line for line in lines if line))
        return self._read[path][1]

    def items(self, night: date, name: str) -> Iterator[dict[str, Any]]:
        """Return the objects of an NDJSON file of a night."""
        return map(json.loads, self.lines(night, name))

    def _path(self, night: date, name: str) -> Path:
        """Return where a file of a night lies."""
        return self._folder / night.isoformat() / f"{name}.ndjson"


def page(items: list[Any], limit: int, offset: int) -> list[Any]:
    """Return one page of a list."""
    return items[offset : offset + limit]


def whole_number(params: Mapping[str, str], name: str, default: int) -> int:
    """Return a query parameter as a number; -1 if it isn't one."""
    text = params.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() else -1
