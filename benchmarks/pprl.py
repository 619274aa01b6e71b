"""Linkage without names: how fast, how well, and what a curious centre can read.

``python -m benchmarks.pprl`` prints the figures of docs/explanation/linkage.md and
docs/adr/0022: FEBRL 4 (where ../shared/data has it) and a simulated county.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from concord.pprl.columns import Columns
from concord.pprl.encoder import HASHES, Encoder, Encodings
from concord.pprl.files import encode_file
from concord.pprl.keys import LinkageKey
from concord.pprl.matching import match
from concord.pprl.values import FieldName, Mode, Person, person
from simulator.county import County
from tests.support.febrl import FILES, Side, half_overlap, linked
from tests.support.linkage_data import county
from tests.support.plaintext_attack import (
    nearest_surnames,
    recovered,
    surnames_read,
)

NIGHT = date(2026, 1, 5)
KEY = LinkageKey(bytes(range(7, 39)))
SIX = tuple(HASHES)
FOUR: tuple[FieldName, ...] = ("given_name", "surname", "birth_date", "postcode")
WAYS: tuple[tuple[Mode, tuple[FieldName, ...]], ...] = (
    ("hardened", SIX),
    ("hardened", FOUR),
    ("plain", SIX),
    ("plain", FOUR),
)
THRESHOLDS = (0.60, 0.65, 0.70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=50_000)
    asked = parser.parse_args()
    left, right = _county_sides(asked.persons)
    _speed(right, asked.rows)
    _quality(f"county of {asked.persons:,}", left, right)
    _attacks(f"county of {asked.persons:,}", left, right, (500, 2000, 8000))
    if all(path.is_file() for path in FILES):
        _quality("FEBRL 4, half-overlap", *half_overlap())
        _attacks("FEBRL 4, half-overlap", *half_overlap(), (200, 500, 1000, 2000))


def _county_sides(persons: int) -> tuple[Side, Side]:
    """Return the police's and the hospital's records, one a person."""
    with tempfile.TemporaryDirectory() as folder:
        County(11, persons, first_night=NIGHT).write_night(Path(folder), 0)
        records, truth = county(Path(folder), NIGHT.isoformat())
    who = dict(
        zip(*(truth[name].to_pylist() for name in truth.column_names), strict=True)
    )
    sides: dict[str, dict[int, Person]] = {"police_rms": {}, "hospital": {}}
    for row in records.to_pylist():
        if row["feed"] in sides:
            values = {"given_name": row["first_name"], "surname": row["last_name"],
                      "street": row["street"], "city": row["city"],
                      "postcode": row["zip"]}  # fmt: skip
            number = int(who[row["record_key"]][1:])
            made = person(values, row["birth_date"])
            sides[row["feed"]].setdefault(number, made)
    police, hospital = (Side(list(s.values()), list(s)) for s in sides.values())
    return police, hospital


def _speed(side: Side, rows: int) -> None:
    print("\n## Speed\n")
    persons = [side.persons[n % len(side.persons)] for n in range(rows)]
    for mode, fields in WAYS[:3]:
        encoder = Encoder(KEY, mode, fields)  # a fresh one: no value met before
        _timed(f"encode, {mode}, {len(fields)} fields", rows,
               lambda encoder=encoder: encoder.encode(persons))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.csv"), Path(folder, "out.csv")
        with source.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("id", *SIX))
            for number, one in enumerate(persons):
                writer.writerow((number, *one))
        columns = Columns(
            record_id="id", fields={f: f for f in SIX}, date_format="%Y%m%d"
        )
        encoder = Encoder(KEY, "hardened", SIX)
        _timed("CSV to CSV, hardened, 6 fields", rows,
               lambda: encode_file(source, target, columns, encoder))  # fmt: skip
    found = Encoder(KEY, "hardened", SIX).encode(persons)
    _timed(f"match with {rows:,}", rows, lambda: match(found, found, 0.65))


def _timed(what: str, rows: int, work: Callable[[], object]) -> None:
    """Print how many rows a second are worked through, on the clock and of one core."""
    wall, cpu = perf_counter(), process_time()
    work()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    print(f"{what}: {rows / wall:,.0f}/s, {rows / cpu:,.0f}/s of processor time",
          flush=True)  # fmt: skip


def _quality(name: str, left: Side, right: Side) -> None:
    print(f"\n## {name}: {len(left.truth):,} × {len(right.truth):,}\n")
    print(
        "| mode | fields | threshold | precision | recall | F1 |\n"
        "|---|---|---|---|---|---|"
    )
    for mode, fields in WAYS:
        for threshold in THRESHOLDS:
            score = linked(left, right, Encoder(KEY, mode, fields), threshold)
            print(f"| {mode} | {len(fields)} | {threshold:.2f} | {score.precision:.4f} "
                  f"| {score.recall:.4f} | {score.f1:.4f} |", flush=True)  # fmt: skip


def _attacks(name: str, left: Side, right: Side, sizes: Iterable[int]) -> None:
    print(f"\n## {name}: surnames read\n")
    print(
        "| mode | known people | from bits | from the most alike |\n|---|---|---|---|"
    )
    at = {number: row for row, number in enumerate(right.truth)}
    both = [row for row, number in enumerate(left.truth) if number in at]
    order = np.random.default_rng(1).permutation(both)
    dictionary = sorted({p.surname for s in (left, right) for p in s.persons} - {""})
    for mode in ("hardened", "plain"):
        found = Encoder(KEY, mode, SIX).encode(right.persons)
        for size in sizes:
            known = order[:size]
            rows = np.array([at[left.truth[n]] for n in known])
            named = [n for n, p in enumerate(right.persons) if p.surname]
            rest = np.setdiff1d(named, rows)
            rest = rest[:: max(1, len(rest) // 2000)]
            ours, theirs = (
                Encodings(found.bits[r], found.present[r]) for r in (rows, rest)
            )
            names = [left.persons[n] for n in known]
            truth = [right.persons[n] for n in rest]
            read = surnames_read(ours, names, theirs, dictionary)
            bits = max(recovered(one, truth) for one in read)
            near = recovered(nearest_surnames(ours, names, theirs), truth)
            print(f"| {mode} | {len(known):,} | {bits:.2%} | {near:.2%} |", flush=True)


if __name__ == "__main__":
    main()
