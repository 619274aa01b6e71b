"""A few dozen made-up people at four agencies, split as check and split would."""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb
import pyarrow as pa

from concord.contracts.models import ReleaseProfile, Table
from concord.curation.profile_tables import tables_of
from concord.curation.running import curate
from concord.curation.sql_files import select_tables
from concord.deidentification.assaults import load_assaults
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import (
    ARROW_TYPES,
    PLACE_KEY,
    RECORD_KEY,
    ContentColumn,
    content_columns,
    empty_content,
)
from concord.deidentification.persons import (
    NO_PERSONS,
    NO_PLACES,
    PERSON_CONCEPTS,
    Keymap,
    build_keymap,
)
from concord.deidentification.tokens import Tokeniser
from concord.deidentification.victims import withhold_followers
from concord.settings import Settings
from tests.support.deidentified import (
    NIGHT,
    SOURCE_STATES,
    registry,
    tokeniser,
    zip3_table,
)

CANARY = "zqxlou"  # l, o and u are no digits of a token
COARSE = ("sex", "race", "ethnicity", "birth_date", "state", "zip")


@dataclass(frozen=True)
class SmallCounty:
    """Vault and content of one night; every identifier has CANARY in it."""

    persons: dict[str, pa.Table]
    places: dict[str, pa.Table]
    assignments: pa.Table
    content: dict[str, dict[str, pa.Table]]
    former: pa.Table

    def keymap(
        self,
        profile: ReleaseProfile | None = None,
        tokens: Tokeniser | None = None,
        night: date = NIGHT,
    ) -> Keymap:
        profile = profile or registry().profile("research")
        return build_keymap(
            {feed: rows for feed, rows in self.persons.items() if profile.takes(feed)},
            self.places,
            self.assignments,
            profile,
            tokens or tokeniser(),
            zip3_table(),
            night,
            former=self.former,
            threads=1,
            references=registry().references,
        )

    def pairs(self) -> pa.Table:
        """Return visits and incidents that stand in for linked ones."""
        visits = self.content["hospital"]["encounter"]["encounter_id"]
        incidents = self.content["police_rms"]["incident"]["incident_id"]
        few = min(len(visits), len(incidents)) // 2
        return pa.table({"encounter_id": visits[:few], "incident_id": incidents[:few]})

    def release(
        self, profile: ReleaseProfile | None = None, tokens: Tokeniser | None = None
    ) -> duckdb.DuckDBPyConnection:
        """De-identify and curate everything in a new connection."""
        profile = profile or registry().profile("research")
        tokens = tokens or tokeniser()
        keymap = self.keymap(profile, tokens)
        con = duckdb.connect(config={"threads": 2})
        load_keymap(con, keymap)
        for feed, contract in registry().contracts.items():
            content = self.content[feed]
            if not profile.takes(feed):
                content = empty_content(contract)
            deidentify(
                con, contract, content, keymap, profile, tokens, registry().references
            )
        withhold_followers(con, profile)
        load_assaults(con, self.pairs(), registry().contracts, tokens)
        con.execute(SOURCE_STATES)
        for feed, contract in registry().contracts.items():
            con.execute(
                "INSERT INTO source_states VALUES (?, ?, ?, ?, FALSE, 1)",
                [feed, contract.agency, contract.sector, NIGHT],
            )
        tables = tables_of(Settings().include / "sql", profile)
        curate(con, select_tables(tables, profile.tables))
        return con


def small_county(seed: int, people: int = 40) -> SmallCounty:
    chance = random.Random(seed)
    ids = [_key(chance) for _ in range(people)]
    persons, assignments = {}, []
    for feed in sorted(registry().contracts):
        records = [_record(chance, feed, number) for number in range(people)]
        persons[feed] = pa.Table.from_pylist(
            records, schema=NO_PERSONS.schema.append(pa.field("feed", pa.string()))
        )
        assignments += [
            {
                "record_key": record["record_key"],
                "feed": feed,
                "person_id": chance.choice(ids),
            }
            for record in records
        ]
    places = [_place(chance, number) for number in range(10)]
    place_table = pa.Table.from_pylist(places, schema=NO_PLACES.schema)
    place_keys = [place["place_key"] for place in places]
    content = {
        feed: {
            table.name: _content(
                chance, table, persons[feed][RECORD_KEY].to_pylist(), place_keys
            )
            for table in contract.tables
        }
        for feed, contract in registry().contracts.items()
    }
    former = [
        {"record_key": row["record_key"], "person_id": chance.choice(ids)}
        for row in assignments[::10]
    ]
    return SmallCounty(
        persons,
        {"police_rms": place_table},
        pa.Table.from_pylist(assignments),
        content,
        pa.Table.from_pylist(former),
    )


def _key(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _record(chance: random.Random, feed: str, number: int) -> dict[str, object]:
    identity = {
        name: f"{CANARY}{name}{feed}{number}"
        for name in PERSON_CONCEPTS
        if name not in COARSE
    }
    return identity | {
        "record_key": _key(chance),
        "feed": feed,
        "sex": chance.choice(["M", "F", "X", None]),
        "race": chance.choice(["W", "B", "A", None]),
        "ethnicity": chance.choice(["H", "N", None]),
        "birth_date": date(1920, 1, 1) + timedelta(days=chance.randrange(38_000)),
        "state": "IL",
        "zip": f"627{chance.randrange(100):02}-{chance.randrange(10_000):04}",
    }


def _place(chance: random.Random, number: int) -> dict[str, object]:
    return {
        "place_key": _key(chance),
        "street": f"{CANARY}street{number}",
        "city": f"{CANARY}city{number}",
        "state": "IL",
        "zip": chance.choice(["62701", "62704-1234", "03601", None]),
        "latitude": 39.78125 + number,
        "longitude": -89.65625 - number,
    }


def _content(
    chance: random.Random, table: Table, records: list[str], places: list[str]
) -> pa.Table:
    columns = content_columns(table)
    count = len(records)
    keys = {column.name for column in table.key}
    data = {}
    for column in columns:
        if column.name == RECORD_KEY:
            values = list(records)
        elif column.name == PLACE_KEY:
            values = [chance.choice([*places, None]) for _ in range(count)]
        else:
            unique = column.name in keys or column.concept in (
                "event.id",
                "case.number",
            )
            values = [_value(chance, column, n, unique) for n in range(count)]
        data[column.name] = pa.array(values, ARROW_TYPES[column.type])
    return pa.table(data)


def _value(
    chance: random.Random, column: ContentColumn, number: int, unique: bool
) -> object:
    day = NIGHT - timedelta(days=chance.randrange(2_000))
    if column.entity is not None:
        which = number if unique else chance.randrange(20)
        return f"{CANARY}{column.entity}{which}"
    if column.name == "diagnosis":
        return chance.choice(["X95.9XXA", "S01.01XA", "Y09", "J45"])
    if column.concept == "technical.key":
        return f"{CANARY}{column.name}{number}"
    made = {
        "string": chance.choice(["A", "C", "N"]),
        "date": day,
        "timestamp": datetime.combine(day, time(chance.randrange(24))),
        "integer": number % 95 + 1 if unique else chance.randrange(1, 100),
        "number": chance.random(),
        "boolean": chance.random() < 0.5,
    }
    return made[column.type]
