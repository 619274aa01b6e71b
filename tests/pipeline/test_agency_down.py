"""One agency is down for ten nights and comes back; the others publish every night."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from concord import pipeline
from concord.demo.story import NIGHTS
from concord.exceptions import TransportError
from concord.publication.reading import history
from concord.publication.verify import verify
from concord.settings import Settings
from concord.status import sums
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
from concord.validation.states import StateStore
from simulator import county as simulated
from simulator.connections import connections
from simulator.servers import AgencyServers, set_night

DOWN, UP = "police_rms", "probation"
FIRST = NIGHTS[0]
LOST = [FIRST + timedelta(days=n) for n in range(1, 11)]
BACK = LOST[-1] + timedelta(days=1)
IMPATIENT = {"retries": 1}
"""How often a server is tried again is told by the tests of its faults."""
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("agency-down"),
]


@dataclass(frozen=True)
class Story:
    """What twelve nights left behind."""

    county: pipeline.County
    served: Path
    errors: list[TransportError]

    def coverage(self, night: date) -> dict[str, dict[str, object]]:
        """Return the row of each feed in a night's ``source_coverage``."""
        (release,) = (r for r in self.releases() if r.night == night)
        table = pq.read_table(release.path / "source_coverage")
        return {row["feed"]: row for row in table.to_pylist()}

    def releases(self):
        return history(self.county.zones.releases, "research")


def run(county: pipeline.County, night: date, conns: dict[str, Connection]):
    """Run a night of two agencies; returns the error of the one that is down."""
    trouble = None
    for feed in (DOWN, UP):
        try:
            pipeline.land(
                county,
                feed,
                night,
                lambda c: open_transport(
                    c.id, read_spec(c.id, {**c.transport, **IMPATIENT}), conns[c.id]
                ),
            )
            pipeline.check(county, feed, night)
        except TransportError as error:
            trouble = error
    pipeline.link(county, night)
    pipeline.prepare_keymap(county, "research", night)
    pipeline.publish(county, "research", night, "a test")
    return trouble


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("down")
    people = simulated.County(7, 200, first_night=FIRST)
    for number in range(len(LOST) + 2):
        people.write_night(folder / "county", number)
    set_night(folder / "county", FIRST)
    with (
        pipeline.open_county(Settings(home=folder / "home")) as county,
        AgencyServers(folder / "county", folder / "secrets") as servers,
    ):
        up = connections(servers.state)
        down = {**up, DOWN: _refusing(up[DOWN])}
        errors = []
        for night in (FIRST, *LOST, BACK):
            set_night(folder / "county", night)
            trouble = run(county, night, down if night in LOST else up)
            if trouble is not None:
                errors.append(trouble)
        pipeline.report(county, LOST[-1])
        yield Story(county, folder / "county" / "served" / DOWN, errors)


def _refusing(connection: Connection) -> Connection:
    """Return a connection to a port on which nobody listens."""
    return Connection(
        connection.host, 1, connection.login, connection.password, connection.extra
    )


def test_each_night_says_that_the_agency_could_not_be_reached(story) -> None:
    assert [e.code for e in story.errors] == ["UNREACHABLE"] * 10
    nights = [n for n in story.county.ledger.feed_nights() if n.feed == DOWN]
    assert [(n.night, n.status) for n in nights] == [
        (FIRST, "checked"),
        *((night, "late") for night in LOST),
        (BACK, "checked"),
    ]


def test_the_others_publish_every_night_with_visible_lag(story) -> None:
    assert [r.night for r in story.releases()] == [FIRST, *LOST, BACK]
    for night in LOST:
        police, probation = (story.coverage(night)[feed] for feed in (DOWN, UP))
        assert (police["complete_through"], police["carried_forward"]) == (FIRST, True)
        assert probation["complete_through"] == night
        assert not probation["carried_forward"]
    page = (story.county.zones.reports / str(LOST[-1]) / "index.html").read_text()
    assert "UNREACHABLE" in page
    assert FIRST.isoformat() in page


def test_the_agency_catches_up_night_by_night(story) -> None:
    deliveries = story.county.ledger.deliveries(DOWN)
    assert [d.night for d in deliveries] == [FIRST, *LOST, BACK]
    assert {d.landed_on for d in deliveries[1:]} == {BACK}
    assert {d.state for d in deliveries} == {"checked"}
    assert story.county.ledger.watermark(DOWN) == f"{BACK:%Y%m%d}"
    police = story.coverage(BACK)[DOWN]
    assert (police["complete_through"], police["carried_forward"]) == (BACK, False)


def test_the_ledger_reconciles_with_what_the_agency_sent(story) -> None:
    for delivery, total in sums(story.county.ledger, DOWN):
        assert total.reconciles
        manifest = story.served / f"{delivery.night:%Y%m%d}" / "manifest.json"
        announced = json.loads(manifest.read_text())["files"]
        assert total.received == sum(file["rows"] for file in announced)


def test_the_state_is_that_of_a_county_in_which_nothing_failed(story, tmp_path) -> None:
    """Night by night in another data root, with the same deliveries."""
    counts = {}
    with pipeline.open_county(Settings(home=tmp_path / "home")) as calm:
        set_night(story.served.parents[1], BACK)
        root = story.served.parents[1]
        with AgencyServers(root, tmp_path / "secrets") as servers:
            connection = connections(servers.state)[DOWN]
            pipeline.backfill(
                calm, [DOWN], FIRST, BACK,
                lambda c: open_transport(
                    c.id, read_spec(c.id, c.transport), connection
                ),
            )  # fmt: skip
        for name, county in (("calm", calm), ("story", story.county)):
            state = county.ledger.state_as_of(DOWN, BACK)
            store = StateStore(county.zones, county.keys, DOWN)
            counts[name] = {
                table: sorted(
                    store.read_content(state.state_id, table)[key].to_pylist()
                )
                for table, key in (
                    ("incident", "incident_id"),
                    ("arrest", "arrest_id"),
                    ("offense", "incident_id"),
                    ("involvement", "incident_id"),
                )
            }
    assert counts["calm"] == counts["story"]


def test_every_release_verifies(story) -> None:
    assert all(verify(release.path).ok for release in story.releases())
