"""Rules by which the place of an event is not published, to keep victims safe.

``include/victims.yaml`` has them by name; a release profile names those it follows.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from concord.contracts.odcs import Strict
from concord.contracts.yaml_lines import Document, parse

Value = str | int | bool


class Withheld(Strict):
    """When a table's rows lose their place.

    ``when`` is a column of the table itself, or ``table.column`` of one whose rows
    refer to it. ``follows`` is ``feed.table.column``: a row there that has the same
    number and lost its place takes this row's with it.
    """

    place_of: str = Field(alias="placeOf", pattern=r"^\w+\.\w+$")
    when: str | None = None
    is_: tuple[Value, ...] = Field(default=(), alias="is")
    below: int | None = None
    unless_rows: int | None = Field(default=None, alias="unlessRows", ge=2)
    number: str | None = None
    follows: str | None = Field(default=None, pattern=r"^\w+\.\w+\.\w+$")

    @model_validator(mode="after")
    def _says_when(self) -> "Withheld":
        by_value = self.when is not None and (
            bool(self.is_) != (self.below is not None)
        )
        by_number = self.number is not None and self.follows is not None
        if by_value == by_number:
            raise ValueError("needs when with is or below, or number with follows")
        return self

    @property
    def feed(self) -> str:
        """Return the feed of the table that loses places."""
        return self.place_of.split(".")[0]

    @property
    def table(self) -> str:
        """Return the table that loses places."""
        return self.place_of.split(".")[1]


class VictimRule(Strict):
    """One reason to withhold places, and where it applies."""

    why: str = Field(min_length=8)
    withhold: tuple[Withheld, ...] = Field(min_length=1)


class VictimRules(Strict):
    """The file ``include/victims.yaml``."""

    kind: Literal["VictimRules"]
    rules: Mapping[str, VictimRule]


def read_victims(path: Path) -> Mapping[str, VictimRule]:
    """Read the rules; a county without the file has none."""
    if not path.is_file():
        return {}
    return parse(Document(path), VictimRules).rules
