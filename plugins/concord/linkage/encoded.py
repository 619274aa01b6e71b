"""Link persons who are known by their encodings alone, without being named.

An encoded record joins the person whose own records, encoded here with the same key in
memory, are most alike; it never puts two persons into one. Nothing that is encoded here
is written: only who belongs to whom leaves this module.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from concord.contracts.yaml_lines import Document, parse
from concord.exceptions import LinkageError
from concord.linkage.clustering import Ints
from concord.pprl.encoder import BYTES, ENCODINGS, Encoder, Encodings
from concord.pprl.keys import LinkageKey
from concord.pprl.matching import groups, match
from concord.pprl.values import FieldName, Mode, Person, person

SETTINGS_FILE = "encoded_settings.yaml"
LABEL = "encoding"
_OURS = ""  # where named records come from; no feed is called so
_COLUMNS: dict[FieldName, str] = {
    "given_name": "first_name",
    "surname": "last_name",
    "street": "street",
    "city": "city",
    "postcode": "zip",
}


class EncodedSettings(BaseModel):
    """What the parties agreed on, and how alike two encodings of one person are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode
    fields: tuple[FieldName, ...] = Field(min_length=3)
    threshold: float = Field(gt=0.5, lt=1)
    near: float = Field(gt=0.5, lt=1)


@dataclass(frozen=True)
class Joined:
    """Which records are one person now, and counts by encoded feed."""

    clusters: pa.Table
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class _Side(NamedTuple):
    """Records of one source that can be compared: their nodes and encodings."""

    source: str
    label: str
    nodes: Ints
    encodings: Encodings


def load_encoded_settings(folder: Path) -> EncodedSettings:
    """Read the settings; raises ContractError with file, line, value and remedy."""
    return parse(Document(folder / SETTINGS_FILE), EncodedSettings)


