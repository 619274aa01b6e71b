"""One county's Concord: its settings, zones, keys, ledger and registry, opened once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from concord.contracts.registry import Registry, load_registry
from concord.landing.journal import Journal
from concord.landing.ledger import Ledger
from concord.sealing import KeyRing
from concord.settings import Settings
from concord.zones import Zones


@dataclass(frozen=True)
class County:
    """What every step of a night needs."""

    settings: Settings
    zones: Zones
    keys: KeyRing
    ledger: Ledger
    registry: Registry


@contextmanager
def open_county(settings: Settings | None = None) -> Iterator[County]:
    """Open a county's data root, creating zones and ledger where they are missing."""
    settings = settings or Settings()
    zones = Zones(settings.home)
    zones.prepare()
    ledger = Ledger(settings.ledger, Journal(zones.landing))
    try:
        yield County(
            settings, zones, KeyRing(zones.keys), ledger, load_registry(settings)
        )
    finally:
        ledger.close()
