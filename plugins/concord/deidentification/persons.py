"""The vault's side: who has which token, and what may be said of a person.

Reads person records, places and person ids; gives a keymap that names nobody: record
keys with person tokens, one row of coarse attributes a person token, and place keys
with place tokens. Content is joined to it elsewhere, so that no step holds both an
identity and what happened.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from concord.contracts.models import ReleaseProfile
from concord.contracts.references import NO_REFERENCES, References
from concord.deidentification.areas import Areas
from concord.deidentification.companions import companion, person_states_sql
from concord.deidentification.content_columns import PERSON
from concord.deidentification.oldest import BORN, LIMITS
from concord.deidentification.quiet import quietly
from concord.deidentification.shifting import OFFSET, shift_of
from concord.deidentification.tokens import Tokeniser
from concord.deidentification.vault_rules import (
    PERSON_CONCEPTS,
    PLACE_CONCEPTS,
    VaultRules,
)
from concord.deidentification.zip3 import Zip3Table
from concord.duck import fetch, one, quoted, side_by_side
from concord.exceptions import ContractError, IntegrityError

NO_PERSONS = pa.schema(
    {"record_key": pa.string()}
    | dict.fromkeys(PERSON_CONCEPTS, pa.string())
    | {"birth_date": pa.date32()}
).empty_table()
NO_PLACES = pa.schema(
    {"place_key": pa.string()}
    | dict.fromkeys(PLACE_CONCEPTS, pa.string())
    | {"latitude": pa.float64(), "longitude": pa.float64()}
).empty_table()
NO_FORMER = pa.schema(
    {"record_key": pa.string(), "person_id": pa.string()}
).empty_table()
RANDOM_KEY = "[0-9a-f]{32}"


@dataclass(frozen=True)
class Keymap:
    """What de-identification may know of persons and places.

    Attributes:
        person_keys: record_key, person_token, and what limits the person's dates and
            ages.
        persons: person_token and the attributes that the profile lets out.
        place_keys: place_key, place_token and what the profile lets out.
        successions: former_token, person_token and kind: tokens that stood for these
            records before, and what became of them.
    """

    person_keys: pa.Table
    persons: pa.Table
    place_keys: pa.Table
    successions: pa.Table


def needed_columns(profile: ReleaseProfile) -> list[str]:
    """Return the columns of person records that a release has any use for."""
    used = {n for n, c in PERSON_CONCEPTS.items() if profile.action_of(c).leaves}
    if profile.oldest is not None:
        used.add("birth_date")
    return ["record_key", *(name for name in PERSON_CONCEPTS if name in used)]


def build_keymap(
    persons: Mapping[str, pa.Table],
    places: Mapping[str, pa.Table],
    assignments: pa.Table,
    profile: ReleaseProfile,
    tokeniser: Tokeniser,
    zip3_table: Zip3Table,
    night: date,
    *,
    former: pa.Table | None = None,
    threads: int = 2,
    references: References = NO_REFERENCES,
) -> Keymap:
    """Make the keymap of one release.

    Args:
        persons: Person records of each feed.
        places: Places of each feed that has any.
        assignments: record_key and person_id, made by linkage.
        profile: What may leave.
        tokeniser: Makes the release's tokens.
        zip3_table: ZIP prefixes that may be published.
        night: The night of the release; ages are reckoned on it.
        former: record_key and person_id of earlier nights, where it was another.
        threads: DuckDB threads to use.
        references: Reference tables that some actions read.

    Raises:
        ContractError: The profile asks for something that no rule can do.
        IntegrityError: Records, places and person ids don't fit one another.
    """
    if profile.action_of(PERSON).action != "tokenise":
        raise ContractError(
            f"include/releases/{profile.id}.yaml: '{PERSON}' is not tokenised, so no "
            "table could be joined to a person. Use tokenise"
        )
    rules = VaultRules(profile, zip3_table, night, references)
    return quietly(
        "make the keymap",
        _build,
        persons,
        places,
        assignments,
        NO_FORMER if former is None else former,
        rules,
        tokeniser,
        threads,
    )


def _build(
    persons: Mapping[str, pa.Table],
    places: Mapping[str, pa.Table],
    assignments: pa.Table,
    former: pa.Table,
    rules: VaultRules,
    tokeniser: Tokeniser,
    threads: int,
) -> Keymap:
    # An empty temp_directory means: stop for want of memory, never spill identities.
    with duckdb.connect(config={"threads": threads, "temp_directory": ""}) as con:
        of_persons, place_keys = side_by_side(
            con,
            lambda cursor: _persons(
                cursor, persons, assignments, former, rules, tokeniser
            ),
            lambda cursor: _place_keys(cursor, places, rules, tokeniser),
        )
        return Keymap(place_keys=place_keys, **of_persons)


def _persons(
    con: duckdb.DuckDBPyConnection,
    persons: Mapping[str, pa.Table],
    assignments: pa.Table,
    former: pa.Table,
    rules: VaultRules,
    tokeniser: Tokeniser,
) -> dict[str, pa.Table]:
    """Return the keymap's tables about persons."""
    attributes = _link(con, persons, assignments, rules)
    ids = _random_keys(con, "person", "SELECT DISTINCT person_id FROM record")
    con.register("person", _with_tokens(ids, "person", tokeniser))
    person_keys = con.sql(_person_keys_sql(con, ids, rules, tokeniser)).to_arrow_table()
    return {
        "person_keys": person_keys,
        "persons": con.sql(
            _persons_sql(attributes, rules.with_state(PERSON_CONCEPTS))
        ).to_arrow_table(),
        "successions": _successions(con, former, tokeniser),
    }


