"""A release profile against the concepts, contracts and agreements that it is about."""

from collections.abc import Iterator, Mapping

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.contract_checks import Problem
from concord.contracts.models import (
    Agreement,
    Concept,
    Contract,
    ReleaseProfile,
)
from concord.contracts.risk import WHOLE
from concord.contracts.standards import WHERE, named_actions, standard_problems
from concord.contracts.victims import VictimRule
from concord.contracts.yaml_lines import Location
from concord.exceptions import ContractError

TOKENS = ("tokenise", "tokenise_local")
POINT = ("place.latitude", "place.longitude")


def profile_problems(
    profile: ReleaseProfile,
    concepts: Mapping[str, Concept],
    contracts: Mapping[str, Contract],
    agreements: Mapping[str, Agreement],
) -> Iterator[Problem]:
    """Yield what a profile lets out too much of, and what it says of nothing."""
    for feed in profile.feeds or ():
        if feed not in contracts:
            yield ("feeds",), f"feed '{feed}' has no contract", "Correct it"
    for at, concept, action in named_actions(profile, contracts):
        if concept not in concepts:
            yield at, f"'{at[-1]}' is no concept", "See include/concepts.yaml"
        elif problem := _identity_problem(concepts[concept], action):
            yield at, f"'{at[-1]}' {problem[0]}", problem[1]
    yield from standard_problems(profile, contracts, agreements)
    yield from _place_problems(profile)
    cells = [
        agreements[contract.agreement].minimum_cell
        for feed, contract in contracts.items()
        if profile.takes(feed) and contract.agreement in agreements
    ]
    yield from _risk_problems(profile, max(cells, default=0))


def _risk_problems(profile: ReleaseProfile, strictest: int) -> Iterator[Problem]:
    """Yield limits that are weaker than an agreement, and sets that can't be told."""
    rule = profile.k_anonymity
    asked: dict[Location, int] = {("kAnonymity", "k"): rule.k} if rule else {}
    for number, one in enumerate(profile.risk.sets):
        if one.limits.k is not None:
            asked["risk", "sets", number, "limits", "k"] = one.limits.k
    for name in WHOLE:
        limits = profile.risk.limits.get(name)
        if limits is not None and limits.k is not None:
            asked["risk", name, "k"] = limits.k
    for at, k in asked.items():
        if k < strictest:
            yield at, f"k is {k}, but an agreement asks for {strictest}", "Raise k"
    for number, one in enumerate(profile.risk.sets):
        coarse = set(one.quasi_identifiers) & (rule.coarser if rule else {}).keys()
        if one.population is not None and coarse:
            yield (
                ("risk", "sets", number),
                f"set '{one.id}' is compared with a population, but "
                f"'{min(coarse)}' is made coarser than it counts",
                "Take it out of 'coarser' or leave out 'population'",
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


def _identity_problem(
    concept: Concept, action: ConceptAction
) -> tuple[str, str] | None:
    """Say what no release may do to a concept of its kind, and what it may."""
    if concept.identity == "free_text" and action.leaves:
        return "is free text", "Only drop is allowed"
    if action.action == "vault_only" and concept.zone != "vault":
        return "is not in the vault", "Say drop"
    as_area = action.action == "snap" and concept.name in POINT
    as_city = action.action == "keep" and concept.name in WHERE
    allowed = not action.leaves or action.action in TOKENS or as_area or as_city
    if concept.identity == "direct" and not allowed:
        return (
            f"identifies a person but its action is '{action.action}'",
            "Use drop or tokenise",
        )
    return None


def _tells_places(profile: ReleaseProfile) -> bool:
    finer = (c for c in (*WHERE, *POINT) if c.startswith("place."))
    return any(profile.action_of(c).action in ("keep", "snap") for c in finer)


def _place_problems(profile: ReleaseProfile) -> Iterator[Problem]:
    """Coordinates make one area, so both have the action or neither."""
    first, second = (profile.action_of(concept) for concept in POINT)
    if "snap" in (first.action, second.action) and first != second:
        problem = f"{' and '.join(POINT)} make one area"
        yield ("concepts", POINT[0]), problem, "Give both the same action"
