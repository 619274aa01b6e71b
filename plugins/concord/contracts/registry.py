"""Everything under include/, loaded once, every file checked against the others."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from concord.contracts.contract_checks import Problem
from concord.contracts.decisions import Decisions, read_decisions
from concord.contracts.findings import Findings
from concord.contracts.models import (
    Agreement,
    CodeList,
    Concept,
    Contract,
    ReleaseProfile,
)
from concord.contracts.odcs import LogicalType
from concord.contracts.profile_checks import profile_problems, with_victim_rules
from concord.contracts.reading import ContractReader
from concord.contracts.reading import Draft as ContractDraft
from concord.contracts.references import References, read_references
from concord.contracts.victims import VictimRule, read_victims
from concord.contracts.yaml_lines import Document, Location, parse
from concord.exceptions import ContractError
from concord.settings import Settings

Model = TypeVar("Model", bound=BaseModel)
FITTING: Mapping[str, tuple[LogicalType, ...]] = {
    "generalise_date": ("date", "timestamp"),
    "age_band": ("integer",),
}
"""Actions that only columns of some types can have."""


@dataclass(frozen=True)
class Registry:
    """The county's contracts, agreements, release profiles, concepts and codes."""

    concepts: dict[str, Concept]
    codelists: dict[str, CodeList]
    contracts: dict[str, Contract]
    agreements: dict[str, Agreement]
    profiles: dict[str, ReleaseProfile]
    decisions: dict[str, Decisions] = field(default_factory=dict)
    references: References = field(default_factory=References)

    def contract(self, feed: str) -> Contract:
        """Return a feed's contract; raises ContractError naming those that exist."""
        if feed not in self.contracts:
            known = ", ".join(sorted(self.contracts))
            raise ContractError(f"no contract for feed '{feed}'. There are: {known}")
        return self.contracts[feed]

    def profile(self, name: str) -> ReleaseProfile:
        """Return a release profile; raises ContractError naming those that exist."""
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles))
            raise ContractError(f"no release profile '{name}'. There are: {known}")
        return self.profiles[name]

    @property
    def nightly(self) -> list[str]:
        """Return the profiles of which every night has a release."""
        return sorted(name for name, p in self.profiles.items() if p.nightly)

    def agreement_of(self, contract: Contract) -> Agreement:
        """Return the agreement that permits a feed."""
        return self.agreements[contract.agreement]


@dataclass(frozen=True)
class Draft:
    """What could be read of include/, and every mistake found in it."""

    registry: Registry
    contracts: Mapping[str, ContractDraft]
    findings: Findings


def load_registry(settings: Settings) -> Registry:
    """Load and cross-check include/.

    Raises:
        ContractError: Something is wrong: every mistake with file, line and remedy.
    """
    draft = draft_registry(settings)
    draft.findings.raise_any()
    return draft.registry


def draft_registry(settings: Settings) -> Draft:
    """Read what can be read of include/, and find all that is wrong with it."""
    include, findings = settings.include, Findings()
    concepts: dict[str, Concept] = {}
    with findings.gathered():
        concepts = _concepts(include / "concepts.yaml")
    codelists = {
        p.stem: _codelist(p, findings) for p in sorted_files(include / "codelists")
    }
    reader = ContractReader(concepts, codelists)
    drafts: dict[str, ContractDraft] = {}
    for path in sorted_files(include / "contracts", ".odcs.yaml"):
        with findings.gathered():
            drafts[path.name.removesuffix(".odcs.yaml")] = reader.draft(path, findings)
    contracts = {feed: d.contract for feed, d in drafts.items() if d.contract}
    registry = Registry(
        concepts,
        codelists,
        contracts,
        {a.id: a for a in _parsed(include / "agreements", Agreement, findings)},
        {p.id: p for p in _parsed(include / "releases", ReleaseProfile, findings)},
    )
    victims: Mapping[str, VictimRule] = {}
    with findings.gathered():
        victims = read_victims(include / "victims.yaml")
    for name, profile in registry.profiles.items():
        with findings.gathered():
            registry.profiles[name] = with_victim_rules(profile, victims)
    with findings.gathered():
        registry = replace(registry, references=read_references(include))
    check_registry(registry, drafts, settings, findings)
    if all(draft.whole for draft in drafts.values()):
        with findings.gathered():
            registry.decisions.update(read_decisions(include, contracts))
    return Draft(registry, drafts, findings)


def _parsed(folder: Path, model: type[Model], findings: Findings) -> list[Model]:
    """Read every file of a folder as a model, less those that are wrong."""
    found = []
    for path in sorted_files(folder):
        with findings.gathered():
            found.append(parse(Document(path), model))
    return found


def sorted_files(folder: Path, suffix: str = "") -> list[Path]:
    """List a configuration folder's files in a fixed order."""
    return sorted(p for p in folder.glob(f"*{suffix}") if p.is_file())


