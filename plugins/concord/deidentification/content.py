"""The content's side: what happened, with every column's action applied.

Each content table becomes one DuckDB table ``<feed>__<table>`` by one SELECT that is
generated from the contract and the release profile. A column that the contract does
not know stops the release: nothing leaves because somebody forgot it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from concord.contracts.models import ConceptAction, Contract, ReleaseProfile, Table
from concord.deidentification.actions import age_band, generalise_date, keep
from concord.deidentification.content_columns import (
    PLACE_KEY,
    RECORD_KEY,
    ContentColumn,
    check_content,
    content_columns,
)
from concord.deidentification.persons import Keymap
from concord.deidentification.quiet import quietly
from concord.deidentification.tokens import Tokeniser
from concord.duck import count, quoted
from concord.exceptions import ContractError, IntegrityError

KEYED = {
    RECORD_KEY: ("_person_keys", "person_token"),
    PLACE_KEY: ("_place_keys", "place_token"),
}
"""Keys of the split, with the lookup and the token that takes the key's place."""

KNOWN_PERSON = "person_token IS NOT NULL OR content.record_key IS NULL"


def load_keymap(con: duckdb.DuckDBPyConnection, keymap: Keymap) -> None:
    """Create ``persons``, ``places`` and ``successions``, which curated SQL reads."""
    quietly("load the keymap", _load, con, keymap)


def _load(con: duckdb.DuckDBPyConnection, keymap: Keymap) -> None:
    with _registered(con) as register:
        register("_persons", keymap.persons)
        register("_place_keys", keymap.place_keys)
        register("_successions", keymap.successions)
        con.execute("CREATE TABLE persons AS FROM _persons")
        con.execute("CREATE TABLE successions AS FROM _successions")
        con.execute(
            "CREATE TABLE places AS SELECT * EXCLUDE (place_key) FROM _place_keys"
        )


def deidentify(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    tables: Mapping[str, pa.Table],
    keymap: Keymap,
    profile: ReleaseProfile,
    tokeniser: Tokeniser,
) -> dict[str, tuple[str, ...]]:
    """Create ``<feed>__<table>`` for every content table of a feed.

    Args:
        con: Where to create them; afterwards it holds no content and no keys.
        contract: The feed's contract.
        tables: All content tables of one state of the feed, by name.
        keymap: The release's keymap.
        profile: What may leave.
        tokeniser: Makes the release's tokens.

    Returns:
        The columns of each table created. A table of which nothing may leave is not
        created. A row about a person whose record the agency has since deleted is left
        out; the rows given less the rows created say how many.

    Raises:
        DisclosureRefused: A table or column is not in the contract.
        IntegrityError: Content and contract or keymap don't fit one another.
        ContractError: The profile asks for something that no rule can do.
    """
    check_content(contract, tables)
    plans = [_plan(contract, table, profile) for table in contract.tables]
    step = f"de-identify {contract.id}"
    quietly(step, _create, con, plans, tables, keymap, tokeniser)
    return {plan.name: tuple(plan.selected) for plan in plans if plan.selected}


def _create(
    con: duckdb.DuckDBPyConnection,
    plans: list["_Plan"],
    tables: Mapping[str, pa.Table],
    keymap: Keymap,
    tokeniser: Tokeniser,
) -> None:
    """Show content and keys to the connection, create the tables, hide them again."""
    with _registered(con) as register:
        register("_person_keys", keymap.person_keys)
        register("_place_keys", keymap.place_keys)
        for plan in plans:
            register(plan.source, tables[plan.name])
        for entity in sorted({e for plan in plans for e in plan.entities.values()}):
            values = _distinct(con, entity, plans)
            tokens = tokeniser.tokens(entity, values)
            register(f"_token_{entity}", pa.table({"value": values, "token": tokens}))
        for plan in plans:
            if plan.selected:
                con.execute(plan.sql())
                _check_created(con, plan, tables[plan.name])


