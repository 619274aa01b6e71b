"""A landing zone of its own, to see what is left when a delivery is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from concord.contracts.registry import load_registry
from concord.landing.archive import Archive
from concord.landing.ledger import Ledger
from concord.landing.records import Delivery
from concord.sealing import KeyRing
from concord.settings import Settings
from concord.transport.base import Transport
from concord.zones import Zones

REGISTRY = load_registry(Settings())


class Landing:
    """Lands what a transport offers, as the ingest step does."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def land(
        self,
        transport: Transport,
        night: date,
        cursor: str | None = None,
        feed: str = "police_rms",
    ) -> Delivery:
        contract = REGISTRY.contracts[feed]
        agreement = REGISTRY.agreement_of(contract)
        (drop,) = transport.offered(cursor, night)
        return self.archive.land(contract, agreement, transport, drop, landed_on=night)

    def bytes_of(self, delivery: Delivery, table: str, into: Path) -> list[bytes]:
        """Return the landed bytes of a table's files."""
        parts = self.archive.receipt(delivery).of(table, "rows")
        paths = self.archive.open_parts(delivery, parts, into, ".open")
        return [path.read_bytes() for path in paths]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing at all lies in landing, under a final name or another."""
        home, landing = self.archive.zones.home, self.archive.zones.landing
        files = [path for path in home.rglob("*") if path.is_file()]
        return not any(
            path.is_relative_to(landing) or path.suffix in (".part", ".age")
            for path in files
        )


@contextmanager
def opened(home: Path) -> Iterator[Landing]:
    """Open a landing zone under a folder."""
    zones = Zones(home)
    zones.prepare()
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    try:
        yield Landing(Archive(zones, KeyRing(zones.keys), ledger))
    finally:
        ledger.close()
