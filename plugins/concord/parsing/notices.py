"""Notices that rows were deleted or their keys changed, as the contract says.

What a notice that can't be read is about would stay as it is, or be taken for new; so a
delivery with one is held, however few of its rows may be bad.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from concord.contracts.models import Contract, DeleteKey, Table
from concord.duck import literal, quoted
from concord.parsing.documents import MAX_OBJECT, examine_lines, examine_page
from concord.parsing.problems import holding


def load_deletions(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    files: Sequence[Path],
) -> str:
    """Read deletion notices into ``noticed_<table>``: texts that tell rows apart.

    Raises:
        DeliveryHeld: A notice can't be read.
    """
    assert table.deletes is not None
    relation = f"noticed_{table.name}"
    texts = {name: _after_prefix(key) for name, key in table.deletes.key.items()}
    picked = ", ".join(f"{text} AS {quoted(name)}" for name, text in texts.items())
    # One list may be of all tables: what is of another has nothing after the prefix.
    own = " AND ".join(f"{quoted(name)} IS DISTINCT FROM ''" for name in texts)
    notices = _notices(contract, table, files, table.deletes.records)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS "
        f"SELECT DISTINCT * FROM (SELECT {picked} FROM ({notices})) WHERE {own}"
    )
    return relation


def load_key_changes(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    files: Sequence[Path],
) -> str:
    """Read key changes into ``changed_<table>``: old and new key texts, in order.

    Raises:
        DeliveryHeld: A notice can't be read.
    """
    assert table.key_changes is not None
    relation = f"changed_{table.name}"
    texts = {
        f"{side}_{name}": _text(path)
        for name, key in table.key_changes.key.items()
        for side, path in (("old", key.old), ("new", key.new))
    }
    picked = ", ".join(f"{text} AS {quoted(name)}" for name, text in texts.items())
    order = f"TRY_CAST({_text(table.key_changes.order)} AS BIGINT)"
    notices = _notices(contract, table, files, table.key_changes.records)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS "
        f"SELECT {picked}, {order} AS _order FROM ({notices}) ORDER BY _order"
    )
    return relation


def _notices(
    contract: Contract, table: Table, files: Sequence[Path], records: str
) -> str:
    """Return the query of the notices in some files, each of which is sound JSON."""
    if not files:
        return "SELECT NULL::JSON AS doc WHERE FALSE"
    lines = contract.delivery.format == "ndjson"
    sound = []
    for number, path in enumerate(files, 1):
        held = holding(contract, table, number, len(files))
        seen = examine_lines(path, held) if lines else examine_page(path, records, held)
        if seen.damaged:
            raise held("UNREADABLE_FILE", f"{seen.damaged} notices are not valid json")
        sound.append(literal(str(seen.path)))
    form = "" if lines else "format='unstructured', "
    reader = "read_ndjson_objects" if lines else "read_json_objects"
    return (
        f"SELECT unnest(json_extract(json, {literal(records)})) AS doc FROM "
        f"{reader}([{', '.join(sound)}], {form}maximum_object_size={MAX_OBJECT})"
    )


def _text(path: str) -> str:
    return f"json_extract_string(doc, {literal(path)})"


def _after_prefix(key: DeleteKey) -> str:
    """Return SQL of a key's text: what follows the prefix, also in a whole address."""
    if not key.prefix:
        return _text(key.path)
    pattern = f"^(?:https?://.*/)?{re.escape(key.prefix)}(.*)$"
    return f"regexp_extract({_text(key.path)}, {literal(pattern)}, 1)"
