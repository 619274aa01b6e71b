"""Places of a simulated county, matched to its gazetteer, against the truth."""

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from concord.linkage.places import match_places, read_gazetteer
from simulator.county import County

NIGHT = date(2026, 1, 5)
# How officers write an address that the records system did not look up.
SPELLED = {
    "as it is": "street",
    "kinds in words": (
        r"REGEXP_REPLACE(REGEXP_REPLACE(street, ' ST\b', ' STREET'), "
        r"' AVE\b', ' AVENUE')"
    ),
    "without its kind": (
        r"REGEXP_REPLACE(street, ' (ST|AVE|DR|RD|LN|CT|BLVD|PL|WAY)\b', '')"
    ),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("county")
    County(11, 2000, first_night=NIGHT).write_night(made, 0)
    return made


def incidents(root: Path, spelling: str) -> tuple[pa.Table, dict[str, str]]:
    """Return the incidents' places, spelled so, and their true gazetteer ids."""
    files = root / "served" / "police_rms" / "20260105" / "police_rms_incident_*.csv"
    truth = root / "truth" / "2026-01-05" / "place.parquet"
    with duckdb.connect() as con:
        places = con.sql(
            f"SELECT incident_id AS place_key, {spelling} AS street, city, zip "
            f"FROM read_csv('{files}', all_varchar = true) ORDER BY incident_id"
        ).to_arrow_table()
        known = con.sql(f"SELECT source_key, gazetteer_id FROM '{truth}'").fetchall()
    return places, dict(known)


def matched(root: Path, spelling: str) -> tuple[float, float]:
    """Return precision and recall of the places that were found."""
    places, known = incidents(root, spelling)
    gazetteer = read_gazetteer(root / "gazetteer" / "2026-01-05.csv").addresses
    found = {
        row["place_key"]: row["gazetteer_id"]
        for row in match_places(places, gazetteer).to_pylist()
        if row["gazetteer_id"]
    }
    right = sum(known.get(place) == address for place, address in found.items())
    return right / len(found), right / places.num_rows


@pytest.mark.parametrize("spelling", SPELLED)
def test_incidents_are_found_where_they_happened(root: Path, spelling: str) -> None:
    precision, recall = matched(root, SPELLED[spelling])
    assert precision >= 0.995
    assert recall >= 0.95


def test_every_address_stands_once_in_the_gazetteer(root: Path) -> None:
    gazetteer = read_gazetteer(root / "gazetteer" / "2026-01-05.csv").addresses
    addresses = list(
        zip(*(gazetteer[n].to_pylist() for n in ("street", "zip")), strict=True)
    )
    assert len(set(addresses)) == len(addresses) > 1000
    assert len(set(gazetteer["gazetteer_id"].to_pylist())) == len(addresses)
