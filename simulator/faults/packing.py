"""Looking into a delivery that is one zip, and packing it again."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from simulator.agencies.agency import pack, unpack
from simulator.faults.model import ZIPPED, Staged


@contextmanager
def opened(staged: Staged) -> Iterator[Staged]:
    """Give a delivery with each table in a file of its own, as most are anyway."""
    name = ZIPPED.get(staged.feed)
    if name is None:
        yield staged
        return
    with tempfile.TemporaryDirectory() as beside:
        before = staged.before
        if before is not None and before.is_dir():
            unpack(before / name, Path(beside))
            before = Path(beside)
        packed = staged.folder / name
        members = unpack(packed, staged.folder)
        yield replace(staged, before=before)
        pack(packed, members)
