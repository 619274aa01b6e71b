"""One county's Concord: its settings, zones, keys, ledger and registry, opened once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from concord.contracts.registry import Registry, load_registry
from concord.key_custody import check_keys
from concord.landing.journal import Journal
from concord.landing.ledger import Ledger
from concord.sealed_errors import ErrorStore
from concord.sealing import KeyRing
from concord.settings import Settings
from concord.steps import Step
from concord.zones import Zones


@dataclass(frozen=True)
class County:
    """What every step of a night needs."""

    settings: Settings
    zones: Zones
    keys: KeyRing
    ledger: Ledger
    registry: Registry

    def acting(self, step: Step) -> "County":
        """Return the county as a step sees it: with the keys of that step alone."""
        return replace(self, keys=self.keys.acting(step))


@contextmanager
def open_county(settings: Settings | None = None) -> Iterator[County]:
    """Open a county's data root, creating zones and ledger where they are missing."""
    settings = settings or Settings()
    zones = Zones(settings.home)
    zones.prepare()
    keys = key_ring(settings)
    check_keys(zones, keys)
    ledger = Ledger(settings.ledger, Journal(zones.landing))
    try:
        yield County(settings, zones, keys, ledger, load_registry(settings))
    finally:
        ledger.close()


def key_ring(settings: Settings) -> KeyRing:
    """Return the keys of this process: the county's, or those handed out to it."""
    return KeyRing(
        settings.keys or Zones(settings.home).keys,
        encryption=settings.key_encryption,
        handed_out=settings.keys is not None,
    )


def error_store(settings: Settings) -> ErrorStore:
    """Return where the errors of this process's steps are kept for the steward."""
    return ErrorStore(Zones(settings.home).errors, key_ring(settings))
