"""Addresses become places of a gazetteer, or say why not."""

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from concord.exceptions import ConfigError
from concord.linkage.places import match_places, parse_streets, read_gazetteer

GOLDEN = Path(__file__).parents[2] / "sql" / "linked" / "places"


def rows(name: str) -> list[dict[str, str | None]]:
    with (GOLDEN / name).open(newline="") as file:
        return [
            {key: value or None for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def test_golden_places() -> None:
    places = pa.Table.from_pylist(rows("place.csv"))
    found = match_places(places, read_gazetteer(GOLDEN / "gazetteer.csv").addresses)
    expected = [
        {**row, "score": float(row["score"]) if row["score"] else None}
        for row in rows("expected.csv")
    ]
    assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("street", "parts"),
    [
        ("123 N Main St Apt 4", ("123", "N", "MAIN", "ST")),
        ("0123 north main street", ("123", "N", "MAIN", "ST")),
        ("12 E. 34th Ave.", ("12", "E", "34TH", "AVE")),
        ("742 Evergreen Terr #2", ("742", "", "EVERGREEN", "TER")),
        ("4500 Dr. Martin Luther King Jr Blvd", (
            "4500", "", "DRMARTINLUTHERKINGJR", "BLVD",
        )),
    ],
)  # fmt: skip
def test_a_street_line_is_parsed(street: str, parts: tuple[str, ...]) -> None:
    (found,) = parse_streets([street]).to_pylist()
    assert tuple(found.values()) == (street, *parts)


def test_order_does_not_matter() -> None:
    places = pa.Table.from_pylist(rows("place.csv"))
    gazetteer = read_gazetteer(GOLDEN / "gazetteer.csv").addresses
    turned = gazetteer.take(list(range(gazetteer.num_rows))[::-1])
    assert match_places(places, turned).equals(match_places(places, gazetteer))


def test_a_gazetteer_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "addresses.csv"
    with pytest.raises(ConfigError, match="no such gazetteer"):
        read_gazetteer(path)
    path.write_text("id,street,zip\n1,1 Elm St,62701\n")
    with pytest.raises(ConfigError, match="without gazetteer_id, city"):
        read_gazetteer(path)
