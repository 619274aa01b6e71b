"""Everything under include/, loaded once, every file checked against the others."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concord.contracts.decisions import Decisions, read_decisions
from concord.contracts.models import (
    Agreement,
    CodeList,
    Concept,
    Contract,
    ReleaseProfile,
)
from concord.contracts.profile_checks import check_profile, with_victim_rules
from concord.contracts.reading import ContractReader
from concord.contracts.references import References, read_references
from concord.contracts.victims import read_victims
from concord.contracts.yaml_lines import Document, parse
from concord.exceptions import ContractError
from concord.settings import Settings


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


def load_registry(settings: Settings) -> Registry:
    """Load and cross-check include/; raises ContractError with file, line, remedy."""
    include = settings.include
    concepts = _concepts(include / "concepts.yaml")
    codelists = {p.stem: read_codelist(p) for p in sorted_files(include / "codelists")}
    reader = ContractReader(concepts, codelists)
    contract_files = sorted_files(include / "contracts", ".odcs.yaml")
    contracts = {c.id: c for c in map(reader.read, contract_files)}
    agreements = {
        a.id: a
        for a in (
            parse(Document(p), Agreement) for p in sorted_files(include / "agreements")
        )
    }
    victims = read_victims(include / "victims.yaml")
    profiles = {
        p.id: with_victim_rules(p, victims)
        for p in (
            parse(Document(f), ReleaseProfile)
            for f in sorted_files(include / "releases")
        )
    }
    registry = Registry(
        concepts,
        codelists,
        contracts,
        agreements,
        profiles,
        read_decisions(include, contracts),
        read_references(include),
    )
    check_registry(registry, settings)
    return registry


def sorted_files(folder: Path, suffix: str = "") -> list[Path]:
    """List a configuration folder's files in a fixed order."""
    return sorted(p for p in folder.glob(f"*{suffix}") if p.is_file())


def read_codelist(path: Path) -> CodeList:
    """Read ``code,value,description``; raises ContractError with the line."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != ["code", "value", "description"]:
            raise ContractError(
                f"{path}:1: columns are {reader.fieldnames}. "
                "A code list has exactly code,value,description"
            )
        codes: dict[str, str] = {}
        for row in reader:
            if row["code"] in codes:
                raise ContractError(
                    f"{path}:{reader.line_num}: code '{row['code']}' twice. Remove one"
                )
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


def check_registry(registry: Registry, settings: Settings) -> None:
    """Check what only several files together can show."""
    for contract in registry.contracts.values():
        _check_agreement(registry, contract)
        _check_suites(contract, settings)
    for profile in registry.profiles.values():
        check_profile(
            profile, registry.concepts, registry.contracts, registry.agreements
        )


def _check_agreement(registry: Registry, contract: Contract) -> None:
    where = f"include/contracts/{contract.id}.odcs.yaml"
    agreement = registry.agreements.get(contract.agreement)
    if agreement is None:
        raise ContractError(
            f"{where}: agreement '{contract.agreement}' does not exist. "
            "Add include/agreements/<id>.yaml"
        )
    if contract.id not in agreement.feeds:
        raise ContractError(
            f"{where}: agreement '{agreement.id}' does not name feed "
            f"'{contract.id}'. Amend the agreement or remove the contract"
        )
    for table in contract.tables:
        for column in table.columns:
            if column.concept.name not in agreement.concepts:
                raise ContractError(
                    f"{where}: '{table.name}.{column.name}' is "
                    f"'{column.concept.name}', which agreement '{agreement.id}' "
                    "does not permit. Remove the column or amend the agreement"
                )


def _check_suites(contract: Contract, settings: Settings) -> None:
    for table in contract.tables:
        suite = settings.expectations / contract.id / f"{table.name}.json"
        if not suite.is_file():
            raise ContractError(
                f"include/contracts/{contract.id}.odcs.yaml: table '{table.name}' "
                f"has no suite. Add expectations/{contract.id}/{table.name}.json"
            )
