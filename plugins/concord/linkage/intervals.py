"""How far a measured rate may be from the true one.

Pairs of one person stand or fall together, so persons are drawn again (bootstrap), not
pairs. Persons that count alike are one profile with a number of times; drawing persons
is then one multinomial draw of profiles, however many persons there are.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from concord.linkage.evaluation import Agreement

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ROUNDS = 1000
LEVEL = 0.95
_Z = 1.959964  # of the normal distribution, for LEVEL


@dataclass(frozen=True)
class Estimate:
    """A rate and the interval that holds the true one in 95 of 100 cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """Precision, recall and F1 with their intervals, and the counts they come from."""

    counts: Agreement
    precision: Estimate
    recall: Estimate
    f1: Estimate


def wilson(part: float, whole: float) -> Estimate:
    """Return a share with Wilson's interval, which holds at 0 and 1 as well."""
    if whole <= 0:
        return Estimate(0.0, 0.0, 1.0)
    rate, square = part / whole, _Z * _Z
    centre = (rate + square / (2 * whole)) / (1 + square / whole)
    half = sqrt(rate * (1 - rate) / whole + square / (4 * whole * whole))
    half *= _Z / (1 + square / whole)
    low = centre - half if part > 0 else 0.0
    high = centre + half if part < whole else 1.0
    return Estimate(rate, low, high)


def measure(profiles: Ints, times: Ints, seed: int) -> Measured:
    """Measure with intervals from what each kind of person adds to the counts.

    Args:
        profiles: One row a kind of person: true, found and correct.
        times: How many persons there are of each kind.
        seed: Makes the drawing repeatable.
    """
    if not len(times):
        profiles, times = np.zeros((1, 3), np.int64), np.ones(1, np.int64)
    counts = Agreement(*(int(total) for total in times @ profiles))
    persons = int(times.sum())
    draws = np.random.default_rng(seed).multinomial(
        persons, times / persons, size=ROUNDS
    )
    true, found, correct = (draws @ profiles).astype(np.float64).T
    count_true, count_found = (int(times @ (profiles[:, n] > 0)) for n in (0, 1))
    return Measured(
        counts,
        _estimate(counts.precision, correct, found, count_found),
        _estimate(counts.recall, correct, true, count_true),
        _estimate(counts.f1, 2 * correct, found + true, max(count_true, count_found)),
    )


def _estimate(value: float, part: Floats, whole: Floats, persons: int) -> Estimate:
    """Return a rate with the middle of what was drawn.

    Where nothing went wrong, or everything, drawing again can't show that it might
    have; how many persons were looked at then says how sure that is.
    """
    drawn = part[whole > 0] / whole[whole > 0]
    if value in (0.0, 1.0) or not len(drawn):
        sure = wilson(value * persons, persons)
        return Estimate(value, sure.low, sure.high)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))
