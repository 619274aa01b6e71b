"""What is shown of a count: nothing if it is small, else a rounded figure.

A figure stands for a whole interval of counts. Whoever reads the table knows the rule,
so the interval is all that is protected; ``bounds`` is what such a reader knows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concord.disclosure.counts import Counts, Dimension, Ints
from concord.exceptions import ConfigError

WITHHELD = -1
"""Stands in place of a figure that is not shown; never published."""
LOWEST_THRESHOLD = 5


@dataclass(frozen=True)
class CellRule:
    """From how many persons on a cell is shown, and how roughly.

    Attributes:
        threshold: The smallest count that is shown; 1 to one less is withheld.
        bases: Multiples to round to, each tried where the one before tells too much.
        zeros_disclosive: Whether that nobody stands in a cell is withheld as well.
    """

    threshold: int = 11
    bases: tuple[int, ...] = (5, 10)
    zeros_disclosive: bool = False

    def __post_init__(self) -> None:
        if self.threshold < LOWEST_THRESHOLD:
            raise ConfigError(
                f"cells from {self.threshold} persons on would be shown. "
                f"{LOWEST_THRESHOLD} is the least that any rule allows"
            )
        for base in self.bases:
            if not 1 < base <= self.threshold:
                raise ConfigError(
                    f"counts from {self.threshold} on can't be rounded to {base}. "
                    "Use a base from 2 to the threshold"
                )

    @property
    def hidden(self) -> tuple[int, int]:
        """Return the smallest and the largest count that is withheld."""
        return (0 if self.zeros_disclosive else 1, self.threshold - 1)


@dataclass(frozen=True)
class Shown:
    """A table as it is published: figures, and what everybody knows of them.

    ``additive`` says of each axis whether its sum is what its cells add up to.
    """

    name: str
    dimensions: tuple[Dimension, ...]
    figures: Ints
    additive: tuple[bool, ...]
    rule: CellRule
    base: int

    @property
    def withheld(self) -> NDArray[np.bool_]:
        """Say of each cell whether its figure is withheld."""
        return np.equal(self.figures, WITHHELD)

    def bounds(self) -> tuple[Ints, Ints]:
        """Return the smallest and the largest count that each cell can stand for."""
        least, most = self.rule.hidden
        low = np.maximum(self.figures - self.base // 2, self.rule.threshold)
        high = self.figures + (self.base - 1) // 2
        zero = self.figures == 0
        low, high = np.where(zero, 0, low), np.where(zero, 0, high)
        return (
            np.where(self.withheld, least, low),
            np.where(self.withheld, most, high),
        )


def show(counts: Counts, rule: CellRule, base: int) -> Shown:
    """Withhold small counts and round all others, sums as they were counted."""
    least, most = rule.hidden
    cells = counts.cells
    rounded = (cells + base // 2) // base * base  # half up
    small = (cells >= least) & (cells <= most)
    figures = np.where(small, WITHHELD, rounded)
    return Shown(counts.name, counts.dimensions, figures, counts.additive, rule, base)


def mean_error(counts: Counts, shown: Shown) -> float:
    """Return how far a shown figure is from its count, on average; zeros left out."""
    told = shown.figures > 0
    if not told.any():
        return 0.0
    return float(np.abs(shown.figures - counts.cells)[told].mean())
