"""Person ids that stay the same from night to night.

Linkage groups records anew each night; a person id must outlive the grouping. Each
group takes over the id that most of its records had, each id goes to one group only,
and every change is an event:

1. The group that holds most of an id's records of the night before keeps the id;
   among equals the one that holds most records remembered with it; among those still
   equal, the group and id that share the record with the smallest key.
2. Records that are gone are remembered with their id; one that comes back counts as a
   record of that id, though one of the night before counts first.
3. A group that gets no id that way takes back one that most of its records had on an
   earlier night, if nobody has it now: what was merged and comes apart again, by itself
   or because a decision was undone, has its old ids.
4. A group that still has none gets a new one.

The same groups over the same history give the same ids, and no new id is drawn.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from concord.exceptions import IntegrityError

ASSIGNMENTS = pa.schema([("record_key", pa.string()), ("person_id", pa.string())])
EVENTS = pa.schema(
    [
        ("kind", pa.string()),
        ("person_id", pa.string()),
        ("other_person_id", pa.string()),
        ("records", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Assignment:
    """Tonight's person ids, what changed, and what is remembered.

    Events, each with the number of records it concerns:

    - ``created``: the person is new;
    - ``split``: records of the other person, who goes on, are this person's now;
    - ``merged``: records of the other person, who is no more, are this person's now;
    - ``retired``: the person has no record any more;
    - ``restored``: a person without records last night has records again, its own or
      those that another person took over meanwhile (then there is a ``split`` as well).
    """

    assignments: pa.Table
    events: pa.Table
    retired: pa.Table


def assign_person_ids(
    clusters: pa.Table,
    previous: pa.Table | None,
    new_id: Callable[[int], list[str]],
    retired: pa.Table | None = None,
    former: pa.Table | None = None,
) -> Assignment:
    """Give each cluster of records a person id that lasts.

    Args:
        clusters: ``record_key`` and ``cluster_id``: tonight's records.
        previous: ``record_key`` and ``person_id`` as assigned the night before; None
            on the first night.
        new_id: Draws so many new ids.
        retired: Records that were gone before, with the id each had: the ``retired``
            of the assignment before.
        former: ``record_key`` and ``person_id`` of earlier nights: ids that records had
            before the one that they have or are remembered with.

    Returns:
        The assignments of exactly tonight's records, the events, and the records to
        remember for the next night.
    """
    con = duckdb.connect()
    try:
        con.register("cluster", clusters.select(["record_key", "cluster_id"]))
        con.register("previous", _known(previous))
        con.register("remembered", _known(retired))
        con.register("former", _known(former))
        con.execute(_VOTES)
        con.execute("CREATE TABLE kept (cluster_id VARCHAR, person_id VARCHAR)")
        con.execute(_UNCONTESTED)
        _settle(con, _CONTESTED)
        _settle(con, _FORMER)
        _draw_new(con, new_id)
        assignments = con.sql(_ASSIGNMENTS).to_arrow_table().cast(ASSIGNMENTS)
        con.register("tonight", assignments)
        events = con.sql(_EVENTS).to_arrow_table().cast(EVENTS)
        memory = con.sql(_MEMORY).to_arrow_table().cast(ASSIGNMENTS)
    finally:
        con.close()
    return Assignment(assignments, events, memory)


def _known(table: pa.Table | None) -> pa.Table:
    """Return a table of record keys and person ids, empty for None."""
    if table is None:
        return ASSIGNMENTS.empty_table()
    return table.select(ASSIGNMENTS.names)


def _settle(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Match clusters and ids that have a choice, best claim first."""
    claims: Iterable[tuple[str, str]] = con.execute(query).fetchall()
    kept: dict[str, str] = {}
    persons: set[str] = set()
    for cluster, person in claims:
        if cluster not in kept and person not in persons:
            kept[cluster] = person
            persons.add(person)
    settled = [pa.array(column, pa.string()) for column in (kept.keys(), kept.values())]
    con.register("settled", pa.table(settled, names=["cluster_id", "person_id"]))
    con.execute("INSERT INTO kept FROM settled")
    con.unregister("settled")


def _draw_new(
    con: duckdb.DuckDBPyConnection, new_id: Callable[[int], list[str]]
) -> None:
    """Give a new id to every cluster that kept none."""
    homeless = con.sql(_HOMELESS).to_arrow_table()
    if not homeless.num_rows:
        return
    drawn = pa.array(new_id(homeless.num_rows), pa.string())
    con.register("drawn", homeless.append_column("person_id", drawn))
    used = con.execute(_USED).fetchall()
    if len(drawn.unique()) != homeless.num_rows or used != [(0,)]:
        raise IntegrityError("New person ids are not new; draw them at random")
    con.execute("INSERT INTO kept FROM drawn")


