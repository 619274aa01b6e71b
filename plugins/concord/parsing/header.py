"""The first line of a delimited file, held to the names of the contract."""

import csv
import io
from dataclasses import dataclass

from concord.contracts.models import Contract, Table
from concord.parsing.problems import Held

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Header:
    """Which column of a file stands for which column of the contract."""

    width: int
    places: dict[str, int]  # by the agency's name in the contract
    added: tuple[int, ...]  # places of columns that the contract does not know


def read_header(text: str, contract: Contract, table: Table, held: Held) -> Header:
    """Map the columns of a file by name.

    Names that the contract does not know are told by their place: where the header is
    missing, they would be values of a row.

    Raises:
        DeliveryHeld: The header is missing, ambiguous or lacks a contracted column.
    """
    known = {c.source for c in table.columns}
    renamed = {c.renamed_from: c.source for c in table.columns if c.renamed_from}
    wanted = contract.delivery.delimiter
    names = [renamed.get(name, name) for name in _split(text, wanted)]
    if not known & set(names):
        raise _no_header(text, known | set(renamed), wanted, held)
    if len(set(names)) != len(names):
        twice = [n for n, name in enumerate(names, 1) if name in names[: n - 1]]
        raise held(
            "DUPLICATE_HEADER",
            f"two columns have the same name (again in column {twice[0]})",
        )
    missing = sorted(known - set(names))
    added = tuple(n for n, name in enumerate(names, 1) if name not in known)
    if missing:
        also = f"; {_columns(added)} not in the contract" if added else ""
        raise held(
            "COLUMN_MISSING",
            f"{len(missing)} contracted columns are not in the header: "
            f"{', '.join(missing)}{also}",
        )
    places = {name: n for n, name in enumerate(names) if name in known}
    return Header(len(names), places, added)


def _split(text: str, delimiter: str) -> list[str]:
    """Split the first row; one that no reader understands has no names."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _no_header(text: str, known: set[str], wanted: str, held: Held) -> Exception:
    """Tell a wrong delimiter from a missing header."""
    for other in DELIMITERS:
        if other != wanted and len(known & set(_split(text, other))) > 1:
            return held(
                "WRONG_DELIMITER",
                f"the header is separated by {other!r}, the contract says {wanted!r}",
            )
    return held("HEADER_MISSING", "the first line has no name of the contract")


def _columns(places: tuple[int, ...]) -> str:
    listed = ", ".join(map(str, places))
    return f"column {listed} is" if len(places) == 1 else f"columns {listed} are"
