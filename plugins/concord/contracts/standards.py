"""What each legal standard lets a release profile say, checked when it is read.

* ``safe_harbor``: HIPAA, 45 CFR 164.514(b)(2). Years, three digits of a ZIP code, no
  place below the state, the ages from 90 on as one.
* ``limited_data_set``: 45 CFR 164.514(e). Days, cities and ZIP codes may stay, for
  recipients who signed for it.
* ``counts``: no row leaves, only counts of persons by month or longer.
* ``ferpa``: 34 CFR 99.31. Months, groups of 10, for studies and audits, and no rows of
  law enforcement beside those of schools.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from concord.contracts.concept_actions import OLDEST_AGE, ConceptAction
from concord.contracts.contract_checks import Problem
from concord.contracts.intelligence import SECTORS
from concord.contracts.models import (
    Agreement,
    Contract,
    ReleaseProfile,
    Standard,
)

UNITS = ("day", "week", "month", "quarter", "year")
FERPA_GROUP = 10


@dataclass(frozen=True)
class Limits:
    """How much one standard lets out.

    Attributes:
        name: As people call it.
        finest: The finest unit of a date.
        kept: Concepts that may be kept although they say where somebody lives.
        areas: Whether places may be given by area of a grid.
        purposes: What a permit may be for; none where no permit is needed.
        promises: What a permit must say that the recipient may not do.
    """

    name: str
    finest: str
    kept: frozenset[str] = frozenset()
    areas: bool = False
    purposes: frozenset[str] = frozenset()
    promises: frozenset[str] = frozenset()


WHERE = frozenset(
    {
        "person.city", "place.city", "person.zip", "place.zip", "place.beat",
        "place.tract",
    }
)  # fmt: skip
"""Concepts that place somebody more finely than three digits of a ZIP code."""

STANDARDS: Mapping[Standard, Limits] = {
    "safe_harbor": Limits("Safe Harbor", finest="year"),
    "limited_data_set": Limits(
        "a limited data set",
        finest="day",
        kept=WHERE - {"place.beat"},
        areas=True,
        purposes=frozenset({"research", "public_health", "health_care_operations"}),
        promises=frozenset({"identify", "contact"}),
    ),
    "ferpa": Limits(
        "FERPA's exception",
        finest="month",
        areas=True,
        purposes=frozenset({"studies", "audit"}),
        promises=frozenset({"identify", "disclose"}),
    ),
    "counts": Limits("a count of persons", finest="month"),
}


def standard_problems(
    profile: ReleaseProfile,
    contracts: Mapping[str, Contract],
    agreements: Mapping[str, Agreement],
) -> Iterator[Problem]:
    """Yield where a profile lets out more than its standard, or to whom it may not."""
    limits = STANDARDS[profile.standard]
    moments = _moments(contracts)
    for at, concept, action in named_actions(profile, contracts):
        problem = _too_much(concept, action, limits, concept in moments)
        if problem is not None:
            yield (
                at,
                f"'{at[-1]}' {problem}, which is more than {limits.name} lets out",
                "See docs/reference/release_profiles.md",
            )
    taken = [contracts[feed] for feed in sorted(filter(profile.takes, contracts))]
    for contract in taken if limits.purposes else ():
        agreement = agreements.get(contract.agreement)
        if agreement is not None:
            yield from _permit_problems(limits, contract, agreement, profile.standard)
    if profile.standard == "ferpa":
        yield from _school_problems(profile, taken)


def named_actions(
    profile: ReleaseProfile, contracts: Mapping[str, Contract]
) -> Iterator[tuple[tuple[str, str], str, ConceptAction]]:
    """Yield every action with where it stands and the concept that it is done to.

    A column that no contract has is of no concept.
    """
    for name, action in profile.concepts.items():
        yield ("concepts", name), name, action
    of_columns = {
        f"{contract.id}.{table.name}.{column.name}": column.concept.name
        for contract in contracts.values()
        for table in contract.tables
        for column in table.columns
    }
    for name, action in profile.columns.items():
        yield ("columns", name), of_columns.get(name, ""), action


def _moments(contracts: Mapping[str, Contract]) -> frozenset[str]:
    """Return the concepts of which some column is a date or a moment."""
    return frozenset(
        column.concept.name
        for contract in contracts.values()
        for table in contract.tables
        for column in table.columns
        if column.type in ("date", "timestamp")
    )


def _too_much(
    concept: str, action: ConceptAction, limits: Limits, is_moment: bool
) -> str | None:
    """Say what of an action is more than a standard lets out."""
    match action.action:
        case "keep" if concept in WHERE - limits.kept:
            return "is kept"
        case "keep" if is_moment and limits.finest != "day":
            return "is kept to the day"
        case "shift_date":
            return "is shifted, for which an expert must answer"
        case "snap" if not limits.areas:
            return "is given by area"
        case "generalise_date" if action.unit in _finer_than(limits.finest):
            return f"is given to the {action.unit}"
        case "birth_year" if (action.top or 0) > OLDEST_AGE:
            return f"tells ages up to {action.top} apart"
    return None


def _finer_than(unit: str) -> tuple[str, ...]:
    # A week is finer than a year, though some lie in two: it tells days of the turn.
    return UNITS[: UNITS.index(unit)]


def _permit_problems(
    limits: Limits, contract: Contract, agreement: Agreement, standard: Standard
) -> Iterator[Problem]:
    """Yield what an agency lacks to have rows in more than Safe Harbor lets out."""
    file = f"include/agreements/{agreement.id}.yaml"
    permit = agreement.permits.get(standard)
    if permit is None:
        yield (
            ("feeds",),
            f"agreement '{agreement.id}' of feed '{contract.id}' does not permit "
            f"{limits.name}",
            f"Take the feed out of feeds, or amend {file}",
        )
        return
    if permit.purpose not in limits.purposes:
        yield (
            ("feeds",),
            f"{file} permits {limits.name} for '{permit.purpose}'",
            f"It may be for {', '.join(sorted(limits.purposes))}",
        )
    missing = limits.promises - set(permit.recipient_may_not)
    if missing:
        yield (
            ("feeds",),
            f"{file} permits {limits.name} without recipientMayNot: "
            f"{', '.join(sorted(missing))}",
            "Amend the agreement",
        )


def _school_problems(
    profile: ReleaseProfile, taken: Sequence[Contract]
) -> Iterator[Problem]:
    enforcing = [contract.id for contract in taken if contract.sector in SECTORS]
    if enforcing:
        yield (
            ("feeds",),
            f"rows of {', '.join(enforcing)} would stand beside those of schools, "
            "which FERPA does not give to law enforcement",
            "Name other feeds",
        )
    rule = profile.k_anonymity
    if rule is not None and rule.k < FERPA_GROUP:
        yield (
            ("kAnonymity", "k"),
            f"k is {rule.k}; school records are shown in groups of "
            f"{FERPA_GROUP} or more",
            "Raise k",
        )