def apart(records: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the records with names, and those that are encoded."""
    if LABEL not in records.column_names:
        return records, records.slice(0, 0)
    encoded = pc.is_valid(records[LABEL])
    return records.filter(pc.invert(encoded)), records.filter(encoded)


def join_encoded(
    clusters: pa.Table,
    named: pa.Table,
    encoded: pa.Table,
    settings: EncodedSettings,
    key: LinkageKey | None,
) -> Joined:
    """Put each encoded record to the person it most resembles.

    Args:
        clusters: ``record_key`` and ``cluster_id`` of the named records.
        named: Person records with names, in the vault's schema.
        encoded: Person records that hold encodings instead.
        settings: What the parties agreed on.
        key: The linkage key; None where its holder did not lend it. Encoded feeds are
            then linked with one another only.

    Raises:
        LinkageError: ``LINKAGE_FAILED`` with the kind of error, never its message.
    """
    if encoded.num_rows == 0:
        return Joined(clusters)
    try:
        return _join(clusters, named, encoded, settings, key)
    except Exception as error:
        kind = type(error).__name__
    raise LinkageError(
        "LINKAGE_FAILED",
        f"{kind} in part 'encoded' with {encoded.num_rows} encoded records",
        "Yesterday's persons stay in force; run linkage on a copy to see the cause",
    )


def _join(
    clusters: pa.Table,
    named: pa.Table,
    encoded: pa.Table,
    settings: EncodedSettings,
    key: LinkageKey | None,
) -> Joined:
    """Compare, group and count."""
    persons = pc.unique(clusters["cluster_id"])
    names = [*persons.to_pylist(), *encoded["record_key"].to_pylist()]
    sides = list(_encoded_sides(encoded, len(persons)))
    source = [_OURS] * len(persons) + encoded["feed"].to_pylist()
    if key is not None:
        sides.append(_our_side(clusters, persons, named, settings, key))
    found = list(_matches(sides, settings.near))
    sure = [one for one in found if one[0] >= settings.threshold]
    home = groups(sure, source)
    return Joined(
        _regrouped(clusters, persons, encoded, names, home),
        _counts(sides, source, found, home, settings.threshold),
    )


def _encoded_sides(encoded: pa.Table, first: int) -> Iterator[_Side]:
    """Yield the encoded records by feed and label, what can't be read left out."""
    nodes = np.arange(first, first + encoded.num_rows)
    by_origin: dict[tuple[str, str], list[int]] = {}
    for at, origin in enumerate(
        zip(encoded["feed"].to_pylist(), encoded[LABEL].to_pylist(), strict=True)
    ):
        by_origin.setdefault(origin, []).append(at)
    for (feed, label), rows in sorted(by_origin.items()):
        names = _names_of(label)
        if not names:
            continue
        texts = [_column(encoded.take(rows), name) for name in names]
        yield _Side(feed, label, nodes[rows], _unpacked(texts))


def _names_of(label: str) -> tuple[str, ...]:
    """Return which encodings a label says there are; none for a label not ours."""
    modes: Mapping[str, tuple[str, ...]] = ENCODINGS  # type: ignore[assignment]
    return modes.get(label.split("-")[1], ()) if label.count("-") == 2 else ()


def _unpacked(texts: list[list[str | None]]) -> Encodings:
    """Return encodings written as text; what is no encoding is missing."""
    bits = np.zeros((len(texts[0]), len(texts), BYTES), np.uint8)
    present = np.zeros(bits.shape[:2], np.bool_)
    for number, column in enumerate(texts):
        for row, text in enumerate(column):
            raw = _bytes(text)
            if raw is not None:
                bits[row, number] = np.frombuffer(raw, np.uint8)
                present[row, number] = True
    return Encodings(bits, present)


def _bytes(text: str | None) -> bytes | None:
    """Return the bytes of an encoding; None if the text is none."""
    try:
        raw = base64.b64decode(text or "", validate=True)
    except binascii.Error:
        return None
    return raw if len(raw) == BYTES else None


def _our_side(
    clusters: pa.Table,
    persons: pa.Array,
    named: pa.Table,
    settings: EncodedSettings,
    key: LinkageKey,
) -> _Side:
    """Return the named records, encoded as the agency encoded its own."""
    encoder = Encoder(key, settings.mode, settings.fields)
    where = pc.index_in(named["record_key"], clusters["record_key"].combine_chunks())
    cluster = clusters["cluster_id"].take(where)
    nodes = pc.index_in(cluster, persons).to_numpy(zero_copy_only=False)
    return _Side(
        _OURS, encoder.label, nodes.astype(np.int64), encoder.encode(_persons(named))
    )


def _persons(named: pa.Table) -> list[Person]:
    """Return the vault's person records as what is encoded."""
    columns = {name: _column(named, column) for name, column in _COLUMNS.items()}
    born = _column(named, "birth_date")
    return [
        person(dict(zip(columns, values, strict=True)), date)
        for *values, date in zip(*columns.values(), born, strict=True)
    ]


def _column(table: pa.Table, name: str) -> list[Any]:
    """Return a column's values; none of a column that the table lacks."""
    if name not in table.column_names:
        return [None] * table.num_rows
    values: list[Any] = table[name].to_pylist()
    return values


def _matches(sides: list[_Side], near: float) -> Iterator[tuple[float, int, int]]:
    """Yield the nodes of different sources that are near each other, and how much."""
    for one, other in combinations(sides, 2):
        if one.source == other.source or one.label != other.label:
            continue
        found = match(one.encodings, other.encodings, near)
        yield from zip(
            found.dice.tolist(),
            one.nodes[found.left].tolist(),
            other.nodes[found.right].tolist(),
            strict=True,
        )


def _regrouped(
    clusters: pa.Table,
    persons: pa.Array,
    encoded: pa.Table,
    names: list[str],
    home: Ints,
) -> pa.Table:
    """Return all records with the smallest record key of their group."""
    smallest: dict[int, str] = {}
    for node, group in enumerate(home.tolist()):
        smallest[group] = min(names[node], smallest.get(group, names[node]))
    group_ids = pa.array([smallest[group] for group in home.tolist()], pa.string())
    ours = group_ids.take(pc.index_in(clusters["cluster_id"], persons))
    grouped = pa.table(
        {
            "record_key": pa.chunked_array(
                [*clusters["record_key"].chunks, *encoded["record_key"].chunks],
                pa.string(),
            ),
            "cluster_id": pa.chunked_array(
                [*ours.chunks, group_ids[len(persons) :]], pa.string()
            ),
        }
    )
    return grouped.sort_by("record_key")


def _counts(
    sides: list[_Side],
    source: list[str],
    found: list[tuple[float, int, int]],
    home: Ints,
    threshold: float,
) -> dict[str, dict[str, int]]:
    """Count each encoded feed's records: all, comparable, joined, and only near."""
    size = np.bincount(home, minlength=len(home))[home]
    near = {node for dice, *both in found if dice < threshold for node in both}
    labels = [(side.source, side.label) for side in sides]
    counted: dict[str, dict[str, int]] = {}
    for feed in sorted({one for one in source if one != _OURS}):
        nodes = [node for node, of in enumerate(source) if of == feed]
        alone = [node for node in nodes if size[node] == 1]
        comparable = sum(
            int(side.encodings.present.any(axis=1).sum())
            for side in sides
            if side.source == feed
            and any(o != feed and label == side.label for o, label in labels)
        )
        counted[feed] = {
            "records": len(nodes),
            "comparable": comparable,
            "joined": len(nodes) - len(alone),
            "near": len(near.intersection(alone)),
        }
    return counted
