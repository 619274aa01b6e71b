"""What a release profile can ask to be done to a concept, and with which parameters."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from concord.contracts.odcs import Strict

PARAMETERS: Mapping[str, frozenset[str]] = {
    "generalise_date": frozenset({"unit"}),
    "time_band": frozenset({"hours"}),
    "shift_date": frozenset({"days", "weekday", "window"}),
    "days_since": frozenset({"days"}),
    "birth_year": frozenset({"top"}),
    "age_band": frozenset({"bands"}),
    "top_code": frozenset({"top"}),
    "snap": frozenset({"grid", "minimum", "population"}),
    "collapse": frozenset({"groups", "other", "minimum"}),
    "bin": frozenset({"edges"}),
    "round": frozenset({"base"}),
}
"""What an action may be given; the others take nothing."""
OLDEST_AGE = 90
"""45 CFR 164.514(b)(2)(i)(C): all ages over 89 are one."""


class ConceptAction(Strict):
    """What happens to a concept in one release; see reference/release_profiles.md."""

    action: Literal[
        "drop",
        "vault_only",
        "keep",
        "tokenise",
        "tokenise_local",
        "generalise_date",
        "time_band",
        "shift_date",
        "days_since",
        "birth_year",
        "age_band",
        "top_code",
        "zip3",
        "snap",
        "collapse",
        "bin",
        "round",
    ]
    unit: Literal["year", "quarter", "month", "week", "day"] | None = None
    bands: tuple[int, ...] | None = None
    top: int | None = None
    hours: int | None = None
    days: int | None = Field(default=None, ge=1)
    weekday: bool | None = None
    window: tuple[date, date] | None = None
    base: float | None = Field(default=None, gt=0)
    edges: tuple[float, ...] | None = None
    groups: str | None = None
    other: str | None = None
    minimum: int | None = Field(default=None, ge=5)
    grid: str | None = None
    population: str | None = None

    @property
    def leaves(self) -> bool:
        """Say whether anything of the concept leaves at all."""
        return self.action not in ("drop", "vault_only")

    @model_validator(mode="after")
    def _takes_what_is_given(self) -> "ConceptAction":
        given = self.model_fields_set - {"action"}
        if strange := given - PARAMETERS.get(self.action, frozenset()):
            raise ValueError(f"'{self.action}' takes no '{min(strange)}'")
        return self


DROP = ConceptAction(action="drop")
