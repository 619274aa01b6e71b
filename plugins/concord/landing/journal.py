"""The journal: what only the ledger would know, written beside the data as it happens.

Receipts say what arrived and states what became of it. Which night was late, what was
held, what a transport remembers and every event stand in neither, so they are noted
here too, in the transaction that records them. No value of a row ever is.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from concord.zones import alone, sync

FOLDER = "_journal"  # no feed's name begins like this
OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Note:
    """One thing that the ledger recorded."""

    kind: str
    facts: Mapping[str, Any]


class Journal:
    """Appends notes to one file a month, and reads them in their order."""

    def __init__(self, landing: Path) -> None:
        self.folder = landing / FOLDER

    def append(self, kind: str, at: datetime, facts: Mapping[str, Any]) -> None:
        """Add a note; it is on the disk when this returns."""
        line = json.dumps({"kind": kind, **facts}, default=_text)
        self.folder.mkdir(exist_ok=True, mode=0o700)
        path = self.folder / f"{at:%Y-%m}.jsonl"
        with alone(self.folder / ".lock"):
            is_new = not path.exists()
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            descriptor = os.open(path, flags, OWNER_ONLY)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                file.write(_break(file.fileno()) + line.encode() + b"\n")
                os.fsync(file.fileno())
            if is_new:
                sync(self.folder)

    def notes(self) -> Iterator[Note | str]:
        """Yield every note in order; in place of one that can't be read, where it is.

        The last line of a process that was killed in the middle of it is such a one.
        """
        for path in sorted(self.folder.glob("*.jsonl")):
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                try:
                    facts = json.loads(line)
                    kind = facts.pop("kind")
                except (ValueError, KeyError, AttributeError):
                    yield f"line {number} of the journal {path.name} is damaged"
                else:
                    yield Note(kind, facts)


def _break(descriptor: int) -> bytes:
    """Return what ends a line that a killed process left behind, if there is one."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _text(value: Any) -> Any:
    """Write dates and our own frozen values as JSON has them."""
    if isinstance(value, date):
        return value.isoformat()
    return dict(vars(value))