def _link(
    con: duckdb.DuckDBPyConnection,
    persons: Mapping[str, pa.Table],
    assignments: pa.Table,
    rules: VaultRules,
) -> list[str]:
    """Make table ``record``: person id and coarse attributes of every record."""
    attributes = rules.published(PERSON_CONCEPTS)
    columns = attributes | rules.states(PERSON_CONCEPTS) | rules.born()
    picked = "".join(f", {sql} AS {quoted(name)}" for name, sql in columns.items())
    con.register("assignment", assignments)
    selects = []
    for number, table in enumerate((NO_PERSONS, *_in_order(persons))):
        con.register(f"vault_{number}", table)
        selects.append(f"SELECT record_key{picked} FROM vault_{number}")
    con.execute(
        "CREATE TABLE record AS SELECT person_id, vault.* "
        f"FROM ({' UNION ALL '.join(selects)}) AS vault "
        "LEFT JOIN assignment ON assignment.record_key = vault.record_key"
    )
    given = sum(table.num_rows for table in persons.values())
    rows, keys, ids = one(
        con,
        "SELECT count(*), count(DISTINCT record_key), count(person_id) FROM record",
    )
    if ids < rows:
        raise IntegrityError(
            f"{rows - ids} of {given} person records have no person id. Link the "
            "states of this night again"
        )
    if not rows == keys == given:
        raise IntegrityError(
            f"{given} person records gave {rows} rows with {keys} record keys: a "
            "record key occurs twice. Link the states of this night again"
        )
    return list(attributes)


def _in_order(tables: Mapping[str, pa.Table]) -> list[pa.Table]:
    """Return the feeds' tables in the order of the feeds' names."""
    return [tables[feed] for feed in sorted(tables)]


def _random_keys(
    con: duckdb.DuckDBPyConnection, kind: str, query: str
) -> pa.ChunkedArray:
    """Return keys to be tokenised, sure that they are random and not identifiers."""
    (strange,) = one(
        con,
        f"SELECT count(*) FROM ({query}) AS found(key) "
        f"WHERE NOT coalesce(regexp_full_match(key, '{RANDOM_KEY}'), FALSE)",
    )
    if strange:
        raise IntegrityError(
            f"{strange} {kind} keys are not 32 hexadecimal digits; only random keys "
            "may become tokens. Split the states of this night again"
        )
    return con.sql(query).to_arrow_table().column(0)


def _with_tokens(keys: pa.ChunkedArray, entity: str, tokeniser: Tokeniser) -> pa.Table:
    """Pair keys with their tokens."""
    return pa.table({"key": keys, "token": tokeniser.tokens(entity, keys)})


def _successions(
    con: duckdb.DuckDBPyConnection, former: pa.Table, tokeniser: Tokeniser
) -> pa.Table:
    """Return what became of tokens of earlier releases, in tokens.

    ``merged``: everybody who had the former token has the new one. ``split``: only some
    have; which rows are whose can't be told by the token.
    """
    con.register("former", former)
    con.execute(
        "CREATE TABLE succession AS SELECT DISTINCT f.person_id AS former_id, "
        "r.person_id FROM former AS f JOIN record AS r USING (record_key) "
        "WHERE f.person_id <> r.person_id"
    )
    ids = _random_keys(
        con, "former person", "SELECT DISTINCT former_id FROM succession"
    )
    con.register("former_person", _with_tokens(ids, "person", tokeniser))
    return con.sql(
        """
        SELECT
            f.token AS former_token,
            p.token AS person_token,
            CASE
                WHEN
                    COUNT(*) OVER (PARTITION BY former_id) = 1
                    AND former_id NOT IN (SELECT person_id FROM record)
                    THEN 'merged'
                ELSE 'split'
            END AS kind
        FROM succession AS s
        INNER JOIN former_person AS f ON s.former_id = f.key
        INNER JOIN person AS p ON s.person_id = p.key
        ORDER BY former_token, person_token
        """
    ).to_arrow_table()


