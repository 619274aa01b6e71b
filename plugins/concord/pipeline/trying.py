"""Samples of a feed, tried before its first night.

They go the whole way of a night up to the split, in a data root that is thrown away.
What is told of them are counts, rules and columns' names, never a value.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from concord.contracts.models import Contract
from concord.exceptions import ConfigError, DeliveryHeld
from concord.landing.archive import Archive
from concord.landing.records import RuleCount, TableCount
from concord.pipeline.county import County, open_county
from concord.pipeline.ingest import check
from concord.settings import Settings
from concord.transport.base import Drop, Fetched, Part, Sink


@dataclass(frozen=True)
class Trial:
    """What came of the samples: counts by table, broken rules, columns not taken."""

    counts: tuple[TableCount, ...]
    rules: tuple[RuleCount, ...]
    not_taken: Mapping[str, tuple[str, ...]]
    held: str | None


class Samples:
    """A transport that offers files from this machine, one a table."""

    def __init__(self, contract: Contract, files: Mapping[str, Path]) -> None:
        self.contract = contract
        self.files = files

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer the samples as the night's delivery."""
        return (Drop(night, "samples", cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Store every sample; a table without one gets no rows."""
        parts = []
        for table, path in self.files.items():
            name = f"{table}/00001.{self.contract.delivery.format}"
            with path.open("rb") as file:
                parts.append(sink.store(Part(name, table, "rows"), file))
        return Fetched(tuple(parts), {}, f"{drop.night:%Y%m%d}", "samples")


def try_samples(
    settings: Settings, contract: Contract, samples: Sequence[Path], night: date
) -> Trial:
    """Take samples through landing, checks and split in a data root of their own."""
    files = _by_table(contract, samples)
    with TemporaryDirectory(prefix="concord-try-") as home:
        elsewhere = settings.model_copy(
            update={"home": Path(home), "ledger_url": f"sqlite:///{home}/ledger.db"}
        )
        with open_county(elsewhere) as county:
            return _tried(county, contract, files, night)


def _tried(
    county: County, contract: Contract, files: Mapping[str, Path], night: date
) -> Trial:
    transport = Samples(contract, files)
    (drop,) = transport.offered(None, night)
    archive = Archive(county.zones, county.keys, county.ledger)
    agreement = county.registry.agreement_of(contract)
    if not agreement.in_force(night):
        raise ConfigError(
            f"include/agreements/{agreement.id}.yaml: runs from {agreement.start} to "
            f"{agreement.end}, so nothing is fetched for {night}. Correct start and "
            "end, or try another night"
        )
    delivery = archive.land(contract, agreement, transport, drop, landed_on=night)
    held = None
    try:
        check(county, contract.id, night)
    except DeliveryHeld as error:
        held = str(error)
    ledger = county.ledger
    return Trial(
        counts=tuple(ledger.table_counts(delivery.id)),
        rules=tuple(r for r in ledger.rule_counts(delivery.id) if r.unexpected),
        not_taken={
            table: _not_taken(contract, table, path) for table, path in files.items()
        },
        held=held,
    )


def _by_table(contract: Contract, samples: Sequence[Path]) -> dict[str, Path]:
    """Find the table that each sample is of by the file's name."""
    tables = {name: t.source for t in contract.tables for name in (t.name, t.source)}
    found: dict[str, Path] = {}
    for path in samples:
        if len(samples) == 1 and len(contract.tables) == 1:
            return {contract.tables[0].source: path}
        if path.stem not in tables:
            raise ConfigError(
                f"{path}: no table is called so. Name the file after one of "
                f"{', '.join(t.name for t in contract.tables)}"
            )
        found[tables[path.stem]] = path
    return found


def _not_taken(contract: Contract, source: str, path: Path) -> tuple[str, ...]:
    """Return the columns of a delimited sample that the contract leaves out."""
    if contract.delivery.format != "csv":
        return ()
    columns = [c for t in contract.tables if t.source == source for c in t.columns]
    known = {c.source for c in columns} | {c.renamed_from for c in columns}
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, delimiter=contract.delivery.delimiter), [])
    return tuple(name for name in header if name not in known)
