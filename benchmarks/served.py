"""A county's first night on disk, in the shape in which its agencies serve it.

The APIs of probation and schools serve pages, so their rows are put into pages once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from simulator.county import FIRST_NIGHT, County

PAGE_ROWS = 5_000
NIGHT: date = FIRST_NIGHT
CHANGE_VERSION = re.compile(rb',"_changeVersion":\d+\}$')


@dataclass(frozen=True)
class ServedFile:
    """One file or page: its feed, the contract's physical table, and its rows."""

    feed: str
    table: str
    path: str
    rows: int


@dataclass(frozen=True)
class Served:
    """Every file of the night."""

    root: Path
    files: tuple[ServedFile, ...]

    def of(self, feed: str, table: str | None = None) -> list[ServedFile]:
        """Return the files of a feed, or of one of its tables."""
        return [
            file
            for file in self.files
            if file.feed == feed and table in (None, file.table)
        ]

    def paths(self, feed: str, table: str) -> list[str]:
        """Return the paths of a table's files."""
        return [str(self.root / file.path) for file in self.of(feed, table)]

    @property
    def feeds(self) -> set[str]:
        """Return the feeds that deliver; the county's others never did."""
        return {file.feed for file in self.files}

    @property
    def bytes(self) -> int:
        """Return the size of everything."""
        return sum((self.root / file.path).stat().st_size for file in self.files)


def prepare(root: Path, *, persons: int, events: int, seed: int) -> Served:
    """Write the county's first night and its pages, unless they are there."""
    index = index_path(root, seed, persons, events)
    if not index.exists():
        root.mkdir(parents=True, exist_ok=True)
        County(seed, persons, events).write_night(root, 0)
        files = [asdict(file) for file in _files(root)]
        index.write_text(json.dumps(files, indent=1), encoding="utf-8")
    return open_served(index)


def index_path(root: Path, seed: int, persons: int, events: int) -> Path:
    """Return where a prepared night's list of files lies."""
    return root / f"served-{seed}-{persons}-{events}.json"


def open_served(index: Path) -> Served:
    """Read the list of a prepared night."""
    files = json.loads(index.read_text(encoding="utf-8"))
    return Served(index.parent, tuple(ServedFile(**file) for file in files))


def person_map(home: Path) -> Path:
    """Return where Concord's finished night leaves which record is whose."""
    return home / "person_map.parquet"


def assault_pairs(home: Path) -> Path:
    """Return where Concord's finished night leaves which assaults are one."""
    return home / "assault_pairs.parquet"


def _files(root: Path) -> Iterator[ServedFile]:
    served = root / "served"
    police = served / "police_rms" / f"{NIGHT:%Y%m%d}"
    for entry in json.loads((police / "manifest.json").read_bytes())["files"]:
        path = (police / entry["name"]).relative_to(root)
        yield ServedFile("police_rms", entry["table"], str(path), entry["rows"])
    for feed in ("probation", "school"):
        for path in sorted((served / feed / NIGHT.isoformat()).glob("*.ndjson")):
            if not path.name.endswith(".deletes.ndjson"):
                yield from _paged(root, feed, path)
    for path in sorted((served / "hospital" / NIGHT.isoformat()).glob("*.ndjson")):
        if path.stem != "deleted":
            with path.open("rb") as lines:
                rows = sum(1 for _ in lines)
            name = str(path.relative_to(root))
            yield ServedFile("hospital", path.stem, name, rows)


def _paged(root: Path, feed: str, source: Path) -> Iterator[ServedFile]:
    """Turn one JSON object a line into pages as the feed's API writes them."""
    folder = root / "pages" / feed / source.stem
    folder.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as lines:
        total = sum(1 for _ in lines)
    with source.open("rb") as lines:
        for number, start in enumerate(range(0, max(total, 1), PAGE_ROWS), 1):
            page = [_item(line) for line in islice(lines, PAGE_ROWS)]
            path = folder / f"{number:05d}.json"
            path.write_bytes(_page(feed, page, start, total))
            name = str(path.relative_to(root))
            yield ServedFile(feed, source.stem, name, len(page))


def _item(line: bytes) -> bytes:
    """Return one object without what only the simulated server needs."""
    return CHANGE_VERSION.sub(b"}", line.rstrip(b"\n"))


def _page(feed: str, items: list[bytes], start: int, total: int) -> bytes:
    array = b"[" + b",".join(items) + b"]"
    if feed == "school":
        return array
    paging = {"limit": PAGE_ROWS, "offset": start, "total": total, "next": None}
    return b'{"data":%s,"paging":%s,"as_of":"%s"}' % (
        array,
        json.dumps(paging).encode(),
        NIGHT.isoformat().encode(),
    )
