"""The clinic's county with a linkage model of its own, whose persons people correct.

Its thresholds leave no doubt what is sure (one SSN), possible (one first name and birth
date) and neither, whatever the weights of the model are.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from concord import pipeline
from concord.linkage.decisions import Decision, Wish
from concord.pipeline.deciding import decide_pairs
from concord.pipeline.person_store import PersonStore
from concord.settings import PROJECT, Settings
from tests.support.small_feed import MONDAY, Clinic, client, night, opened

THRESHOLDS = {"link_weight": 25.0, "split_weight": 24.0, "review_weight": 3.0}
WHY = "Both agencies were asked"
STEWARD = "linkage steward"
FIRST_NAMES = ("Anselm", "Bridget", "Corwin", "Delphine", "Emeric", "Fenella", "Gideon")
LAST_NAMES = ("Abzolt", "Brindska", "Corvane", "Dusmark", "Elphorn", "Fritzeno")


def person(number: int, **changes: Any) -> dict[str, Any]:
    """Make a client like no other."""
    return client(
        number,
        first_name=FIRST_NAMES[number % 7],
        last_name=LAST_NAMES[number % 6] + "abcdefgh"[number // 6 % 8],
        ssn=f"{211 + number}-41-{1000 + number * 37}",
        birth_date=f"19{50 + number}-0{1 + number % 9}-{10 + number % 17}",
        **changes,
    )


SURE = {
    "first_name": "Margaret", "last_name": "Quenneville", "birth_date": "1980-03-07",
    "ssn": "318-22-4010", "sex": "Female",
}  # fmt: skip
POSSIBLE = {"first_name": "Sabine", "birth_date": "1992-11-02", "sex": "Female"}
PEOPLE = [
    *(person(number) for number in range(12)),
    client(100, **SURE),
    client(101, **SURE),
    client(102, **POSSIBLE, last_name="Oakhollow"),
    client(103, **POSSIBLE, last_name="Marchetti"),
]


class PersonCounty:
    """The clinic's county, linked night after night."""

    def __init__(self, clinic: Clinic, model: Path) -> None:
        self.clinic = clinic
        self.model = model

    @property
    def county(self):
        return self.clinic.county

    @property
    def store(self) -> PersonStore:
        return PersonStore(self.county)

    def settle(self, **values: Any) -> None:
        """Write the model's settings with other thresholds or another version."""
        path = self.model / "person_settings.yaml"
        settings = yaml.safe_load(path.read_text())
        thresholds = {k: v for k, v in values.items() if k.endswith("_weight")}
        settings["thresholds"] |= thresholds
        settings |= {k: v for k, v in values.items() if k not in thresholds}
        path.write_text(yaml.safe_dump(settings))

    def arrive(self, number: int, *people: Mapping[str, Any]) -> None:
        """Check what the clinic sends for a night."""
        self.clinic.check(night(number), people)

    def link(self, number: int) -> dict[str, str]:
        """Link a night; returns client number → person id."""
        pipeline.link(self.county, night(number))
        return self.ids()

    def ids(self) -> dict[str, str]:
        run = self.store.newest()
        keys = {key: source for source, key in self.keys().items()}
        return {
            keys[row["record_key"]]: row["person_id"]
            for row in self.store.read(run, "assignments").to_pylist()
        }

    def keys(self) -> dict[str, str]:
        """Return client number → record key."""
        newest = self.county.ledger.state_as_of("clinic", MONDAY.max)
        assert newest is not None
        persons = self.clinic.store.read_vault(newest.state_id, "person")
        return {row["source_id"]: row["record_key"] for row in persons.to_pylist()}

    def decide(self, kind: str, one: str, other: str) -> Decision:
        keys = self.keys()
        wish = Wish(kind, keys[one], keys[other], WHY)
        return decide_pairs(self.county, [wish], by=STEWARD)[0]

    def events(self) -> list[tuple[str, str]]:
        """Return kind and reason of the newest night's events, new persons aside."""
        rows = self.store.read(self.store.newest(), "events").to_pylist()
        return [(e["kind"], e["reason"]) for e in rows if e["kind"] != "created"]


def first_night(root: Path) -> None:
    """Make a county whose first night is linked."""
    with opened(root) as clinic:
        model = root / "include" / "linkage"
        shutil.copytree(PROJECT / "include" / "linkage", model)
        county = PersonCounty(clinic, model)
        county.settle(**THRESHOLDS)
        county.arrive(0, *PEOPLE)
        county.link(0)


@contextmanager
def copied(made: Path, root: Path) -> Iterator[PersonCounty]:
    """Open a copy of a county that was made before."""
    shutil.copytree(made, root)
    settings = Settings(home=root / "home", project=root)
    with pipeline.open_county(settings) as county:
        yield PersonCounty(Clinic(county), root / "include" / "linkage")
