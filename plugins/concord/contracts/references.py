"""Reference tables that actions read: groups of codes and people who live in areas."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from concord.exceptions import ContractError

GROUPS = ("code", "group")
POPULATION = ("area", "population")


@dataclass(frozen=True)
class References:
    """Every reference table under include/, by name."""

    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    populations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


NO_REFERENCES = References()


def read_references(include: Path) -> References:
    """Read ``groups/<name>.csv`` and ``reference/population_<name>.csv``.

    Raises:
        ContractError: A line is no pair, stands twice, or counts no people.
    """
    groups = {
        path.stem: _pairs(path, GROUPS)
        for path in sorted((include / "groups").glob("*.csv"))
    }
    populations = {
        path.stem.removeprefix("population_"): _people(path)
        for path in sorted((include / "reference").glob("population_*.csv"))
    }
    return References(groups, populations)


def _people(path: Path) -> dict[str, int]:
    people = {}
    for line, (area, number) in enumerate(_pairs(path, POPULATION).items(), 2):
        if not (number.isascii() and number.isdigit()):
            raise ContractError(
                f"{path}:{line}: '{number}' is no number of people. Correct the line"
            )
        people[area] = int(number)
    return people


def _pairs(path: Path, columns: tuple[str, str]) -> dict[str, str]:
    """Read a file of two columns, the first of which is a key."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != columns:
            raise ContractError(
                f"{path}:1: the columns are not {','.join(columns)}. Name them so"
            )
        pairs: dict[str, str] = {}
        for row in rows:
            if len(row) != len(columns) or not all(row):
                raise ContractError(
                    f"{path}:{rows.line_num}: not two values. Correct the line"
                )
            if row[0] in pairs:
                raise ContractError(
                    f"{path}:{rows.line_num}: '{row[0]}' twice. Remove one"
                )
            pairs[row[0]] = row[1]
    return pairs
