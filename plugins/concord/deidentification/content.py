"""The content's side: what happened, with every column's action applied.

Each content table becomes one DuckDB table ``<feed>__<table>`` by one SELECT that is
generated from the contract and the release profile. A column that the contract does
not know stops the release: nothing leaves because somebody forgot it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from concord.contracts.models import Contract, ReleaseProfile
from concord.contracts.references import NO_REFERENCES, References
from concord.deidentification.content_columns import (
    PLACE_KEY,
    RECORD_KEY,
    check_content,
)
from concord.deidentification.content_plan import (
    PERSON_KEYS,
    Plan,
    lookup_relation,
    plan_table,
    token_relation,
)
from concord.deidentification.persons import Keymap
from concord.deidentification.quiet import quietly
from concord.deidentification.shifting import verify_shift
from concord.deidentification.tokens import Tokeniser
from concord.deidentification.victims import PLACE_WITHHELD
from concord.duck import count, quoted
from concord.exceptions import IntegrityError


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
    references: References = NO_REFERENCES,
) -> dict[str, tuple[str, ...]]:
    """Create ``<feed>__<table>`` for every content table of a feed.

    Args:
        con: Where to create them; afterwards it holds no content and no keys.
        contract: The feed's contract.
        tables: All content tables of one state of the feed, by name.
        keymap: The release's keymap.
        profile: What may leave.
        tokeniser: Makes the release's tokens.
        references: Reference tables that some actions read.

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
    plans = [
        plan_table(contract, table, profile, references) for table in contract.tables
    ]
    step = f"de-identify {contract.id}"
    quietly(step, _create, con, plans, tables, keymap, tokeniser)
    return {plan.name: tuple(plan.selected) for plan in plans if plan.selected}


def _create(
    con: duckdb.DuckDBPyConnection,
    plans: list[Plan],
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
        for entity, local in sorted({e for p in plans for e in p.entities.values()}):
            values = _distinct(con, (entity, local), plans)
            tokens = tokeniser.tokens(entity, values, local)
            named = token_relation(entity, local)
            register(named, pa.table({"value": values, "token": tokens}))
        for plan in plans:
            for column, lookup in plan.lookups.items():
                register(lookup_relation(plan, column), lookup(con))
        for plan in plans:
            if plan.selected:
                con.execute(plan.sql())
                _check_created(con, plan, tables[plan.name])


def _distinct(
    con: duckdb.DuckDBPyConnection, entity: tuple[str, str], plans: list[Plan]
) -> pa.ChunkedArray:
    """Return every value of an entity once, so that each is hashed once."""
    columns = " UNION ALL ".join(
        f"SELECT CAST({quoted(column)} AS VARCHAR) AS value FROM {quoted(plan.source)}"
        for plan in plans
        for column, of in plan.entities.items()
        if of == entity
    )
    query = f"SELECT DISTINCT value FROM ({columns}) WHERE value <> ''"
    return con.sql(query).to_arrow_table().column("value")


def _check_created(
    con: duckdb.DuckDBPyConnection, plan: Plan, content: pa.Table
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
        withheld = PLACE_WITHHELD if PLACE_WITHHELD in plan.selected else "FALSE"
        lost = f"WHERE place_token IS NULL AND NOT {withheld}"
        lost = f"(FROM {quoted(plan.target)} {lost})"
        if count(con, lost) > content.column(PLACE_KEY).null_count:
            raise IntegrityError(
                f"{plan.target}: places of the content are not in the keymap. It is of "
                "other states; make it again"
            )
    for column, shift in plan.shifted.items():
        moved = (
            f"(SELECT {PERSON_KEYS}.person_token AS person, "
            f"content.{quoted(column)} AS was, {plan.selected[column]} AS became "
            f"{plan.rows()})"
        )
        verify_shift(con, moved, f"{plan.target}.{column}", shift)


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
