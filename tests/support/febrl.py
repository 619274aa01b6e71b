"""The public FEBRL 4 data as persons to encode, and how well they are linked.

FEBRL: two files of 5,000 made-up people, the second with typing errors. Half-overlap:
the first 2,500 of one file against all of the other, half of whom have no partner.
"""

import csv
import lzma
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from concord.pprl.encoder import Encoder
from concord.pprl.matching import groups, match
from concord.pprl.values import Person, person

FEBRL = Path(__file__).resolve().parents[3] / "shared" / "data" / "linkage_febrl"
FILES = (FEBRL / "dataset4a.csv.xz", FEBRL / "dataset4b.csv.xz")


class Side(NamedTuple):
    """One agency's records, and who each really is."""

    persons: list[Person]
    truth: list[int]


class Score(NamedTuple):
    """How well linkage did."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Return the harmonic mean of both."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def half_overlap() -> tuple[Side, Side]:
    """Return the two sides, 2,500 and 5,000 records."""
    one, other = (_read(path) for path in FILES)
    return Side(one.persons[:2500], one.truth[:2500]), other


def linked(left: Side, right: Side, encoder: Encoder, threshold: float) -> Score:
    """Encode two sides, link them one to one, and compare with the truth."""
    found = match(
        encoder.encode(left.persons), encoder.encode(right.persons), threshold
    )
    truth = left.truth + right.truth
    pairs = zip(
        found.dice.tolist(),
        found.left.tolist(),
        (found.right + len(left.truth)).tolist(),
        strict=True,
    )
    sources = ["left"] * len(left.truth) + ["right"] * len(right.truth)
    home = groups(list(pairs), sources)
    links = [(int(one), node) for node, one in enumerate(home) if one != node]
    right_ones = sum(truth[one] == truth[node] for one, node in links)
    possible = len(set(left.truth) & set(right.truth))
    return Score(right_ones / len(links), right_ones / possible)


def _read(path: Path) -> Side:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, skipinitialspace=True))
    found = sorted((int(row["rec_id"].split("-")[1]), _person(row)) for row in rows)
    return Side([one for _, one in found], [number for number, _ in found])


def _person(row: dict[str, str]) -> Person:
    values: dict[str, str | None] = {
        "given_name": row["given_name"],
        "surname": row["surname"],
        "street": f"{row['street_number']} {row['address_1']}",
        "city": row["suburb"],
        "postcode": row["postcode"],
    }
    return person(values, _date(row["date_of_birth"]))


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None
