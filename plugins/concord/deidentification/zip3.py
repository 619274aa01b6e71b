"""The first three digits of a ZIP code, where enough people share them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from concord.exceptions import ConfigError

SAFE_HARBOR_POPULATION = 20_000
"""45 CFR 164.514(b)(2)(i)(B): 20,000 people or fewer become 000."""


@dataclass(frozen=True)
class Zip3Table:
    """The prefixes that may be published; every other becomes 000."""

    allowed: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> "Zip3Table":
        """Read ``zip3,population``; raises ConfigError with the line."""
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != ["zip3", "population"]:
                raise ConfigError(
                    f"{path}:1: columns are {reader.fieldnames}. "
                    "The table has exactly zip3,population"
                )
            populations: dict[str, int] = {}
            for row in reader:
                code, people = row["zip3"], row["population"]
                if not (_digits(code) and len(code) == 3 and _digits(people)):
                    raise ConfigError(
                        f"{path}:{reader.line_num}: '{code},{people}' is not three "
                        "digits and a number of people. Correct the line"
                    )
                if code in populations:
                    raise ConfigError(
                        f"{path}:{reader.line_num}: '{code}' twice. Remove one"
                    )
                populations[code] = int(people)
        return cls(
            frozenset(
                code
                for code, people in populations.items()
                if people > SAFE_HARBOR_POPULATION
            )
        )


def _digits(text: str | None) -> bool:
    return bool(text) and str(text).isascii() and str(text).isdigit()
