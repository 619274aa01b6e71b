"""Whether a sum or mean tells what one or two persons contributed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Dominance:
    """Limits on what the largest contributions may be of a total.

    Attributes:
        largest: How many of the largest contributions are looked at together.
        share: What they may be of the total at most: the nk rule.
        rest: What all but the two largest must at least be of the largest, or the
            second could reckon it that closely: the p rule.
    """

    largest: int = 2
    share: float = 0.90
    rest: float = 0.10


LIMITS = Dominance()


def dominated(total: float, largest: Sequence[float], rule: Dominance = LIMITS) -> bool:
    """Say whether few contributions dominate a total.

    Args:
        total: The sum of all contributions, none of which is negative.
        largest: The largest contributions, at least two where there are as many.
        rule: What is too much.
    """
    if total <= 0:
        return True  # all contributions are alike, and known
    top = sorted(largest, reverse=True)
    if sum(top[: rule.largest]) > rule.share * total:
        return True
    return total - sum(top[:2]) < rule.rest * top[0]
