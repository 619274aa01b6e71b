"""Crowds that tempt linkage: twins, siblings behind a bridge, people without a name."""

import random
from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations, cycle, islice

import pyarrow as pa
import pytest

from concord.linkage.prediction import link
from concord.linkage.settings import PersonModel
from tests.support.linkage_data import PERSON_RECORD
from tests.unit.linkage.conftest import NIGHT

FEEDS = ("police_rms", "probation", "school", "hospital")
GIRLS = ("Abigail", "Beatrice", "Chloe", "Dorothy", "Evelyn", "Frances", "Giselle")
BOYS = ("Albert", "Brandon", "Curtis", "Dennis", "Edward", "Frank", "Gregory")
NAMES = (*GIRLS, *BOYS)
SURNAMES = ("Smith", "Johnson", "Garcia", "Nguyen", "Brown", "Ozwirk", "Tschapla")
HOMES, CROWD = 120, 80
Row = dict[str, object]


def household(chance: random.Random, number: int) -> Row:
    """Return what everybody of a home has in common."""
    return {
        "last_name": chance.choice(SURNAMES),
        "birth_date": date(1950, 1, 2) + timedelta(days=chance.randrange(25_000)),
        "street": f"{100 + number} N {number}th St",
        "city": "Springfield",
        "zip": f"{60001 + number}",
        "phone": f"217-{401 + number % 400}-{1000 + 7 * number:04}",
    }


def twins() -> list[Row]:
    """Return two twins a home, each known to two agencies."""
    chance, rows = random.Random(1), []
    for number in range(HOMES):
        home = household(chance, number)
        for name in chance.sample(NAMES, 2):
            for feed in chance.sample(FEEDS, 2):
                key = f"twin:{number}:{name}:{feed}"
                row = {"record_key": key, "feed": feed, "first_name": name, **home}
                rows.append({**row, "sex": "F" if name in GIRLS else "M"})
    return rows


def chains() -> list[Row]:
    """Return three siblings a home and records that are like each of them a little.

    A bridge has an initial for a name, or no birth date, or lacks the name: whoever
    it belongs to, it must not bring two siblings together.
    """
    chance, rows = random.Random(2), []
    for number in range(HOMES, 2 * HOMES):
        home = household(chance, number)
        born = home.pop("birth_date")
        assert isinstance(born, date)
        names = chance.sample(NAMES, 3)
        for years, name in enumerate(names):
            birth = born + timedelta(days=400 * years)
            for feed in chance.sample(FEEDS, 2):
                key = f"sibling:{number}:{name}:{feed}"
                row = {"record_key": key, "feed": feed, "first_name": name, **home}
                rows.append({**row, "birth_date": birth})
        bridges: list[Row] = [
            {"first_name": names[0][0], "birth_date": born},
            {"first_name": names[1]},
            {"first_name": names[1][0], "birth_date": born + timedelta(days=400)},
            {"first_name": None, "birth_date": born},
            {"first_name": names[2], "birth_date": born},
        ]
        for at, bridge in enumerate(bridges):
            key = f"bridge:{number}:{at}"
            rows.append({"record_key": key, "feed": FEEDS[at % 4], **home, **bridge})
    return rows


def nobody() -> list[Row]:
    """Return records that hold nothing but what stands for no value."""
    names = cycle(
        [("John", "Doe"), ("JOHN", "DOE"), ("Jane", "Doe"), ("Unknown", "Unknown"),
         ("UNK", "UNK"), ("Test", "Test"), ("Baby Boy", "Doe"), ("N/A", "N/A")]
    )  # fmt: skip
    ssns = cycle(["000-00-0000", "999-99-9999", "123-45-6789", "111-11-1111", None])
    phones = cycle(["000-000-0000", "999-999-9999", "UNKNOWN"])
    streets = cycle(["UNKNOWN", "HOMELESS", "N/A"])
    born = cycle([date(1900, 1, 1), date(1901, 1, 1), date(9999, 12, 31), None])
    values = islice(zip(names, ssns, phones, streets, born, strict=False), CROWD)
    return [
        {"record_key": f"nobody:{at}", "feed": FEEDS[at % 4], "first_name": first,
         "last_name": last, "ssn": ssn, "phone": phone, "street": street,
         "zip": "62701", "birth_date": day,
         "state_id": "0000000", "email": "none@none.com"}
        for at, ((first, last), ssn, phone, street, day) in enumerate(values)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def found(
    springfield: tuple[pa.Table, pa.Table], model: PersonModel
) -> dict[str, set[str]]:
    """Link all crowds at once, amid a county; returns who is in each cluster."""
    rows = [*twins(), *chains(), *nobody()]
    crowds = pa.Table.from_pylist(rows, schema=PERSON_RECORD)
    records = pa.concat_tables([springfield[0], crowds])
    clusters = link(records, model, night=NIGHT, threads=2).clusters.to_pydict()
    members: defaultdict[str, set[str]] = defaultdict(set)
    for key, cluster in zip(
        clusters["record_key"], clusters["cluster_id"], strict=True
    ):
        members[cluster].add(key)
    return members


def people(members: set[str], kind: str) -> set[tuple[str, str]]:
    """Return home and name of those of a kind who stand in one cluster."""
    parts = (key.split(":") for key in members if key.startswith(f"{kind}:"))
    return {(home, name) for _, home, name, *_ in parts}


def test_twins_stay_two_and_each_is_one(found: dict[str, set[str]]) -> None:
    groups = [people(members, "twin") for members in found.values()]
    assert [group for group in groups if len(group) > 1] == []
    assert sum(len(group) for group in groups) <= 2 * HOMES * 1.02


def test_no_bridge_brings_two_siblings_together(found: dict[str, set[str]]) -> None:
    groups = [people(members, "sibling") for members in found.values()]
    assert [group for group in groups if len(group) > 1] == []
    joined = [m for m in found.values() if any(k.startswith("bridge:") for k in m)]
    bridged = [m for m in joined if people(m, "sibling")]
    assert len(bridged) > HOMES, "the bridges lead nowhere"


def test_people_without_a_name_are_never_joined(found: dict[str, set[str]]) -> None:
    alone = [m for m in found.values() if any(k.startswith("nobody:") for k in m)]
    assert len(alone) == CROWD
    assert all(len(members) == 1 for members in alone)


def test_no_crowd_is_joined_to_another_or_to_the_county(
    found: dict[str, set[str]],
) -> None:
    kinds = {"twin": "twin", "sibling": "family", "bridge": "family", "nobody": "no"}
    for members in found.values():
        of = {kinds.get(key.split(":")[0], "county") for key in members}
        assert len(of) == 1, sorted(members)
        homes = {key.split(":")[1] for key in members if of <= {"twin", "family"}}
        assert all(one == other for one, other in combinations(homes, 2))
