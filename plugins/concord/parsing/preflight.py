"""Byte checks before a delimited file is read: what no CSV reader refuses by itself.

Reads in chunks, so a file of any size costs constant memory.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from concord.contracts.models import Contract, Table
from concord.exceptions import DeliveryHeld

CHUNK = 1 << 20
MAX_LINE = 1 << 20
Held = Callable[[str, str, str], DeliveryHeld]


def check_delimited(path: Path, contract: Contract, table: Table) -> tuple[str, ...]:
    """Check a file's bytes and header; returns the header's names in file order.

    Raises:
        DeliveryHeld: The file can't be read safely; names feed, table and line.
    """

    def held(code: str, detail: str, remedy: str) -> DeliveryHeld:
        return DeliveryHeld(
            code, feed=contract.id, detail=f"{table.name}: {detail}", remedy=remedy
        )

    if path.stat().st_size == 0:
        raise held("EMPTY_FILE", "0 bytes", "Ask the agency to export again")
    last = b""
    line, run = 1, 0
    for chunk in _chunks(path):
        if b"\0" in chunk:
            line += chunk[: chunk.index(b"\0")].count(b"\n")
            raise held(
                "NUL_BYTE", f"NUL byte on line {line}", "Ask for an undamaged export"
            )
        longest, run = _longest_run(chunk, run)
        if longest > MAX_LINE:
            raise held(
                "LINE_TOO_LONG",
                f"more than {MAX_LINE:,} bytes without a line end after line {line}",
                "Ask for line ends and closed quotes",
            )
        line += chunk.count(b"\n")
        last = chunk[-1:]
    if last != b"\n":
        raise held(
            "CUT_LAST_LINE",
            f"line {line} has no line end: the file may be cut",
            "Ask the agency to send the file again",
        )
    _check_encoding(path, contract, held)
    return _check_header(path, contract, table, held)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _longest_run(chunk: bytes, before: int) -> tuple[int, int]:
    """Return the longest run without a line end, and the run that is still open."""
    pieces = chunk.split(b"\n") if before + len(chunk) > MAX_LINE else None
    if pieces is None:
        end = chunk.rfind(b"\n")
        return 0, (before + len(chunk) if end < 0 else len(chunk) - end - 1)
    lengths = [len(piece) for piece in pieces]
    lengths[0] += before
    return max(lengths), lengths[-1]


def _check_encoding(path: Path, contract: Contract, held: Held) -> None:
    decoder_name = contract.delivery.encoding
    line = 1
    rest = b""
    for chunk in _chunks(path):
        data = rest + chunk
        try:
            data.decode(decoder_name)
            rest = b""
        except UnicodeDecodeError as error:
            if error.end == len(data) and len(data) - error.start < 4:
                rest = data[error.start :]
            else:
                line += data[: error.start].count(b"\n")
                raise held(
                    "WRONG_ENCODING",
                    f"line {line} is not {decoder_name}",
                    "Ask for the contracted encoding, or change the contract",
                ) from None
        line += data.count(b"\n")


def _check_header(
    path: Path, contract: Contract, table: Table, held: Held
) -> tuple[str, ...]:
    with path.open(encoding=contract.delivery.encoding + "-sig", newline="") as file:
        names = tuple(next(csv.reader(file, delimiter=contract.delivery.delimiter), ()))
    known = {c.source for c in table.columns}
    renamed = {c.renamed_from: c.source for c in table.columns if c.renamed_from}
    names = tuple(renamed.get(name, name) for name in names)
    if len(names) == 1 and len(known) > 1:
        raise held(
            "WRONG_DELIMITER",
            f"the header is not separated by '{contract.delivery.delimiter}'",
            "Ask for the contracted delimiter, or change the contract",
        )
    if len(set(names)) != len(names):
        raise held(
            "DUPLICATE_HEADER",
            "two columns have the same name",
            "Ask the agency to name each column once",
        )
    missing = sorted(known - set(names))
    if missing:
        raise held(
            "COLUMN_MISSING",
            f"{len(missing)} contracted columns are not in the header: "
            f"{', '.join(missing)}",
            "If they were renamed, state renamedFrom in the contract",
        )
    return names
