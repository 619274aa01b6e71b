"""What a release's disclosure report says: read from the release, fit to be shown.

A release never changes, so neither does its report. Persons are counted as everywhere
in reports: small counts in words, others rounded.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concord.publication.layout import release_name
from concord.publication.manifest import read_manifest
from concord.reporting.counts import (
    Count,
    Value,
    protect,
    protect_if_known,
    share,
    smallest,
)

DICTIONARY = "dictionary.json"
WHOLE = {
    "joined": "Everything that the sets name, together",
    "trajectories": "Dates of everything that happened to a person",
}
_LIMITS = {
    "k": "k at least {}",
    "uniqueShare": "alone at most {:.1%}",
    "atRiskShare": "at risk at most {:.1%}",
    "populationK": "k in the population at least {}",
    "l": "l at least {}",
    "entropyL": "entropy l at least {:g}",
    "t": "t at most {:g}",
    "delta": "δ at most {:g}",
    "beta": "β at most {:g}",
}
_DIGITS = 3


@dataclass(frozen=True)
class ColumnDone:
    """What was done to one published column."""

    table: str
    column: str
    sources: tuple[str, ...]
    treatment: str
    changed: Value | None
    """Share of the rows in which hiding persons changed it; None where it can't."""


@dataclass(frozen=True)
class Moment:
    """How persons stood out at one moment."""

    persons: Count
    classes: Count
    k: Count
    unique: Count
    at_risk: Count
    at_risk_share: Value
    mean_risk: float
    population_k: Count | None
    population_unique: Count | None


@dataclass(frozen=True)
class Learnt:
    """What the classes of a set tell of one sensitive column."""

    about: str
    column: str
    l: int  # noqa: E741  the measure's own name
    entropy_l: float
    t: float
    delta: float
    beta: float
    homogeneous: Value


@dataclass(frozen=True)
class Looked:
    """One set of columns, and how persons stood out by it."""

    name: str
    table: str
    columns: tuple[str, ...]
    k: int
    limits: tuple[str, ...]
    before: Moment | None
    after: Moment | None


@dataclass(frozen=True)
class Hiding:
    """What it took to hide persons among others."""

    table: str
    columns: tuple[str, ...]
    k_required: int
    k_before: Count
    k_after: Count
    records: Count
    at_risk: Count
    touched: Value
    suppressed: Value
    information_loss: float | None


@dataclass(frozen=True)
class Audited:
    """What an attacker could work out of a table of counts."""

    table: str
    period: str
    cells: int
    withheld: int
    full_interval: int
    exact: int
    base: int | None


@dataclass(frozen=True)
class DisclosureReport:
    """One release: what was done, what it shows, what was found."""

    county: str
    profile: str
    title: str
    basis: str
    audience: str
    release: int
    night: str
    content_digest: str
    columns: tuple[ColumnDone, ...]
    hiding: Hiding | None
    looked: tuple[Looked, ...]
    learnt: tuple[Learnt, ...]
    audits: tuple[Audited, ...]
    scan_identifiers: Count | None
    scan_findings: int | None

    @property
    def label(self) -> str:
        """Return the release's number as its folder is named."""
        return release_name(self.release)


def read_disclosure(release: Path, county: str) -> DisclosureReport:
    """Read what a release says of itself.

    Raises:
        IntegrityError: Its manifest is missing or no manifest.
    """
    manifest = read_manifest(release)
    dictionary = json.loads((release / DICTIONARY).read_bytes())
    risk = manifest["risks"][0] if manifest["risks"] else {}
    scan = risk.get("scan", {})
    entries = tuple(_entries(risk))
    return DisclosureReport(
        county=county,
        profile=manifest["profile"]["id"],
        title=manifest["profile"]["title"],
        basis=manifest["profile"]["basis"],
        audience=dictionary["audience"],
        release=manifest["release"],
        night=manifest["night"],
        content_digest=manifest["content_digest"],
        columns=tuple(_columns(dictionary, risk)),
        hiding=_hiding(risk) if "k_required" in risk else None,
        looked=tuple(_looked(name, entry) for name, entry in entries),
        learnt=tuple(
            _learnt(name, entry["after"]["persons"], values)
            for name, entry in entries
            for values in entry.get("after", {}).get("values", ())
        ),
        audits=tuple(_audits(risk)),
        scan_identifiers=protect_if_known(scan.get("identifiers")),
        scan_findings=scan.get("findings"),
    )


