"""Files in blocks of whole lines: constant memory, whatever a file's size."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from concord.parsing.problems import Held

CHUNK = 1 << 20
Span = tuple[int, int]


def blocks(path: Path, longest: int, held: Held) -> Iterator[bytes]:
    """Yield a file's bytes in order; each block but the last ends with a line.

    Raises:
        DeliveryHeld: A line is longer than allowed.
    """
    offset, size = 0, CHUNK
    with path.open("rb") as file:
        while block := file.read(size):
            overlong = _overlong(block, longest)
            if overlong is not None:
                lines = _lines_before(path, offset + overlong)
                raise held(
                    "LINE_TOO_LONG",
                    f"more than {longest:,} bytes without a line end "
                    f"after line {lines}",
                )
            end = block.rfind(b"\n") + 1
            if len(block) == size and end < size:  # the open line comes again
                file.seek(offset + end)
                block = block[:end]
            size = CHUNK if end else size + CHUNK
            if block:
                yield block
            offset += len(block)


def _overlong(block: bytes, longest: int) -> int | None:
    """Return where a line begins that is too long; hops from line end to line end."""
    start = 0
    while len(block) - start > longest:
        end = block.rfind(b"\n", start, start + longest + 1)
        if end < 0:
            return start
        start = end + 1
    return None


def _lines_before(path: Path, offset: int) -> int:
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(min(CHUNK, offset)):
            lines += chunk.count(b"\n")
            offset -= len(chunk)
    return lines


def without(path: Path, cuts: Iterable[Span]) -> Path:
    """Write a file again, beside itself, without some spans of its bytes."""
    clean = path.with_name(f"{path.stem}.cut{path.suffix}")
    with path.open("rb") as source, clean.open("wb") as target:
        for start, end in cuts:
            _copy(source, target, start - source.tell())
            source.seek(end)
        shutil.copyfileobj(source, target, CHUNK)
    return clean


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size and (chunk := source.read(min(size, CHUNK))):
        target.write(chunk)
        size -= len(chunk)
