"""A release profile against the concepts, contracts and agreements that it is about."""

from collections.abc import Mapping

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.models import (
    Agreement,
    Concept,
    Contract,
    ReleaseProfile,
)
from concord.contracts.standards import WHERE, check_standard, named_actions
from concord.contracts.victims import VictimRule
from concord.exceptions import ContractError

TOKENS = ("tokenise", "tokenise_local")
POINT = ("place.latitude", "place.longitude")


def check_profile(
    profile: ReleaseProfile,
    concepts: Mapping[str, Concept],
    contracts: Mapping[str, Contract],
    agreements: Mapping[str, Agreement],
) -> None:
    """Refuse a profile that leaves something undecided or lets too much out.

    Raises:
        ContractError: With the file, what is wrong, and what to do.
    """
    where = f"include/releases/{profile.id}.yaml"
    for feed in profile.feeds or ():
        if feed not in contracts:
            raise ContractError(f"{where}: feed '{feed}' has no contract. Correct it")
    taken = {feed: c for feed, c in contracts.items() if profile.takes(feed)}
    _check_every_concept(where, profile, taken)
    for name in profile.concepts:
        if name not in concepts:
            raise ContractError(
                f"{where}: '{name}' is no concept. See include/concepts.yaml"
            )
    for named, concept, action in named_actions(profile, contracts):
        _check_identity(f"{where}: '{named}'", concepts[concept], action, profile)
    check_standard(profile, contracts, agreements)
    _check_places(where, profile)
    strictest = max(agreements[c.agreement].minimum_cell for c in taken.values())
    if profile.k_anonymity.k < strictest:
        raise ContractError(
            f"{where}: k is {profile.k_anonymity.k}, but an agreement asks for "
            f"{strictest}. Raise k"
        )


def with_victim_rules(
    profile: ReleaseProfile, rules: Mapping[str, VictimRule]
) -> ReleaseProfile:
    """Put the rules that a profile names into it; raises ContractError."""
    where = f"include/releases/{profile.id}.yaml"
    if profile.victim_rules:
        raise ContractError(f"{where}: name rules under victims, don't write them")
    for name in profile.victims:
        if name not in rules:
            raise ContractError(
                f"{where}: '{name}' is no rule of include/victims.yaml. There are: "
                f"{', '.join(sorted(rules))}"
            )
    if _tells_places(profile) and (missing := sorted(rules.keys() - profile.victims)):
        raise ContractError(
            f"{where}: places are told more finely than by three digits of a ZIP code, "
            f"but victims lacks {', '.join(missing)}. Name every rule"
        )
    named = {name: rules[name] for name in profile.victims}
    return profile.model_copy(update={"victim_rules": named})


def _check_every_concept(
    where: str, profile: ReleaseProfile, contracts: Mapping[str, Contract]
) -> None:
    """Everything is denied that nobody decided; and that nobody did is an error."""
    for contract in contracts.values():
        for table in contract.tables:
            for column in table.columns:
                concept = column.concept
                if concept.zone != "discard" and concept.name not in profile.concepts:
                    raise ContractError(
                        f"{where}: '{concept.name}' "
                        f"({contract.id}.{table.name}.{column.name}) has no action. "
                        "Say drop, or what may leave"
                    )


def _check_identity(
    where: str, concept: Concept, action: ConceptAction, profile: ReleaseProfile
) -> None:
    """Refuse what no release may do to a concept of its kind."""
    if concept.identity == "free_text" and action.leaves:
        raise ContractError(f"{where} is free text. Only drop is allowed")
    if action.action == "vault_only" and concept.zone != "vault":
        raise ContractError(f"{where} is not in the vault. Say drop")
    as_area = action.action == "snap" and concept.name in POINT
    as_city = action.action == "keep" and concept.name in WHERE
    allowed = not action.leaves or action.action in TOKENS or as_area or as_city
    if concept.identity == "direct" and not allowed:
        raise ContractError(
            f"{where} identifies a person but its action is '{action.action}'. "
            "Use drop or tokenise"
        )


def _tells_places(profile: ReleaseProfile) -> bool:
    finer = (c for c in (*WHERE, *POINT) if c.startswith("place."))
    return any(profile.action_of(c).action in ("keep", "snap") for c in finer)


def _check_places(where: str, profile: ReleaseProfile) -> None:
    """Coordinates make one area, so both have the action or neither."""
    first, second = (profile.action_of(concept) for concept in POINT)
    if "snap" in (first.action, second.action) and first != second:
        raise ContractError(
            f"{where}: {' and '.join(POINT)} make one area. Give both the same action"
        )
