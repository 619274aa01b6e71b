import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

FEEDS = ("police_rms", "probation", "school", "hospital")
FIRST = date(2026, 1, 5)


@pytest.fixture(scope="module")
def canaries(county_root: Path) -> list[dict[str, Any]]:
    path = county_root / "truth/2026-01-05/canaries.json"
    listed: list[dict[str, Any]] = json.loads(path.read_text())
    return listed


@pytest.fixture(scope="module")
def served(county_root: Path) -> dict[str, str]:
    return {
        feed: "\n".join(
            path.read_text()
            for path in sorted((county_root / "served" / feed).rglob("*.*"))
        )
        for feed in FEEDS
    }


def test_sixteen_persons_are_planted_some_in_two_feeds(
    canaries: list[dict[str, Any]],
) -> None:
    persons = {canary["person"] for canary in canaries}
    assert len(persons) == 16
    assert len(canaries) == 19
    for feed in FEEDS:
        assert sum(canary["feed"] == feed for canary in canaries) >= 4


def test_every_token_is_served(
    canaries: list[dict[str, Any]], served: dict[str, str]
) -> None:
    for canary in canaries:
        for token in canary["tokens"]:
            assert token in served[canary["feed"]], (canary["feed"], token)


def test_tokens_belong_to_one_person(
    canaries: list[dict[str, Any]], served: dict[str, str]
) -> None:
    owners: dict[str, set[str]] = {}
    for canary in canaries:
        for token in canary["tokens"]:
            owners.setdefault(token, set()).add(canary["person"])
    assert all(len(persons) == 1 for persons in owners.values())
    for canary in canaries:
        others = set(FEEDS) - {
            c["feed"] for c in canaries if c["person"] == canary["person"]
        }
        for feed in others:
            assert not any(token in served[feed] for token in canary["tokens"])


def test_identifying_strings_of_every_kind_are_listed(
    canaries: list[dict[str, Any]],
) -> None:
    for canary in canaries:
        tokens = " ".join(canary["tokens"])
        assert canary["source_id"] in canary["tokens"]
        assert "217-555-01" in tokens
        assert " Ln" in tokens
        assert ("@example.org" in tokens) == (
            canary["feed"] in ("probation", "hospital")
        )
        assert len(canary["tokens"]) >= 6


def test_one_is_a_minor_one_over_ninety_and_one_invalid(
    county_root: Path, canaries: list[dict[str, Any]]
) -> None:
    ages = [
        (FIRST - born).days / 365.25
        for (born,) in duckdb.connect()
        .execute(
            f"SELECT birthDate::DATE FROM '{county_root}/served/hospital/2026-01-05/"
            "Patient.ndjson' WHERE name[1].family LIKE 'Zqx%'"
        )
        .fetchall()
    ]
    assert min(ages) < 18
    assert max(ages) > 90
    invalid = duckdb.connect().execute(
        f"SELECT source_key FROM '{county_root}/truth/2026-01-05/defects.parquet' "
        "WHERE feed = 'probation' AND defect = 'future_date'"
    )
    keys = {key for (key,) in invalid.fetchall()}
    assert len(keys & {canary["source_id"] for canary in canaries}) == 1


def test_planted_persons_have_events_in_every_feed(
    county_root: Path, canaries: list[dict[str, Any]]
) -> None:
    busy = {
        (feed, person)
        for feed, person in duckdb.connect()
        .execute(
            "SELECT DISTINCT feed, person FROM "
            f"'{county_root}/truth/2026-01-05/events.parquet' WHERE person IS NOT NULL"
        )
        .fetchall()
    }
    assert {(canary["feed"], canary["person"]) for canary in canaries} <= busy


def test_police_narratives_name_the_planted_victims(
    county_root: Path, canaries: list[dict[str, Any]]
) -> None:
    path = county_root / "served/police_rms/20260105"
    text = "\n".join(p.read_text() for p in path.glob("*_incident_*"))
    for canary in canaries:
        if canary["feed"] == "police_rms":
            assert f"{canary['tokens'][0]} {canary['tokens'][1]}" in text
            assert sum(token in text for token in canary["tokens"]) >= 3