# What a record's id was: last night's, else the remembered one.
_VOTES = """
CREATE TABLE vote AS
SELECT
    c.cluster_id,
    COALESCE(p.person_id, m.person_id) AS person_id,
    COUNT(p.person_id) AS live,
    COUNT(*) AS records,
    MIN(c.record_key) AS first_key
FROM cluster AS c
LEFT JOIN previous AS p USING (record_key)
LEFT JOIN remembered AS m USING (record_key)
WHERE p.person_id IS NOT NULL OR m.person_id IS NOT NULL
GROUP BY ALL
"""

_CHOICES = """
WITH choice AS (
    SELECT
        *,
        COUNT(*) OVER (PARTITION BY cluster_id) = 1
        AND COUNT(*) OVER (PARTITION BY person_id) = 1 AS uncontested
    FROM vote
)
"""

_UNCONTESTED = f"""
INSERT INTO kept
{_CHOICES}
SELECT cluster_id, person_id FROM choice WHERE uncontested
"""

_CONTESTED = f"""
{_CHOICES}
SELECT cluster_id, person_id FROM choice WHERE NOT uncontested
ORDER BY live DESC, records DESC, first_key, person_id
"""

# Ids of earlier nights that nobody has tonight, claimed by groups that kept none.
_FORMER = """
SELECT c.cluster_id, f.person_id
FROM cluster AS c
INNER JOIN former AS f USING (record_key)
WHERE
    c.cluster_id NOT IN (SELECT cluster_id FROM kept)
    AND f.person_id NOT IN (SELECT person_id FROM kept)
GROUP BY c.cluster_id, f.person_id
ORDER BY COUNT(*) DESC, MIN(c.record_key), f.person_id
"""

_HOMELESS = """
SELECT cluster_id FROM cluster
WHERE cluster_id NOT IN (SELECT cluster_id FROM kept)
GROUP BY cluster_id ORDER BY MIN(record_key)
"""

_USED = """
SELECT COUNT(*) FROM drawn
WHERE person_id IN (
    SELECT person_id FROM previous
    UNION ALL SELECT person_id FROM remembered
    UNION ALL SELECT person_id FROM former
)
"""

_ASSIGNMENTS = """
SELECT c.record_key, k.person_id
FROM cluster AS c INNER JOIN kept AS k USING (cluster_id)
ORDER BY c.record_key
"""

_EVENTS = """
WITH
alive AS (SELECT person_id, COUNT(*) AS records FROM tonight GROUP BY person_id),
before AS (SELECT person_id, COUNT(*) AS records FROM previous GROUP BY person_id),
moved AS (
    SELECT k.person_id, v.person_id AS other_person_id, v.records
    FROM vote AS v INNER JOIN kept AS k USING (cluster_id)
    WHERE v.person_id <> k.person_id
),
history AS (
    SELECT person_id FROM previous
    UNION SELECT person_id FROM remembered
    UNION SELECT person_id FROM former
)
SELECT
    CASE
        WHEN other_person_id IN (SELECT person_id FROM alive) THEN 'split' ELSE 'merged'
    END AS kind,
    person_id, other_person_id, records
FROM moved
UNION ALL
SELECT 'created', person_id, NULL, records FROM alive
WHERE
    person_id NOT IN (SELECT person_id FROM history)
    AND person_id NOT IN (SELECT person_id FROM moved)
UNION ALL
SELECT 'restored', person_id, NULL, records FROM alive
WHERE
    person_id IN (SELECT person_id FROM history)
    AND person_id NOT IN (SELECT person_id FROM before)
UNION ALL
SELECT 'retired', person_id, NULL, records FROM before
WHERE
    person_id NOT IN (SELECT person_id FROM alive)
    AND person_id NOT IN (SELECT other_person_id FROM moved)
ORDER BY ALL
"""

_MEMORY = """
SELECT record_key, person_id FROM previous
WHERE record_key NOT IN (SELECT record_key FROM cluster)
UNION ALL
SELECT record_key, person_id FROM remembered
WHERE
    record_key NOT IN (SELECT record_key FROM cluster)
    AND record_key NOT IN (SELECT record_key FROM previous)
ORDER BY record_key
"""
