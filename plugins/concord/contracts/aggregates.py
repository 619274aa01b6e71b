"""How persons are counted for everybody: the profile's rule and a table's."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from concord.contracts.odcs import Strict

Unit = Literal["month", "quarter", "year"]
MONTHS: Mapping[Unit, int] = {"month": 1, "quarter": 3, "year": 12}


class Aggregates(Strict):
    """What holds for all tables of a profile of aggregates."""

    period: Unit = "month"
    first: date
    settle_days: int = Field(default=14, alias="settleDays", ge=0)
    threshold: int = Field(default=11, ge=5)
    bases: tuple[int, ...] = Field(default=(5, 10), min_length=1)
    epsilon_per_release: float = Field(default=1, alias="epsilonPerRelease", gt=0)
    epsilon_per_year: float = Field(default=4, alias="epsilonPerYear", gt=0)

    @model_validator(mode="after")
    def _is_consistent(self) -> "Aggregates":
        if self.first != period_of(self.first, self.period):
            raise ValueError(f"first is not the first day of a {self.period}")
        if any(not 1 < base <= self.threshold for base in self.bases):
            raise ValueError("bases must lie between 2 and the threshold")
        return self

    def due(self, night: date, published: date | None) -> tuple[date, ...]:
        """Return the periods that have settled by a night and are not out yet."""
        start = self.first if published is None else following(published, self.period)
        found = []
        while (night - following(start, self.period)).days >= self.settle_days:
            found.append(start)
            start = following(start, self.period)
        return tuple(found)


class CountRule(Strict):
    """How one table counts persons.

    Attributes:
        person: The column that names the person; it is counted and never shown.
        dimensions: The columns to count by, coarsest first, with all their values.
        share: Of which dimension each value's share is shown.
        top_bottom: Whether shares below 5 and above 95 percent are shown as those.
        zeros_disclosive: Whether that nobody stands in a cell says something.
        mean: A column whose mean over persons is shown.
        epsilon: Shows counts with random noise of this privacy loss a period instead.
    """

    person: str
    dimensions: Mapping[str, tuple[str, ...]] = Field(min_length=1)
    share: str | None = None
    top_bottom: bool = Field(default=False, alias="topBottom")
    zeros_disclosive: bool = Field(default=False, alias="zerosDisclosive")
    mean: str | None = None
    epsilon: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_consistent(self) -> "CountRule":
        if self.share is not None and self.share not in self.dimensions:
            raise ValueError(f"share '{self.share}' is no dimension")
        if self.epsilon is not None and self.mean is not None:
            raise ValueError("a table with noise shows no mean")
        for name, values in self.dimensions.items():
            if not values or len({*values}) < len(values) or "all" in values:
                raise ValueError(
                    f"dimension '{name}' needs values, each once, and none called 'all'"
                )
        return self


def period_of(day: date, unit: Unit) -> date:
    """Return the first day of the period that a day is in."""
    months = MONTHS[unit]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def following(first: date, unit: Unit) -> date:
    """Return the first day of the period after one."""
    month = first.month - 1 + MONTHS[unit]
    return date(first.year + month // 12, month % 12 + 1, 1)
