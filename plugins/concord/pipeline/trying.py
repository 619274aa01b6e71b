"""A feed tried before its first night: its files, its rules, its SQL, and samples.

Samples go the whole way of a night up to the split, in a data root that is thrown away.
What is told of them are counts, rules and columns' names, never a value.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from concord.contracts.models import Contract, ReleaseProfile
from concord.contracts.registry import Registry, load_registry
from concord.contracts.scaffold import open_marks
from concord.curation.profile_tables import tables_of
from concord.curation.running import curate
from concord.curation.sql_files import select_tables
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import empty_content
from concord.deidentification.persons import build_keymap
from concord.deidentification.tokens import KEY_BYTES, Tokeniser
from concord.deidentification.victims import check_victim_rules
from concord.deidentification.zip3 import Zip3Table
from concord.exceptions import ConfigError, DeliveryHeld
from concord.landing.archive import Archive
from concord.landing.records import RuleCount, TableCount
from concord.pipeline.county import County, open_county
from concord.pipeline.ingest import check
from concord.pipeline.publishing import SOURCE_STATES
from concord.settings import Settings
from concord.transport.base import Drop, Fetched, Part, Sink
from concord.transport.registry import read_spec
from concord.validation.row_checks import TableRules

NOBODY = pa.schema([(n, pa.string()) for n in ("record_key", "feed", "person_id")])


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


def examine(settings: Settings, feed: str, night: date) -> Contract:
    """Check a feed's files, its rules and every curated table; returns its contract.

    Raises:
        ConcordError: Something is wrong or undecided, with file, line and remedy.
    """
    if marks := open_marks(settings, feed):
        raise ConfigError(
            f"{len(marks)} lines are still to decide:\n  " + "\n  ".join(marks)
        )
    registry = load_registry(settings)
    contract = registry.contract(feed)
    fetched = set(read_spec(feed, contract.transport).table_names)
    if fetched != {table.source for table in contract.tables}:
        raise ConfigError(
            f"include/contracts/{feed}.odcs.yaml: transport fetches "
            f"{', '.join(sorted(fetched))}, which are not the contract's tables. "
            "Correct one of them"
        )
    rules = TableRules(contract, settings.expectations, night)
    for table in contract.tables:
        rules.of(table)
    for profile in registry.profiles.values():
        _compile_sql(settings, registry, profile, night)
    return contract


def _compile_sql(
    settings: Settings, registry: Registry, profile: ReleaseProfile, night: date
) -> None:
    """Curate a release of nothing, which every table's SQL must survive."""
    include = settings.include
    check_victim_rules(profile, registry.contracts)
    zip3 = Zip3Table.read(include / "reference" / "zip3_population_2020.csv")
    tokens = Tokeniser(bytes(KEY_BYTES), profile.id, "1")
    nobody = NOBODY.empty_table()
    with duckdb.connect(config={"threads": 1}) as con:
        keymap = build_keymap(
            {},
            {},
            nobody,
            profile,
            tokens,
            zip3,
            night,
            references=registry.references,
        )
        load_keymap(con, keymap)
        for contract in registry.contracts.values():
            content = empty_content(contract)
            deidentify(
                con, contract, content, keymap, profile, tokens, registry.references
            )
        con.register("_states", SOURCE_STATES.empty_table())
        con.execute("CREATE TABLE source_states AS FROM _states")
        con.unregister("_states")
        tables = tables_of(include / "sql", profile)
        curate(con, select_tables(tables, profile.tables))


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