def _columns(
    dictionary: Mapping[str, Any], risk: Mapping[str, Any]
) -> Iterator[ColumnDone]:
    changed, records = risk.get("changed", {}), risk.get("records", 0)
    for table in dictionary["tables"]:
        hidden = changed if table["name"] == risk.get("table") else {}
        for column in table["columns"]:
            count = hidden.get(column["name"])
            yield ColumnDone(
                table=table["name"],
                column=column["name"],
                sources=tuple(column["sources"]),
                treatment=column["treatment"],
                changed=None if count is None else share(count, records),
            )


def _hiding(risk: Mapping[str, Any]) -> Hiding:
    records = risk["records"]
    loss = risk.get("information_loss")
    return Hiding(
        table=risk["table"],
        columns=tuple(risk["quasi_identifiers"]),
        k_required=risk["k_required"],
        k_before=smallest(risk["k_before"]),
        k_after=smallest(risk["k_after"]),
        records=protect(records),
        at_risk=protect(risk["records_at_risk"]),
        touched=share(risk["generalised"] + risk["suppressed"], records),
        suppressed=share(risk["suppressed"], records),
        information_loss=None if loss is None else round(loss, _DIGITS),
    )


def _entries(risk: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield everything that was measured, with a name for people."""
    for entry in risk.get("sets", ()):
        yield entry["id"], entry
    for key, name in WHOLE.items():
        if key in risk:
            yield name, risk[key]


def _looked(name: str, entry: Mapping[str, Any]) -> Looked:
    return Looked(
        name=name,
        table=entry.get("table", ""),
        columns=tuple(entry.get("quasi_identifiers", ())),
        k=entry["k"],
        limits=tuple(
            _LIMITS[limit].format(value) for limit, value in entry["limits"].items()
        ),
        before=_moment(entry, "before"),
        after=_moment(entry, "after"),
    )


def _moment(entry: Mapping[str, Any], when: str) -> Moment | None:
    found = entry.get(when)
    if found is None:
        return None
    population = entry.get(f"population_{when}", {})
    return Moment(
        persons=protect(found["persons"]),
        classes=protect(found["classes"]),
        k=smallest(found["k"]),
        unique=protect(found["unique"]),
        at_risk=protect(found["at_risk"]),
        at_risk_share=share(found["at_risk"], found["persons"]),
        mean_risk=round(found["mean_risk"], _DIGITS),
        population_k=smallest(population["k"]) if population else None,
        population_unique=protect_if_known(population.get("unique")),
    )


def _learnt(name: str, persons: int, values: Mapping[str, Any]) -> Learnt:
    return Learnt(
        about=name,
        column=values["column"],
        l=values["l"],
        **{m: round(values[m], _DIGITS) for m in ("entropy_l", "t", "delta", "beta")},
        homogeneous=share(values["homogeneous"], persons),
    )


def _audits(found: Any, place: tuple[str, ...] = ()) -> Iterator[Audited]:
    """Yield the audit of every table of counts, wherever the manifest holds it."""
    if isinstance(found, Mapping) and isinstance(found.get("audit"), Mapping):
        audit = found["audit"]
        yield Audited(
            table=str(found.get("table", " ".join(place))),
            period=str(found.get("period", "")),
            cells=audit["cells"],
            withheld=audit["withheld"],
            full_interval=audit["full_interval"],
            exact=audit["exact"],
            base=found.get("base"),
        )
    elif isinstance(found, Mapping):
        for name, value in found.items():
            yield from _audits(value, (*place, name))
    elif isinstance(found, list):
        for value in found:
            yield from _audits(value, place)
