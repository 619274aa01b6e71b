"""What a look at a file found, before a reader reads it."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Examined:
    """A file that may be read, or the copy that was mended."""

    path: Path
    rows: int | None  # that a reader must find; None where it was not counted
    damaged: int  # rows left out, because no reader may guess at them
    notes: dict[str, int] = field(default_factory=dict)  # accepted, but told
    ascii: bool = False  # every byte is known to be ASCII
