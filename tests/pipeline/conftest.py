"""Three nights of a small county through the library, over the agencies' protocols."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from concord import pipeline
from concord.demo.story import FAULTS, FEEDS, LATE, NIGHTS
from concord.exceptions import DataError
from concord.pipeline.county import County
from concord.sealing import read_table
from concord.settings import Settings
from concord.transport.registry import open_transport, read_spec
from concord.validation.states import StateStore
from simulator import county as simulated
from simulator.connections import connections
from simulator.servers import AgencyServers, set_night

PROFILE = "research"


@dataclass(frozen=True)
class Nights:
    """What three nights left behind: the data root and the truth."""

    home: Path
    root: Path
    errors: dict[tuple[str, date], DataError]

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)

    @property
    def profile(self) -> Path:
        return self.home / "releases" / PROFILE

    def truth(self, night: date) -> pa.Table:
        return pq.read_table(
            self.root / "truth" / night.isoformat() / "record_person.parquet"
        )

    def canaries(self) -> list[dict[str, object]]:
        path = self.root / "truth" / NIGHTS[-1].isoformat() / "canaries.json"
        return json.loads(path.read_text())

    def person_ids(self, county: County, night: date) -> dict[tuple[str, str], str]:
        """Return (feed, source id) → person id as of a night."""
        run = county.ledger.linkage_as_of(night)
        folder = county.zones.vault / "persons" / run.persons_id
        key = county.keys.zone_key("vault")
        assigned = read_table(folder / "assignments.parquet", key).to_pylist()
        person = {row["record_key"]: row["person_id"] for row in assigned}
        return {
            (row["feed"], row["source_id"]): person[row["record_key"]]
            for row in self.records(county, night)
        }

    def records(self, county: County, night: date) -> list[dict[str, object]]:
        """Return the vault's person records as of a night."""
        run = county.ledger.linkage_as_of(night)
        return [
            row
            for feed, state in run.inputs.items()
            for row in StateStore(county.zones, county.keys, feed)
            .read_vault(state, "person")
            .to_pylist()
        ]


def run_night(county: County, root: Path, night: date, conns: dict) -> dict:
    """Run every step of a night; returns what went wrong, by feed."""
    set_night(root, night)
    errors = {}
    for feed in FEEDS:
        try:
            landed = pipeline.land(
                county,
                feed,
                night,
                lambda c: open_transport(
                    c.id, read_spec(c.id, c.transport), conns[c.connection]
                ),
            )
            if landed:
                pipeline.check(county, feed, night)
        except DataError as error:
            errors[feed, night] = error
    pipeline.link(county, night)
    pipeline.prepare_keymap(county, PROFILE, night)
    pipeline.publish(county, PROFILE, night, "a test")
    pipeline.report(county, night)
    return errors


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    home = tmp_path_factory.mktemp("concord")
    root = tmp_path_factory.mktemp("county")
    people = simulated.County(7, 2000, first_night=NIGHTS[0])
    for number in range(len(NIGHTS)):
        people.write_night(root, number, FAULTS.get(number))
    set_night(root, NIGHTS[0])
    errors: dict[tuple[str, date], DataError] = {}
    with (
        AgencyServers(root, tmp_path_factory.mktemp("secrets")) as servers,
        pipeline.open_county(Settings(home=home)) as county,
    ):
        conns = connections(servers.state)
        for number, night in enumerate(NIGHTS):
            if number == 2:
                simulated.release_late(root, LATE, NIGHTS[1])
            errors |= run_night(county, root, night, conns)
        yield Nights(home, root, errors)


@pytest.fixture(scope="session")
def county(nights: Nights) -> Iterator[County]:
    with pipeline.open_county(nights.settings) as opened:
        yield opened
