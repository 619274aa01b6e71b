"""What happens to each column of the vault in one release, as SQL over a record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.models import ReleaseProfile
from concord.contracts.persons import PERSON_ATTRIBUTES
from concord.contracts.references import References
from concord.deidentification.actions import birth_year, keep, zip3
from concord.deidentification.areas import Areas
from concord.deidentification.companions import companion, state_sql
from concord.deidentification.oldest import BORN, born_sql, limits
from concord.deidentification.zip3 import Zip3Table
from concord.duck import quoted
from concord.exceptions import ContractError

PERSON_CONCEPTS = {name: f"person.{name}" for name in ("source_id", *PERSON_ATTRIBUTES)}
"""Columns of the vault's person record and the concept of each."""

PLACE_CONCEPTS = {
    "street": "place.street",
    "city": "place.city",
    "state": "place.state",
    "zip": "place.zip",
    "latitude": "place.latitude",
    "longitude": "place.longitude",
}
"""Columns of the vault's place record and the concept of each."""

KEEPABLE = frozenset({"sex", "race", "ethnicity", "city", "state", "zip"})
POINT = ("latitude", "longitude")


@dataclass(frozen=True)
class VaultRules:
    """What happens to each vault column in one release."""

    profile: ReleaseProfile
    zip3_table: Zip3Table
    night: date
    references: References

    def published(self, concepts: Mapping[str, str]) -> dict[str, str]:
        """Return the columns that leave, each with the SQL that makes it."""
        columns = (self._column(name, concept) for name, concept in concepts.items())
        return {name: sql for name, sql, _ in filter(None, columns)}

    def with_state(self, concepts: Mapping[str, str]) -> list[str]:
        """Return the columns that leave with a companion."""
        columns = (
            self._column(name, concept)
            for name, concept in concepts.items()
            if concept in self.profile.companions
        )
        return [name for name, *_ in filter(None, columns)]

    def states(self, concepts: Mapping[str, str]) -> dict[str, str]:
        """Return the companions of a record's columns, each with its SQL."""
        found = {}
        for recorded, concept in concepts.items():
            column = self._column(recorded, concept)
            if column is not None and concept in self.profile.companions:
                name, made, action = column
                found[companion(name)] = state_sql(action, quoted(recorded), made)
        return found

    def born(self) -> dict[str, str]:
        """Return the year of birth by which a person's dates and ages are limited."""
        if self.profile.oldest is None:
            return {}
        return {BORN: born_sql("birth_date", self.night.year)}

    def limits(self, born: str) -> dict[str, str]:
        """Return what limits a person's dates and ages, if anything does."""
        if self.profile.oldest is None:
            return {}
        return limits(born, self.night.year, self.profile.oldest)

    def areas(self) -> Areas | None:
        """Return the areas in which places are told, if they are."""
        action = self.profile.action_of(PLACE_CONCEPTS[POINT[0]])
        return Areas.of(action, self.references) if action.action == "snap" else None

    def _column(self, name: str, concept: str) -> tuple[str, str, ConceptAction] | None:
        action = self.profile.action_of(concept)
        match action.action:
            case "drop" | "vault_only":
                return None
            case "keep" if name in KEEPABLE:
                return name, keep(quoted(name), "string"), action
            case "zip3" if name == "zip":
                return "zip3", zip3(quoted(name), self.zip3_table), action
            case "birth_year" if name == "birth_date":
                year = birth_year(quoted(name), self.night, action.top)
                return "birth_year", year, action
            case "snap" if concept in map(PLACE_CONCEPTS.get, POINT):
                return None  # both columns together make one: areas()
        raise ContractError(
            f"include/releases/{self.profile.id}.yaml: '{concept}' can't be "
            f"'{action.action}'. See docs/reference/release_profiles.md"
        )
