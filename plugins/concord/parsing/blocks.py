"""Files in blocks of whole lines: constant memory, whatever a file's size."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from concord.parsing.problems import Held

CHUNK = 1 << 22
Span = tuple[int, int]


def blocks(path: Path, longest: int, held: Held) -> Iterator[bytes]:
    """Yield a file's bytes in order; each block but the last ends with a line.

    Raises:
        DeliveryHeld: A line is longer than allowed.
    """
    rest, lines = b"", 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            block = rest + chunk
            end = block.rfind(b"\n") + 1
            _check_lines(block, longest, lines, held)
            if end:
                yield block[:end]
                lines += block.count(b"\n", 0, end)
            rest = block[end:]
    if rest:
        yield rest


def _check_lines(block: bytes, longest: int, lines: int, held: Held) -> None:
    """Hop from line end to line end, as far as a line may reach."""
    start = 0
    while len(block) - start > longest:
        end = block.rfind(b"\n", start, start + longest + 1)
        if end < 0:
            after = lines + block.count(b"\n", 0, start)
            raise held(
                "LINE_TOO_LONG",
                f"more than {longest:,} bytes without a line end after line {after}",
            )
        start = end + 1


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
