"""A feed's files examined before its first night: every mistake in one go.

Contract, agreement, code lists, suites and SQL are each looked at as far as they can be
read. What hangs on a contract that could not be read whole is left for the next time,
as it would be told for mistakes of its own.
"""

from collections.abc import Collection
from datetime import date

import duckdb
import pyarrow as pa

from concord.contracts.findings import Findings
from concord.contracts.models import Contract, ReleaseProfile
from concord.contracts.registry import Draft, draft_registry
from concord.contracts.scaffold import open_marks
from concord.curation.profile_tables import folders_of
from concord.curation.running import curate
from concord.curation.sql_files import CuratedTable, draft_tables
from concord.deidentification.assaults import load_assaults
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import empty_content
from concord.deidentification.persons import build_keymap
from concord.deidentification.tokens import KEY_BYTES, Tokeniser
from concord.deidentification.victims import check_victim_rules
from concord.deidentification.zip3 import Zip3Table
from concord.exceptions import ConfigError, ContractError, SuiteError
from concord.parsing.casting import sql_types
from concord.pipeline.publishing import SOURCE_STATES
from concord.settings import Settings
from concord.transport.registry import read_spec
from concord.validation.compiler import compile_suite
from concord.validation.row_checks import TableRules
from concord.validation.suites import REMEDY, build, expectation_at, load_suite

NOBODY = pa.schema([(n, pa.string()) for n in ("record_key", "feed", "person_id")])


def examine(settings: Settings, feed: str, night: date) -> Contract:
    """Check a feed's files, its rules and every curated table; returns its contract.

    Raises:
        ConfigError: Lines are still to decide, or one thing is wrong.
        ConfigErrors: Several are wrong; each with file, line and remedy.
    """
    if marks := open_marks(settings, feed):
        raise ConfigError(
            f"{len(marks)} lines are still to decide:\n  " + "\n  ".join(marks)
        )
    draft = draft_registry(settings)
    findings = draft.findings
    _examine_transport(draft, feed)
    _examine_suites(draft, settings, feed, night)
    _examine_content(draft, settings, night)
    findings.raise_any()
    return draft.registry.contract(feed)


def _examine_transport(draft: Draft, feed: str) -> None:
    """Find where transport and tables of a contract don't fit one another."""
    contract = draft.registry.contracts.get(feed)
    if contract is None:
        return
    document = draft.contracts[feed].document
    properties = document.data["customProperties"]
    names = [item.get("property") for item in properties]
    at = ("customProperties", names.index("transport"))
    where = f"{document.path}:{document.line(at)}"
    with draft.findings.gathered():
        fetched = set(read_spec(where, contract.transport).table_names)
        if fetched != {table.source for table in contract.tables}:
            raise document.fail(
                at,
                f"transport fetches {', '.join(sorted(fetched))}, which are not the "
                "contract's tables",
                "Correct one of them",
            )


def _examine_suites(draft: Draft, settings: Settings, feed: str, night: date) -> None:
    """Find every expectation of the feed that is wrong or doesn't fit its table."""
    contract = draft.registry.contracts.get(feed)
    tables = {t.name: t for t in contract.tables} if contract else {}
    rules = TableRules(contract, settings.expectations, night) if contract else None
    for path in sorted((settings.expectations / feed).glob("*.json")):
        with draft.findings.gathered():
            suite = load_suite(path)
            table = tables.get(path.stem)
            if table is None or rules is None or not draft.contracts[feed].whole:
                continue
            types = {**sql_types(table), "_row": "BIGINT"}
            for place, e in enumerate(suite.expectations):
                one = build(suite.name, [e.configuration.to_json_dict()])
                try:
                    compile_suite(one, types)
                except SuiteError as error:
                    where = expectation_at(path, place)
                    told = SuiteError(f"{where}: {error}. {REMEDY}")
                    draft.findings.add(told)
            if not draft.findings.errors:
                rules.of(table)


def _examine_content(draft: Draft, settings: Settings, night: date) -> None:
    """Curate, for every profile, a release of nothing, which all SQL must survive."""
    findings = draft.findings
    public = draft_tables((settings.include / "sql" / "public",), findings)
    profiles = draft.registry.profiles.values()
    named = {table for profile in profiles for table in profile.tables}
    with findings.gathered():
        path = settings.include / "reference" / "zip3_population_2020.csv"
        zip3 = Zip3Table.read(path)
        for profile in profiles:
            folders = folders_of(settings.include / "sql", profile)
            counted = () if profile.aggregates is None else public
            curated = draft_tables(folders, findings)
            wanted = {
                table.name
                for table in curated
                if table.name in profile.tables
                or profile.aggregates is not None  # its tables may read any of these
                or (profile.feeds is None and table.name not in named)
            }.union(*(table.reads for table in counted))
            tables = _with_what_they_read(curated, wanted)
            with findings.gathered():
                check_victim_rules(profile, draft.registry.contracts)
            with duckdb.connect(config={"threads": 1}) as con:
                made = _deidentify_nothing(con, draft, profile, zip3, night)
                lost = draft.contracts.keys() - made
                _curate_each(con, (*tables, *counted), lost, findings)


def _with_what_they_read(
    tables: tuple[CuratedTable, ...], wanted: Collection[str]
) -> tuple[CuratedTable, ...]:
    """Return the tables wanted and those that they read, in order."""
    chosen = set(wanted)
    for table in reversed(tables):  # each stands after what it reads
        if table.name in chosen:
            chosen |= table.reads
    return tuple(table for table in tables if table.name in chosen)


def _deidentify_nothing(
    con: duckdb.DuckDBPyConnection,
    draft: Draft,
    profile: ReleaseProfile,
    zip3: Zip3Table,
    night: date,
) -> set[str]:
    """Create what curated SQL reads, without a row; returns the feeds that it is of."""
    tokens = Tokeniser(bytes(KEY_BYTES), profile.id, "1")
    nobody = NOBODY.empty_table()
    references = draft.registry.references
    keymap = build_keymap(
        {}, {}, nobody, profile, tokens, zip3, night, references=references
    )
    load_keymap(con, keymap)
    load_assaults(con, None, {}, tokens)
    con.register("_states", SOURCE_STATES.empty_table())
    con.execute("CREATE TABLE source_states AS FROM _states")
    con.unregister("_states")
    made = set()
    for feed, contract in draft.registry.contracts.items():
        if not draft.contracts[feed].whole:
            continue
        empty = empty_content(contract)
        try:
            deidentify(con, contract, empty, keymap, profile, tokens, references)
        except ContractError as error:
            file = str(draft.contracts[feed].document.path)
            if not any(str(e).startswith(file) for e in draft.findings.errors):
                draft.findings.add(error)  # else it is what was told already
        else:
            made.add(feed)
    return made


def _curate_each(
    con: duckdb.DuckDBPyConnection,
    tables: tuple[CuratedTable, ...],
    lost: Collection[str],
    findings: Findings,
) -> None:
    """Curate table by table; what reads a lost feed or a failed table is not tried."""
    failed: set[str] = set()
    for table in tables:
        feeds = {name.partition("__")[0] for name in table.reads}
        if not table.reads & failed and feeds.isdisjoint(lost):
            try:
                curate(con, [table])
            except ConfigError as error:
                findings.add(error)
            else:
                continue
        failed.add(table.name)
