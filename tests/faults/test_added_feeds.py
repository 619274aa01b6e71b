"""What Concord makes of each fault of the feeds that send everything every night.

Each is raised on the second night, over the agency's own protocol; the first was good.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from concord.contracts.registry import Registry, load_registry
from concord.exceptions import ConcordError
from concord.landing.ledger import Ledger
from concord.pipeline import County, check, land
from concord.sealing import KeyRing
from concord.settings import Settings
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
from concord.zones import Zones
from simulator.connections import connections
from simulator.county import County as Simulated
from simulator.county import deliver, folder_name
from simulator.faults import FAULTS, Effect, Fault, Staged, find, tell_server
from simulator.servers import AgencyServers, set_night
from tests.support.feeds import MONTHLY

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("added-feeds")]
FEEDS = ("complaints", "survey", "social_services", "parole")
SIMULATED = Simulated(7, 600)
GOOD, BAD = SIMULATED.night(0), SIMULATED.night(1)
PATIENT = {"timeoutSeconds": 60, "deadlineSeconds": 120}
PATIENT_HTTP = {**PATIENT, "retries": 2, "backoffSeconds": 0.01}
# What only waiting shows is waited for once, in the tests of each protocol.
SLOW = {"T3", "T4", "T5", "T8", "T15", "T16", "T36"}


@dataclass(frozen=True)
class Begun:
    """Agencies that serve, and a Concord that has their first night."""

    root: Path
    home: Path
    registry: Registry
    connections: dict[str, Connection]

    def ingest(self, home: Path, feed: str, night: date) -> str:
        """Land and check a night: what becomes of its rows, or why it is refused."""

        def connect(contract):
            http = contract.transport["kind"] == "rest"
            limits = PATIENT_HTTP if http else PATIENT
            spec = read_spec(feed, {**contract.transport, **limits})
            return open_transport(feed, spec, self.connections[feed])

        settings, zones = Settings(home=home), Zones(home)
        zones.prepare()
        ledger = Ledger(settings.ledger)
        county = County(settings, zones, KeyRing(zones.keys), ledger, self.registry)
        try:
            land(county, feed, night, connect)
            made = check(county, feed, night)
        except ConcordError as error:
            assert ledger.state_as_of(feed, night).night == GOOD.date
            return error.code
        finally:
            ledger.close()
        assert made.received >= made.published + made.quarantined + made.rejected
        return f"{made.published} {made.quarantined} {made.rejected}"

    def spoiled(self, home: Path, feed: str, shown: tuple[Fault, Effect]) -> str:
        """Show a fault on the second night, and say what comes of it."""
        served = self.root / "served" / feed
        usual, before = (served / folder_name(feed, n) for n in (BAD, GOOD))
        kept, staging = self.root / "kept", self.root / "staging" / usual.name
        shutil.copytree(usual, kept)
        shutil.copytree(usual, staging, ignore=shutil.ignore_patterns("manifest.json"))
        shutil.copytree(self.home, home)
        try:
            staged = Staged(feed, staging, before)
            deliver(self.root, staged, BAD, shown)
            if shown[1].withholds:
                shutil.rmtree(usual)
            return self.ingest(home, feed, BAD.date)
        finally:
            tell_server(self.root, feed, BAD.date, "")
            shutil.rmtree(usual, ignore_errors=True)
            shutil.rmtree(self.root / "withheld", ignore_errors=True)
            kept.rename(usual)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """A county of two nights, the first of which Concord has."""
    root = tmp_path_factory.mktemp("county")
    for night in range(2):
        SIMULATED.write_night(root, night)
    set_night(root, GOOD.date)
    with AgencyServers(root, tmp_path_factory.mktemp("secrets")) as servers:
        home = tmp_path_factory.mktemp("concord") / "home"
        registry = _every_night(load_registry(Settings(home=home)))
        made = Begun(root, home, registry, connections(servers.state))
        for feed in FEEDS:
            made.ingest(home, feed, GOOD.date)
        set_night(root, BAD.date)
        yield made


def _every_night(registry: Registry) -> Registry:
    """Let the monthly feed be due on the second night too, and late at once."""
    contract = registry.contract(MONTHLY)
    nightly = {"cron": "0 3 * * *", "grace_days": 0}
    delivery = contract.delivery.model_copy(update=nightly)
    changed = contract.model_copy(update={"delivery": delivery})
    return replace(registry, contracts={**registry.contracts, MONTHLY: changed})


def expected() -> Iterator[tuple[str, str, str]]:
    """Give fault, feed and what comes of it, as the table beside this file says."""
    text = Path(__file__).with_name("added_feeds.csv").read_text(encoding="utf-8")
    header, *lines = (line.split(",") for line in text.splitlines())
    for number, *outcomes in lines:
        for feed, outcome in zip(header[1:], outcomes, strict=True):
            if outcome:
                yield number, feed, outcome


TABLE = list(expected())


def test_every_fault_that_such_a_feed_can_show_is_in_the_table() -> None:
    offered = {
        (number, feed)
        for number, fault in FAULTS.items()
        for feed in fault.effects
        if feed in FEEDS and number not in SLOW
    }
    assert {(number, feed) for number, feed, _ in TABLE} == offered


@pytest.mark.parametrize(
    ("number", "feed", "outcome"), TABLE, ids=[f"{n}-{f}" for n, f, _ in TABLE]
)
def test_a_fault_of_an_added_feed_has_the_outcome_of_the_table(
    begun: Begun, tmp_path: Path, number: str, feed: str, outcome: str
) -> None:
    """A code, or how many rows are published, quarantined and rejected."""
    home = tmp_path / "home"
    assert begun.spoiled(home, feed, find(feed, number)) == outcome
    assert not list(home.rglob("*.part"))


@pytest.mark.parametrize(
    ("table", "old", "new", "code"),
    [
        ("Client", b"E20260106", b"E20260105", "MIXED_DELIVERY"),
        ("Export", b"E20260106", b"E20260105", "MIXED_DELIVERY"),
        ("Export", b"E20260106", b"E20260106,,,,,,\nE20260106", "TABLE_RULE_BROKEN"),
    ],
)
def test_a_zip_of_two_exports_is_held(
    begun: Begun, tmp_path: Path, table: str, old: bytes, new: bytes, code: str
) -> None:
    def mix(staged: Staged) -> None:
        path = staged.folder / f"{table}.csv"
        path.write_bytes(path.read_bytes().replace(old, new))

    shown = Effect(damage=mix)
    fault = Fault("F40", "a file of another export", {"social_services": shown}, {})
    assert begun.spoiled(tmp_path / "home", "social_services", (fault, shown)) == code
