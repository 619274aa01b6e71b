"""Who a record was on any night: the spans of nights under each person id.

Tonight's ids carry the night since which they hold; a span that ended moves to the
history with the night on which it did. Together they answer for every night, and say
under which ids a person's records stood before.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

ASSIGNED = pa.schema(
    [("record_key", pa.string()), ("person_id", pa.string()), ("since", pa.date32())]
)
SPANS = pa.schema([*ASSIGNED, ("until", pa.date32())])
FORMER = pa.schema([("record_key", pa.string()), ("person_id", pa.string())])


def dated(assignments: pa.Table, previous: pa.Table | None, night: date) -> pa.Table:
    """Return tonight's ids, each with the night since which its record has it."""
    return _sql(
        """
        SELECT t.record_key, t.person_id, COALESCE(p.since, $night) AS since
        FROM tonight AS t
        LEFT JOIN previous AS p USING (record_key, person_id)
        ORDER BY t.record_key
        """,
        ASSIGNED,
        {"tonight": assignments, "previous": _or_empty(previous, ASSIGNED)},
        {"night": night},
    )


def ended(
    history: pa.Table | None,
    assignments: pa.Table,
    previous: pa.Table | None,
    night: date,
) -> pa.Table:
    """Return the spans that ended: those before, and those that end tonight."""
    return _sql(
        """
        SELECT record_key, person_id, since, until FROM history
        UNION ALL
        SELECT p.record_key, p.person_id, p.since, $night AS until
        FROM previous AS p
        WHERE
            NOT EXISTS (
                SELECT 1 FROM tonight AS t
                WHERE t.record_key = p.record_key AND t.person_id = p.person_id
            )
        ORDER BY record_key, since
        """,
        SPANS,
        {
            "history": _or_empty(history, SPANS),
            "previous": _or_empty(previous, ASSIGNED),
            "tonight": assignments,
        },
        {"night": night},
    )


def as_of(assigned: pa.Table, history: pa.Table, night: date) -> pa.Table:
    """Return every record's person id as it was on a night."""
    return _sql(
        """
        SELECT record_key, person_id FROM assigned WHERE since <= $night
        UNION ALL
        SELECT record_key, person_id FROM history
        WHERE since <= $night AND until > $night
        ORDER BY record_key
        """,
        FORMER,
        {"assigned": assigned, "history": history},
        {"night": night},
    )


def former_ids(assigned: pa.Table, history: pa.Table) -> pa.Table:
    """Return under which other ids tonight's records stood on earlier nights."""
    return _sql(
        """
        SELECT DISTINCT h.record_key, h.person_id
        FROM history AS h
        INNER JOIN assigned AS a USING (record_key)
        WHERE h.person_id <> a.person_id
        ORDER BY h.record_key, h.person_id
        """,
        FORMER,
        {"assigned": assigned, "history": history},
        {},
    )


def _or_empty(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    return schema.empty_table() if table is None else table.select(schema.names)


def _sql(
    query: str,
    schema: pa.Schema,
    tables: Mapping[str, pa.Table],
    parameters: Mapping[str, Any],
) -> pa.Table:
    """Run a query over Arrow tables in a database of its own."""
    with duckdb.connect(config={"temp_directory": ""}) as con:
        for name, table in tables.items():
            con.register(name, table)
        return con.sql(query, params=dict(parameters)).to_arrow_table().cast(schema)
