"""A file's bytes as UTF-8: decoded as the contract says, never by guessing."""

import codecs
from pathlib import Path

from concord.parsing.blocks import CHUNK
from concord.parsing.problems import Held

MARK = codecs.BOM_UTF8
_MARKS = {
    MARK: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def check_mark(path: Path, encoding: str, held: Held) -> bool:
    """Say whether a file begins with a byte order mark.

    Raises:
        DeliveryHeld: The mark is of another encoding than the contract's.
    """
    with path.open("rb") as file:
        first = file.read(len(MARK))
    found = next((name for mark, name in _MARKS.items() if first.startswith(mark)), "")
    if found and found != encoding:
        raise held("WRONG_ENCODING", f"the file is {found}, the contract {encoding}")
    return bool(found)


def to_utf8(path: Path, encoding: str, held: Held) -> tuple[Path, int]:
    """Write a file again, beside itself, as UTF-8; counts characters beyond ASCII.

    Raises:
        DeliveryHeld: The file is not in the contracted encoding; names the line.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    converted = path.with_name(f"{path.stem}.utf8{path.suffix}")
    foreign, line = 0, 1
    with path.open("rb") as source, converted.open("wb") as target:
        while True:
            chunk = source.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                break
            if not text.isascii():
                foreign += len(text) - len(text.encode("ascii", "ignore"))
            target.write(text.encode("utf-8"))
            line += text.count("\n")
            if not chunk:
                return converted, foreign
    raise held("WRONG_ENCODING", f"line {line} is not {encoding}")


def check_utf8(block: bytes, line: int, held: Held) -> None:
    """Check that a block of whole lines is text; raises DeliveryHeld with the line."""
    nul = block.find(b"\0")
    if nul >= 0:
        line += block.count(b"\n", 0, nul)
        raise held("NUL_BYTE", f"NUL byte on line {line}")
    wrong = first_wrong(block)
    if wrong is not None:
        line += block.count(b"\n", 0, wrong)
        raise held("WRONG_ENCODING", f"line {line} is not utf-8")


def first_wrong(block: bytes) -> int | None:
    """Return where bytes stop being UTF-8, if they do."""
    if block.isascii():
        return None
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None
