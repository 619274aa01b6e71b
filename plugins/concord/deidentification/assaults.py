"""Linked assaults in token space: what curated SQL reads as ``assault_pairs``."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from concord.contracts.models import Contract
from concord.deidentification.content_columns import content_columns
from concord.deidentification.quiet import quietly
from concord.deidentification.tokens import Tokeniser

ASSAULTS = "assault_pairs"
# Where the numbers of a pair come from: they share the tokens of these columns.
ORIGINS: Mapping[str, tuple[str, str]] = {
    "encounter_id": ("hospital", "encounter"),
    "incident_id": ("police_rms", "incident"),
}
NONE = pa.schema([(name, pa.string()) for name in ORIGINS]).empty_table()


def load_assaults(
    con: duckdb.DuckDBPyConnection,
    pairs: pa.Table | None,
    contracts: Mapping[str, Contract],
    tokeniser: Tokeniser,
) -> None:
    """Create ``assault_pairs``: ``encounter_id`` and ``incident_id`` as tokens.

    Args:
        con: Where to create it.
        pairs: The agencies' own numbers of linked events; None where none can be.
        contracts: What a number is a number of.
        tokeniser: Makes the release's tokens.
    """
    tokens = NONE
    if pairs is not None:
        tokens = pa.table(
            {
                name: tokeniser.tokens(
                    _entity(contracts[feed], table, name), pairs[name]
                )
                for name, (feed, table) in ORIGINS.items()
            }
        )
    quietly("load the assaults", _load, con, tokens)


def _entity(contract: Contract, table: str, column: str) -> str:
    """Return what a column of content holds numbers of."""
    (source,) = (t for t in contract.tables if t.name == table)
    (found,) = (c for c in content_columns(source) if c.name == column)
    return found.entity or column


def _load(con: duckdb.DuckDBPyConnection, tokens: pa.Table) -> None:
    con.register("_assault_pairs", tokens)
    try:
        con.execute(f"CREATE TABLE {ASSAULTS} AS FROM _assault_pairs")
    finally:
        con.unregister("_assault_pairs")
