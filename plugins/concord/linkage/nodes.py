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
    con.execute(_NUMBERED.format(row=_row(records)), {"night": night})
    changed, known = RECORDS, ""
    if kept is not None:
        con.register("kept_node", kept)
        con.execute(_CHANGED)
        changed, known = "changed_record", _KNOWN
    standardised = standardise(con, changed, night=night)
    for part in ("first_name", "last_name"):
        con.execute(_FREQUENCIES.format(part=part, fresh=standardised, known=known))
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
_NUMBERED = f"""
CREATE TABLE numbered AS
SELECT
    record_key,
    HASH({{row}}, birth_date > $night) AS digest,
    CAST(ROW_NUMBER() OVER (ORDER BY record_key) - 1 AS INTEGER) AS {UNIQUE_ID}
FROM {RECORDS}
"""

_CHANGED = f"""
CREATE TABLE changed_record AS
SELECT r.*
FROM {RECORDS} AS r
SEMI JOIN (
    FROM numbered ANTI JOIN kept_node USING (record_key, digest)
) AS changed USING (record_key)
"""

_KNOWN = f"""
UNION ALL BY NAME
SELECT k.* RENAME ({UNIQUE_ID} AS kept_id)
FROM kept_node AS k
SEMI JOIN numbered USING (record_key, digest)
"""

_CURRENT = """
FROM (
    SELECT *, CAST(NULL AS UBIGINT) AS digest, CAST(NULL AS INTEGER) AS kept_id
    FROM {fresh}
    {known}
) AS c
"""

_FREQUENCIES = f"""
CREATE TABLE {{part}}_frequency AS
SELECT {{part}}, COUNT(*) AS bearers, COUNT(*) / SUM(COUNT(*)) OVER () AS share
{_CURRENT} WHERE {{part}} IS NOT NULL GROUP BY {{part}}
"""

# A full name's frequency is the product of its parts': counting whole names would call
# every rare name in a small town common.
_NODES = f"""
CREATE TABLE {{nodes}} AS
SELECT
    numbered.{UNIQUE_ID}, numbered.digest, c.* EXCLUDE (digest),
    COALESCE(first.bearers <= GREATEST(3, $rare), false) AS first_rare,
    first.share * last.share AS name_share
{_CURRENT}
INNER JOIN numbered USING (record_key)
LEFT JOIN first_name_frequency AS first USING (first_name)
LEFT JOIN last_name_frequency AS last USING (last_name)
"""