def read_codelist(path: Path) -> CodeList:
    """Read ``code,value,description``; raises ContractError with the line."""
    findings = Findings()
    found = _codelist(path, findings)
    findings.raise_any()
    return found


def _codelist(path: Path, findings: Findings) -> CodeList:
    codes: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != ["code", "value", "description"]:
            problem = f"{path}:1: columns are {reader.fieldnames}"
            remedy = "A code list has exactly code,value,description"
            findings.add(ContractError(f"{problem}. {remedy}"))
            return CodeList(name=path.stem, codes=codes)
        for row in reader:
            if row["code"] in codes:
                where = f"{path}:{reader.line_num}"
                problem = f"{where}: code '{row['code']}' twice. Remove one"
                findings.add(ContractError(problem))
            codes[row["code"]] = row["value"]
    return CodeList(name=path.stem, codes=codes)


def _concepts(path: Path) -> dict[str, Concept]:
    document = Document(path)
    concepts: dict[str, Concept] = {}
    for name, body in document.data.items():
        fields: dict[str, Any] = {"name": name, **body}
        try:
            concepts[name] = Concept.model_validate(fields)
        except ValueError as error:
            raise document.fail((name,), str(error), "Correct the concept") from error
    return concepts


def check_registry(
    registry: Registry,
    drafts: Mapping[str, ContractDraft],
    settings: Settings,
    findings: Findings,
) -> None:
    """Check what only several files together can show."""
    for feed, contract in registry.contracts.items():
        for problem in (
            *_agreement_problems(registry, contract, drafts[feed]),
            *_suite_problems(contract, drafts[feed], settings),
            *_action_problems(registry, contract, drafts[feed]),
        ):
            findings.add(drafts[feed].document.fail(*problem))
    for profile in registry.profiles.values():
        path = settings.include / "releases" / f"{profile.id}.yaml"
        for problem in profile_problems(
            profile, registry.concepts, registry.contracts, registry.agreements
        ):
            findings.add(Document(path).fail(*problem))


def _agreement_problems(
    registry: Registry, contract: Contract, draft: ContractDraft
) -> Iterator[Problem]:
    at: Location = ("customProperties",)
    agreement = registry.agreements.get(contract.agreement)
    if agreement is None:
        yield (
            at,
            f"agreement '{contract.agreement}' does not exist, or is not valid",
            f"Add include/agreements/{contract.agreement}.yaml",
        )
        return
    if contract.id not in agreement.feeds:
        yield (
            at,
            f"agreement '{agreement.id}' does not name feed '{contract.id}'",
            "Amend the agreement or remove the contract",
        )
    for table in contract.tables:
        for column in table.columns:
            if column.concept.name not in agreement.concepts:
                yield (
                    draft.place(table.name, column.name),
                    f"'{table.name}.{column.name}' is '{column.concept.name}', which "
                    f"agreement '{agreement.id}' does not permit",
                    "Remove the column or amend the agreement",
                )


def _suite_problems(
    contract: Contract, draft: ContractDraft, settings: Settings
) -> Iterator[Problem]:
    for table in contract.tables:
        suite = settings.expectations / contract.id / f"{table.name}.json"
        if not suite.is_file():
            yield (
                draft.place(table.name),
                f"table '{table.name}' has no suite",
                f"Add expectations/{contract.id}/{table.name}.json",
            )


def _action_problems(
    registry: Registry, contract: Contract, draft: ContractDraft
) -> Iterator[Problem]:
    """Yield columns with which a profile cannot do what it says of their concept."""
    for table in contract.tables:
        for column in table.columns:
            concept = column.concept
            without_token: list[str] = []
            for profile in registry.profiles.values():
                if not profile.takes(contract.id):
                    continue
                named = f"{contract.id}.{table.name}.{column.name}"
                action = profile.columns.get(named, profile.concepts.get(concept.name))
                if concept.zone != "discard" and action is None:
                    yield (
                        draft.place(table.name, column.name),
                        f"'{concept.name}' ({contract.id}.{table.name}.{column.name}) "
                        f"has no action in include/releases/{profile.id}.yaml",
                        "Say there drop, or what may leave",
                    )
                if concept.zone != "content" or action is None:
                    continue
                if action.action == "tokenise" and not column.entity:
                    without_token.append(f"'{profile.id}'")
                if column.type not in FITTING.get(action.action, (column.type,)):
                    yield (
                        draft.place(table.name, column.name),
                        f"'{column.name}' is a {column.type}, but release "
                        f"'{profile.id}' makes {action.action} of a '{concept.name}'",
                        "Correct its logicalType, or name another concept",
                    )
            if without_token:
                yield (
                    draft.place(table.name, column.name),
                    f"'{column.name}' is a '{concept.name}' of no entity, so no token "
                    f"of it can be made for release {', '.join(without_token)}",
                    "Give it the custom property 'entity': what the number counts",
                )