@dataclass
class _Plan:
    """The one SELECT that de-identifies a content table.

    Attributes:
        name: The content table.
        source: The relation under which the connection sees it.
        target: The table to create.
        leads: Whether the feed's person records are made from this table.
        keys: The keys of the split that the table has.
        selected: The columns that leave, each with the SQL that makes it.
        joins: The lookups that the columns need.
        entities: The columns that become tokens, each with its entity.
    """

    name: str
    source: str
    target: str
    leads: bool
    keys: list[str] = field(default_factory=list)
    selected: dict[str, str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    entities: dict[str, str] = field(default_factory=dict)

    def sql(self) -> str:
        """Return the statement that creates the table."""
        columns = ", ".join(
            f"{sql} AS {quoted(name)}" for name, sql in self.selected.items()
        )
        joins = " ".join(self.joins)
        known = f" WHERE {KNOWN_PERSON}" if RECORD_KEY in self.keys else ""
        return (
            f"CREATE TABLE {quoted(self.target)} AS "
            f"SELECT {columns} FROM {quoted(self.source)} AS content {joins}{known}"
        )


def _plan(contract: Contract, table: Table, profile: ReleaseProfile) -> _Plan:
    """Plan what leaves of one table."""
    leading = next((t for t in contract.tables if t.describes_persons), None)
    plan = _Plan(
        name=table.name,
        source=f"_content_{table.name}",
        target=f"{contract.id}__{table.name}",
        leads=table is leading,
    )
    for column in content_columns(table):
        if column.name in KEYED:
            _swap_key(plan, column.name)
        else:
            action = profile.concepts.get(column.concept, ConceptAction(action="drop"))
            _apply(plan, column, action, f"include/releases/{profile.id}.yaml")
    return plan


def _swap_key(plan: _Plan, key: str) -> None:
    """Put the token in the place of a key of the split."""
    lookup, token = KEYED[key]
    plan.keys.append(key)
    plan.selected[token] = f"{lookup}.{token}"
    plan.joins.append(f"LEFT JOIN {lookup} ON {lookup}.{key} = content.{key}")


def _apply(
    plan: _Plan, column: ContentColumn, action: ConceptAction, where: str
) -> None:
    """Add a column to the plan in the form in which it may leave, if at all."""
    source = f"content.{quoted(column.name)}"
    match action.action:
        case "drop":
            return
        case "keep":
            plan.selected[column.name] = keep(source, column.type)
        case "generalise_date" if column.type in ("date", "timestamp"):
            plan.selected[column.name] = generalise_date(source, action.unit)
        case "age_band" if column.type == "integer":
            plan.selected[column.name] = age_band(source, action.bands)
        case "tokenise" if column.entity is not None:
            lookup = quoted(f"token of {column.name}")
            plan.entities[column.name] = column.entity
            plan.selected[column.name] = f"{lookup}.token"
            plan.joins.append(
                f"LEFT JOIN {quoted(f'_token_{column.entity}')} AS {lookup} "
                f"ON {lookup}.value = CAST({source} AS VARCHAR)"
            )
        case _:
            raise ContractError(
                f"{where}: '{column.concept}' can't be '{action.action}' in "
                f"'{plan.target}.{column.name}', a {column.type}. "
                "See docs/reference/release_profiles.md"
            )


def _distinct(
    con: duckdb.DuckDBPyConnection, entity: str, plans: list[_Plan]
) -> pa.ChunkedArray:
    """Return every value of an entity in a feed once, so that each is hashed once."""
    columns = " UNION ALL ".join(
        f"SELECT CAST({quoted(column)} AS VARCHAR) AS value FROM {quoted(plan.source)}"
        for plan in plans
        for column, of in plan.entities.items()
        if of == entity
    )
    query = f"SELECT DISTINCT value FROM ({columns}) WHERE value <> ''"
    return con.sql(query).to_arrow_table().column("value")


def _check_created(
    con: duckdb.DuckDBPyConnection, plan: _Plan, content: pa.Table
) -> None:
    """Make sure that no row was doubled or lost and that every key had its token.

    Rows of other tables may outlive the person record that they are about; the
    feed's leading table of persons may not, or the keymap is of another state.
    """
    rows, given = count(con, quoted(plan.target)), content.num_rows
    may_lose = RECORD_KEY in plan.keys and not plan.leads
    if rows > given or (rows < given and not may_lose):
        raise IntegrityError(
            f"{plan.target}: {given} rows became {rows}. The keymap is of other "
            "states, or a key occurs twice in it; make it again"
        )
    if PLACE_KEY in plan.keys:
        lost = f"(FROM {quoted(plan.target)} WHERE place_token IS NULL)"
        if count(con, lost) > content.column(PLACE_KEY).null_count:
            raise IntegrityError(
                f"{plan.target}: places of the content are not in the keymap. It is of "
                "other states; make it again"
            )


class _Registrar:
    """Shows Arrow tables to a connection for a while."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.names: list[str] = []

    def __call__(self, name: str, rows: pa.Table) -> None:
        self.con.register(name, rows)
        self.names.append(name)


@contextmanager
def _registered(con: duckdb.DuckDBPyConnection) -> Iterator[_Registrar]:
    """Give a way to show tables to a connection; none is left afterwards."""
    registrar = _Registrar(con)
    try:
        yield registrar
    finally:
        for name in registrar.names:
            con.unregister(name)
