"""What a release profile says of disclosure risk: how people are hidden, and limits."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from concord.contracts.odcs import Strict

Scale = Literal["nominal", "ordered"]
JOINED, TRAJECTORIES = WHOLE = ("joined", "trajectories")
"""What is measured of a whole release: all sets together, and all dates."""


class Coarser(Strict):
    """What a quasi-identifier becomes in a row that would stand in a small class."""

    width: int | None = Field(default=None, ge=2)
    groups: Mapping[str, tuple[str, ...]] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Coarser":
        if (self.width is None) == (self.groups is None):
            raise ValueError("needs one of 'width', for numbers, and 'groups'")
        return self


class KAnonymity(Strict):
    """The first disclosure gate: no person stands alone in a class."""

    k: int = Field(ge=5)
    quasi_identifiers: tuple[str, ...] = Field(alias="quasiIdentifiers", min_length=1)
    coarser: Mapping[str, Coarser] = {}
    max_suppressed_share: float = Field(alias="maxSuppressedShare", ge=0, le=1)
    max_touched_share: float = Field(default=1, alias="maxTouchedShare", ge=0, le=1)

    @model_validator(mode="after")
    def _coarsens_what_it_counts(self) -> "KAnonymity":
        for column in self.coarser:
            if column not in self.quasi_identifiers:
                raise ValueError(f"'{column}' is coarsened but no quasi-identifier")
        return self


class ClassLimits(Strict):
    """How many persons must be alike, and what share may be alike to fewer."""

    k: int | None = Field(default=None, ge=5)
    unique_share: float | None = Field(default=None, alias="uniqueShare", ge=0, le=1)
    at_risk_share: float | None = Field(default=None, alias="atRiskShare", ge=0, le=1)


class Limits(ClassLimits):
    """Limits of one set; those on values count for each of its sensitive columns."""

    population_k: int | None = Field(default=None, alias="populationK", ge=2)
    l: int | None = Field(default=None, ge=2)  # noqa: E741  the measure's own name
    entropy_l: float | None = Field(default=None, alias="entropyL", gt=1)
    t: float | None = Field(default=None, gt=0, le=1)
    delta: float | None = Field(default=None, gt=0)
    beta: float | None = Field(default=None, gt=0)

    @property
    def on_values(self) -> dict[str, float]:
        """Return the limits that are about sensitive values."""
        named = self.model_dump(include={"l", "entropy_l", "t", "delta", "beta"})
        return {name: limit for name, limit in named.items() if limit is not None}


class RiskSet(Strict):
    """Columns that somebody may know of a person, and what they must not learn."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    table: str = "person"
    quasi_identifiers: tuple[str, ...] = Field(alias="quasiIdentifiers", min_length=1)
    sensitive: Mapping[str, Scale] = {}
    population: str | None = None
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _limits_what_is_measured(self) -> "RiskSet":
        if self.limits.on_values and not self.sensitive:
            raise ValueError("limits on values need 'sensitive' columns")
        if self.limits.population_k is not None and self.population is None:
            raise ValueError("'populationK' needs a 'population'")
        return self


class RiskRules(Strict):
    """What is measured of a release before it leaves, and where it is refused."""

    sets: tuple[RiskSet, ...] = ()
    joined: ClassLimits | None = None
    trajectories: ClassLimits | None = None

    @model_validator(mode="after")
    def _joins_something(self) -> "RiskRules":
        if self.joined is not None and not self.sets:
            raise ValueError("'joined' needs 'sets' to join")
        return self

    @field_validator("sets")
    @classmethod
    def _named_once(cls, sets: tuple[RiskSet, ...]) -> tuple[RiskSet, ...]:
        names = [one.id for one in sets]
        if len({*names, *WHOLE}) != len(names) + len(WHOLE):
            raise ValueError(f"a set's id is used twice, or is {' or '.join(WHOLE)}")
        return sets

    @property
    def limits(self) -> dict[str, ClassLimits]:
        """Return everything that is measured, by name, with its limits."""
        whole = zip(WHOLE, (self.joined, self.trajectories), strict=True)
        return {
            **{one.id: one.limits for one in self.sets},
            **{name: limits for name, limits in whole if limits is not None},
        }
