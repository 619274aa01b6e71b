"""What a person decided about a feed, for a while: exemptions and overrides.

An exemption lets a delivery through that would be held; an override lets rows through
that would be quarantined. Each says which rule, why, who answers and until when. One
that has expired has no effect and is reported.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from concord.contracts.models import Contract
from concord.contracts.odcs import Strict
from concord.contracts.yaml_lines import Document, Location, parse
from concord.exceptions import ContractError

EVERY_ROW = "*"
LINKAGE = "linkage"
"""Named as a feed is: the exemptions of linkage, from the rules that follow."""
LINKAGE_RULES = ("churn:persons",)
Kind = Literal["exemption", "override"]


class Dated(Strict):
    """A person's decision that holds for a time and then has no effect."""

    reason: str = Field(min_length=8)
    owner: str = Field(min_length=3)
    starts: date = date.min
    expires: date

    def in_force(self, night: date) -> bool:
        """Say whether it covers a night (both ends included)."""
        return self.starts <= night <= self.expires


class Exemption(Dated):
    """Lets deliveries through that one rule about whole deliveries would hold."""

    rule: str = Field(
        pattern=r"^(volume|absent|deleted|bad-rows|empty|constant|code|churn):"
        r"[a-z0-9_.]+$"
    )


class Override(Dated):
    """Lets rows of a table through that one rule would quarantine."""

    table: str
    rule: str
    key: str = Field(pattern=r"^(\*|[0-9a-f]{32})$")


class ExemptionFile(Strict):
    """``include/exemptions/<feed>.yaml``."""

    exemptions: tuple[Exemption, ...]


class OverrideFile(Strict):
    """``include/overrides/<feed>.yaml``."""

    overrides: tuple[Override, ...]


@dataclass(frozen=True)
class Expired:
    """A decision that has no effect any more."""

    kind: Kind
    rule: str
    expires: date


@dataclass(frozen=True)
class Decisions:
    """Everything that was decided about one feed."""

    exemptions: tuple[Exemption, ...] = ()
    overrides: tuple[Override, ...] = ()

    def exemption(self, rule: str, night: date) -> Exemption | None:
        """Return the exemption from a rule that is in force on a night, if any."""
        found = (e for e in self.exemptions if e.rule == rule and e.in_force(night))
        return next(found, None)

    def overrides_of(self, table: str, night: date) -> tuple[Override, ...]:
        """Return the overrides of a table's rules that are in force on a night."""
        return tuple(o for o in self.overrides_in_force(night) if o.table == table)

    def overrides_in_force(self, night: date) -> tuple[Override, ...]:
        """Return the overrides that are in force on a night."""
        return tuple(o for o in self.overrides if o.in_force(night))

    def expired(self, night: date) -> tuple[Expired, ...]:
        """Return what has no effect on a night any more."""
        given: list[tuple[Kind, Exemption | Override, str]] = [
            *(("exemption", e, e.rule) for e in self.exemptions),
            *(("override", o, f"{o.table}: {o.rule}") for o in self.overrides),
        ]
        return tuple(
            Expired(kind, rule, decided.expires)
            for kind, decided, rule in given
            if decided.expires < night
        )


NOTHING_DECIDED = Decisions()


def read_decisions(
    include: Path, contracts: Mapping[str, Contract]
) -> dict[str, Decisions]:
    """Read exemptions and overrides, by feed; raises ContractError with the line."""
    exemptions, overrides = include / "exemptions", include / "overrides"
    _refuse_strangers(exemptions, (*contracts, LINKAGE))
    _refuse_strangers(overrides, contracts)
    linkage = Decisions(
        _exemptions(exemptions / f"{LINKAGE}.yaml", _check_linkage_rule)
    )
    return {LINKAGE: linkage} | {
        feed: Decisions(
            _exemptions(
                exemptions / f"{feed}.yaml", partial(_check_feed_rule, contract)
            ),
            _overrides(overrides / f"{feed}.yaml", contract),
        )
        for feed, contract in contracts.items()
    }


def _refuse_strangers(folder: Path, feeds: Collection[str]) -> None:
    for path in sorted(folder.glob("*")):
        if path.name == "README.md":
            continue
        if path.suffix != ".yaml" or path.stem not in feeds:
            raise ContractError(
                f"{path}: no feed has this name. Name the file <feed>.yaml"
            )


def _exemptions(
    path: Path, check: Callable[[Document, Location, Exemption], None]
) -> tuple[Exemption, ...]:
    """Read a file of exemptions, each of which must pass its kind's check."""
    if not path.exists():
        return ()
    document = Document(path)
    given = parse(document, ExemptionFile).exemptions
    for index, exemption in enumerate(given):
        at: Location = ("exemptions", index)
        _check_span(document, at, exemption)
        check(document, at, exemption)
    return given


def _check_linkage_rule(document: Document, at: Location, exemption: Exemption) -> None:
    if exemption.rule not in LINKAGE_RULES:
        raise document.fail(
            at,
            f"linkage has no rule '{exemption.rule}'",
            f"Name one of {', '.join(LINKAGE_RULES)}",
        )


def _check_feed_rule(
    contract: Contract, document: Document, at: Location, exemption: Exemption
) -> None:
    table, _, column = exemption.rule.partition(":")[2].partition(".")
    _check_table(document, at, contract, table)
    if column and column not in {c.name for c in contract.table(table).columns}:
        raise document.fail(
            at, f"'{table}' has no column '{column}'", "Name one of the contract"
        )


def _overrides(path: Path, contract: Contract) -> tuple[Override, ...]:
    if not path.exists():
        return ()
    document = Document(path)
    given = parse(document, OverrideFile).overrides
    for index, override in enumerate(given):
        at: Location = ("overrides", index)
        _check_span(document, at, override)
        _check_table(document, at, contract, override.table)
        keys = {f"required:{c.name}" for c in contract.table(override.table).key}
        if override.rule in keys or override.rule.startswith("type:"):
            raise document.fail(
                at,
                f"rule '{override.rule}' cannot be overridden: such a row has no key "
                "or no value to publish",
                "Ask the agency to correct the rows",
            )
    return given


def _check_span(
    document: Document, at: Location, decided: Exemption | Override
) -> None:
    if decided.expires < decided.starts:
        raise document.fail(at, "it expires before it starts", "Correct the days")


def _check_table(
    document: Document, at: Location, contract: Contract, table: str
) -> None:
    known = [t.name for t in contract.tables]
    if table not in known:
        raise document.fail(
            at, f"'{contract.id}' has no table '{table}'", f"Name one of {known}"
        )
