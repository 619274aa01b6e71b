"""The attack on a protected table, carried out: what can be reckoned about a cell.

The attacker has every figure that is shown, of cells and sums, of all tables that count
the same persons; knows how figures were made and which cells add up to which sum; and
solves for the smallest and the largest count that a cell can have. A table is safe
where every withheld cell can be anything that is withheld, and no count is certain.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concord.disclosure.attacker import Attacker
from concord.disclosure.cells import CellRule, Shown


@dataclass(frozen=True)
class Audit:
    """What the attack found; counts only.

    Attributes:
        cells: Cells and sums of all tables together, each once.
        withheld: Those whose figure is withheld.
        full: Withheld cells that can be anything from 1 to one below the threshold.
        exact: Cells other than a shown zero whose count is certain.
        widths: How many withheld cells can have how many counts.
    """

    cells: int
    withheld: int
    full: int
    exact: int
    widths: tuple[tuple[int, int], ...]

    @property
    def safe(self) -> bool:
        """Say whether the tables may be shown."""
        return self.full == self.withheld and self.exact == 0

    def summary(self) -> dict[str, object]:
        """Return the audit as a manifest and a report show it."""
        return {
            "cells": self.cells,
            "withheld": self.withheld,
            "full_interval": self.full,
            "exact": self.exact,
            "widths": {str(width): cells for width, cells in self.widths},
        }


def audit(tables: Sequence[Shown], *, hurried: bool = False) -> Audit:
    """Attack tables that count the same persons, all together.

    In a hurry, the attack ends with the first cell that is not safe; of tables that
    are safe nothing is left out.

    Raises:
        Contradiction: No counts are possible that would show these figures.
    """
    return attack(Attacker(tables), tables[0].rule, hurried=hurried)


def attack(attacker: Attacker, rule: CellRule, *, hurried: bool = False) -> Audit:
    """Let an attacker find out about every count what the figures allow."""
    least, most = rule.hidden
    hidden, told = attacker.withheld, attacker.told
    attacker.reach(hidden, least, most, hurried=hurried)
    if not hurried or attacker.reached(hidden, least, most):
        attacker.vary(told)
    low, high = attacker.found(hidden)
    told_low, told_high = attacker.found(told)
    widths = np.maximum(high - low + 1, 0)
    return Audit(
        cells=attacker.cells,
        withheld=len(hidden),
        full=int(((low <= least) & (high >= most)).sum()),
        exact=int((widths <= 1).sum() + (told_high <= told_low).sum()),
        widths=tuple(sorted(Counter(widths.tolist()).items())),
    )
