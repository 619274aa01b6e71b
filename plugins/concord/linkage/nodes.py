"""The node table of a linkage run: tonight's records, standardised and numbered.

What was standardised before and has not changed since is taken as it is; how often a
name occurs is counted anew every night.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from concord.duck import quoted
from concord.linkage.guard import Tables
from concord.linkage.settings import UNIQUE_ID
from concord.linkage.standardise import standardise
from concord.spilling import spill_into

TABLES = Tables()
RECORDS = "person_records_in"
COUNTED_TONIGHT = ("kept_id", "first_rare", "name_share")
"""What a node says that depends on the other records, and so is not kept."""


@contextmanager
def connection(
    threads: int | None, memory_limit: str | None, scratch: Path | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that spills nowhere but, sealed, to ``scratch``."""
    config: dict[str, Any] = {
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads:
        config["threads"] = threads
    if memory_limit:
        config["memory_limit"] = memory_limit
    con = duckdb.connect(":memory:", config=config)
    try:
        if scratch:
            spill_into(con, scratch)
        yield con
    finally:
        con.close()


def prepare_nodes(
    con: duckdb.DuckDBPyConnection,
    records: pa.Table,
    night: date | None,
    rare_share: float,
    kept: pa.Table | None = None,
) -> str:
    """Standardise records and number them by record key; return the node table.

    Args:
        con: The connection that gets the table.
        records: Tonight's records.
        night: A birth date after it is unknown.
        rare_share: A first name of a smaller share of the records is rare.
        kept: Nodes of an earlier run. A record that has not changed since is taken
            from it, with its number of then as ``kept_id``; that of any other is null.
    """
    con.register(RECORDS, records)
    con.execute(_ORDERED.format(row=_row(records)), {"night": night})
    con.execute(_NUMBERED)
    con.execute("DROP TABLE ordered")
    changed, names, known = RECORDS, "", ""
    if kept is not None:
        con.register("kept_node", kept)
        con.execute(_FOUND_AGAIN)
        con.execute(_CHANGED)
        changed, names, known = "changed_record", _KNOWN_NAMES, _KNOWN
    standardised = standardise(con, changed, night=night)
    for part in ("first_name", "last_name"):
        con.execute(_FREQUENCIES.format(part=part, fresh=standardised, known=names))
    con.execute(
        _NODES.format(nodes=TABLES.nodes, fresh=standardised, known=known),
        {"rare": rare_share * records.num_rows},
    )
    con.execute(f"DROP TABLE {standardised}")
    con.unregister("kept_node")
    return TABLES.nodes


def _row(records: pa.Table) -> str:
    """Return the SQL list of all that a record says."""
    return ", ".join(quoted(n) for n in sorted(records.column_names))


# A birth date that was still to come is another one once it has come.
_ORDERED = f"""
CREATE TABLE ordered AS
SELECT record_key, HASH({{row}}, birth_date > $night) AS digest
FROM {RECORDS} ORDER BY record_key
"""

# To order rows and take their place costs a third of numbering them in a window.
_NUMBERED = f"""
CREATE TABLE numbered AS
SELECT
    record_key, digest,
    CAST(rowid AS INTEGER) AS {UNIQUE_ID},
    CAST(NULL AS INTEGER) AS kept_id
FROM ordered
"""

_FOUND_AGAIN = f"""
CREATE OR REPLACE TABLE numbered AS
SELECT n.* REPLACE (k.{UNIQUE_ID} AS kept_id)
FROM numbered AS n LEFT JOIN kept_node AS k USING (record_key, digest)
"""

_CHANGED = f"""
CREATE TABLE changed_record AS
SELECT r.*
FROM {RECORDS} AS r
SEMI JOIN (FROM numbered WHERE kept_id IS NULL) AS changed USING (record_key)
"""

_KNOWN_NAMES = f"""
UNION ALL BY NAME
SELECT k.first_name, k.last_name
FROM kept_node AS k SEMI JOIN numbered AS n ON k.{UNIQUE_ID} = n.kept_id
"""

_KNOWN = f"""
UNION ALL BY NAME
SELECT n.{UNIQUE_ID}, n.kept_id, k.* EXCLUDE ({UNIQUE_ID})
FROM kept_node AS k INNER JOIN numbered AS n ON k.{UNIQUE_ID} = n.kept_id
"""

_FREQUENCIES = """
CREATE TABLE {part}_frequency AS
SELECT {part}, COUNT(*) AS bearers, COUNT(*) / SUM(COUNT(*)) OVER () AS share
FROM (SELECT first_name, last_name FROM {fresh} {known})
WHERE {part} IS NOT NULL GROUP BY {part}
"""

# A full name's frequency is the product of its parts': counting whole names would call
# every rare name in a small town common.
_NODES = f"""
CREATE TABLE {{nodes}} AS
SELECT
    c.*,
    COALESCE(first.bearers <= GREATEST(3, $rare), false) AS first_rare,
    first.share * last.share AS name_share
FROM (
    SELECT n.{UNIQUE_ID}, n.kept_id, n.digest, s.*
    FROM {{fresh}} AS s INNER JOIN numbered AS n USING (record_key)
    {{known}}
) AS c
LEFT JOIN first_name_frequency AS first USING (first_name)
LEFT JOIN last_name_frequency AS last USING (last_name)
"""
