"""Which counts a report may show: small ones in words, the others rounded.

The only exact counts of a report say how rows were handled (a delivery's rows, and
which of them were published, quarantined, rejected or superseded): they must add up,
and they tell nothing about a person. Every other count goes through ``protect``, and
every rate through ``share``, so that both sides of a rate come from rounded counts.
"""

from collections.abc import Iterable
from typing import Any

# A count or a rate, or the words that stand in its place.
Count = int | str
Value = int | float | str

SMALL = 7
BASE = 5
FEWEST_FOR_SHARE = 30
FEWER = "fewer than 8"
TOO_FEW = "too few rows"
NEARLY_ALL = "more than 99.9%"
HARDLY_ANY = "less than 0.1%"

_TENTH_OF_A_PERCENT = 3


def protect(count: int) -> Count:
    """Return a count as it may be shown: 0, "fewer than 8", or rounded to 5."""
    if count == 0:
        return 0
    if count <= SMALL:
        return FEWER
    return BASE * round(count / BASE)


def protect_if_known(count: Any) -> Count | None:
    """Protect a count that a record may lack."""
    return protect(int(count)) if count is not None else None


def smallest(k: int) -> Count:
    """Return the size of the smallest class: exact where it is large enough to show.

    It is held against a limit, so rounding could make a release that kept to the
    limit look as if it had not.
    """
    shown = protect(k)
    return shown if isinstance(shown, str) else k


def standing_for(value: Count) -> int:
    """Return the number with which a protected count enters a total or a rate."""
    return BASE if isinstance(value, str) else value


def total(values: Iterable[Count]) -> Count:
    """Add protected counts, so that a total never tells a hidden one."""
    return protect(sum(map(standing_for, values)))


def part_of(part: int, whole: int) -> Count:
    """Protect a part so that it goes with its shown whole, and its rest stays hidden.

    The smaller of the part and the rest is protected; the other one is what is left.
    """
    rest = whole - part
    if part <= rest or whole <= SMALL:
        return protect(part)
    return protect(standing_for(protect(whole)) - standing_for(protect(rest)))


def share(part: int, whole: int) -> float | str:
    """Return the rate of a part, made of rounded counts, to a tenth of a percent.

    The smaller of the part and the rest is rounded, so that the two rates of one
    whole add up to one, and neither 0% nor 100% is said where it is not exact.
    """
    if whole < FEWEST_FOR_SHARE:
        return TOO_FEW
    rest = whole - part
    if part == rest:
        return 0.5
    smaller = standing_for(protect(min(part, rest))) / standing_for(protect(whole))
    rate = round(smaller if part < rest else 1 - smaller, _TENTH_OF_A_PERCENT)
    if rest and rate == 1:
        return NEARLY_ALL
    if part and rate == 0:
        return HARDLY_ANY
    return rate


def position(rate: Value) -> float | None:
    """Return where a rate stands on an axis; None where there is no rate."""
    if isinstance(rate, str):
        return {NEARLY_ALL: 0.9995, HARDLY_ANY: 0.0005}.get(rate)
    return float(rate)
