"""Notices that an agency changed the key of a row, as the contract says they read."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from concord.contracts.models import Table
from concord.duck import literal, quoted


def load_key_changes(
    con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path], ndjson: bool
) -> str:
    """Read key changes into ``changed_<table>``: old and new key texts, in order."""
    assert table.key_changes is not None
    keys, relation = table.key_changes.key, f"changed_{table.name}"
    names = [f"{side}_{name}" for name in keys for side in ("old", "new")]
    if not files:
        nulls = ", ".join(f"NULL::VARCHAR AS {quoted(name)}" for name in names)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {relation} AS "
            f"SELECT {nulls}, NULL::BIGINT AS _order WHERE FALSE"
        )
        return relation
    paths = [path for key in keys.values() for path in (key.old, key.new)]
    picked = ", ".join(
        f"json_extract_string(doc, {literal(path)}) AS {quoted(name)}"
        for name, path in zip(names, paths, strict=True)
    )
    order = f"json_extract_string(doc, {literal(table.key_changes.order)})"
    reader = "ndjson_objects(?)" if ndjson else "json_objects(?, format='unstructured')"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT {picked}, "
        f"TRY_CAST({order} AS BIGINT) AS _order FROM (SELECT unnest(json_extract("
        f"json, {literal(table.key_changes.records)})) AS doc FROM read_{reader}) "
        "ORDER BY _order",
        [[str(path) for path in files]],
    )
    return relation
