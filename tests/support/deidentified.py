"""A connection in which every input of the curated SQL exists, empty and typed."""

from datetime import date
from functools import cache

import duckdb
import pyarrow as pa

from concord.contracts.registry import Registry, load_registry
from concord.deidentification.assaults import load_assaults
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import empty_content
from concord.deidentification.persons import Keymap, build_keymap
from concord.deidentification.tokens import Tokeniser
from concord.deidentification.zip3 import Zip3Table
from concord.settings import Settings

NIGHT = date(2026, 1, 5)
KEY = bytes(range(32))
SOURCE_STATES = (
    "CREATE TABLE source_states (feed VARCHAR, agency VARCHAR, sector VARCHAR, "
    "night DATE, carried BOOLEAN, rows BIGINT)"
)
NOBODY = pa.table(
    {
        "record_key": pa.array([], pa.string()),
        "feed": pa.array([], pa.string()),
        "person_id": pa.array([], pa.string()),
    }
)


@cache
def registry() -> Registry:
    return load_registry(Settings())


@cache
def zip3_table() -> Zip3Table:
    return Zip3Table.read(Settings().include / "reference" / "zip3_population_2020.csv")


def tokeniser() -> Tokeniser:
    return Tokeniser(KEY, "research", "1")


def empty_keymap() -> Keymap:
    profile = registry().profile("research")
    return build_keymap(
        {}, {}, NOBODY, profile, tokeniser(), zip3_table(), NIGHT, threads=1
    )


def empty_inputs() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    profile, keymap = registry().profile("research"), empty_keymap()
    load_keymap(con, keymap)
    for contract in registry().contracts.values():
        deidentify(con, contract, empty_content(contract), keymap, profile, tokeniser())
    con.execute(SOURCE_STATES)
    load_assaults(con, None, registry().contracts, tokeniser())
    return con