def _person_keys_sql(
    con: duckdb.DuckDBPyConnection,
    ids: pa.ChunkedArray,
    rules: VaultRules,
    tokeniser: Tokeniser,
) -> str:
    """Return the query of each record's token, and of what limits its dates and ages.

    A person's limits are those of the earliest birth that any of their records gives.
    """
    picked, joins = "", ""
    if limits := rules.limits("births.born"):
        picked = "".join(
            f", CAST({limits[name]} AS {kind}) AS {name}"
            for name, kind in LIMITS.items()
        )
        joins = (
            f" JOIN (SELECT person_id, min({BORN}) AS born FROM record "
            "GROUP BY person_id) AS births USING (person_id)"
        )
    if (shift := shift_of(rules.profile)) is not None:
        offsets = shift.offsets(ids, tokeniser)
        con.register("shifts", pa.table({"key": ids, OFFSET: offsets}))
        picked += f", shifts.{OFFSET}"
        joins += " JOIN shifts ON shifts.key = record.person_id"
    return (
        f"SELECT record_key, token AS person_token{picked} FROM record "
        f"JOIN person ON person.key = record.person_id{joins} ORDER BY record_key"
    )


def _persons_sql(attributes: list[str], with_state: Collection[str]) -> str:
    """Return the query for one row a person, each attribute its most frequent value.

    Of values equally frequent the smallest is taken, so the result depends on the
    records alone.
    """
    selected = "".join(f", {quoted(a)}.value AS {quoted(a)}" for a in attributes)
    joins = "".join(
        f" LEFT JOIN (SELECT person_id, first(value ORDER BY n DESC, value) AS value"
        f" FROM (SELECT person_id, {quoted(a)} AS value, count(*) AS n FROM record"
        f" WHERE {quoted(a)} IS NOT NULL GROUP BY ALL) GROUP BY person_id)"
        f" AS {quoted(a)} ON {quoted(a)}.person_id = person.key"
        for a in attributes
    )
    for name in with_state:
        state = quoted(companion(name))
        selected += f", {state}.state AS {state}"
        joins += (
            f" LEFT JOIN ({person_states_sql(name)}) AS {state} "
            f"ON {state}.person_id = person.key"
        )
    return (
        f"SELECT person.token AS person_token{selected} FROM person{joins} "
        "ORDER BY person_token"
    )


def _place_keys(
    con: duckdb.DuckDBPyConnection,
    places: Mapping[str, pa.Table],
    rules: VaultRules,
    tokeniser: Tokeniser,
) -> pa.Table:
    """Return place keys with tokens and what the profile says of places."""
    attributes = rules.published(PLACE_CONCEPTS) | rules.states(PLACE_CONCEPTS)
    columns = "".join(f", {sql} AS {quoted(name)}" for name, sql in attributes.items())
    selects = []
    for number, table in enumerate((NO_PLACES, *_in_order(places))):
        con.register(f"place_{number}", table)
        selects.append(
            f"SELECT place_key{columns}, latitude AS _latitude, "
            f"longitude AS _longitude FROM place_{number}"
        )
    con.execute(f"CREATE TABLE place AS {' UNION ALL '.join(selects)}")
    rows, keys = one(con, "SELECT count(*), count(DISTINCT place_key) FROM place")
    if rows != keys:
        raise IntegrityError(
            f"{rows} places have {keys} place keys: a key occurs twice or is missing. "
            "Split the states of this night again"
        )
    keyed = _random_keys(con, "place", "SELECT place_key FROM place")
    con.register("place_token", _with_tokens(keyed, "place", tokeniser))
    selected = "".join(f", place.{quoted(name)}" for name in attributes)
    joined = ""
    if (areas := rules.areas()) is not None:
        con.register("area", _areas(con, areas))
        selected, joined = f"{selected}, area", " JOIN area USING (place_key)"
    return con.sql(
        f"SELECT place_key, token AS place_token{selected} FROM place "
        f"JOIN place_token ON place_token.key = place.place_key{joined} "
        "ORDER BY place_key"
    ).to_arrow_table()


def _areas(con: duckdb.DuckDBPyConnection, areas: Areas) -> pa.Table:
    """Return the area of every place; none of coordinates that are no place."""
    points = fetch(con, "SELECT place_key, _latitude, _longitude FROM place")
    found = [
        areas.of_point(latitude, longitude)
        for latitude, longitude in zip(
            points["_latitude"].to_pylist(),
            points["_longitude"].to_pylist(),
            strict=True,
        )
    ]
    return pa.table(
        {"place_key": points["place_key"], "area": pa.array(found, pa.string())}
    )
