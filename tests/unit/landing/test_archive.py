"""Landing keeps every byte, encrypted, once, and notices damage."""

import io
from datetime import date
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.exceptions import IntegrityError, TransportError
from concord.landing.archive import Archive
from concord.landing.ledger import Ledger
from concord.sealing import KeyRing
from concord.settings import Settings
from concord.transport.base import Drop, Fetched, Part
from concord.zones import Zones

NIGHT = date(2026, 1, 5)
REGISTRY = load_registry(Settings())
CONTRACT = REGISTRY.contracts["probation"]
AGREEMENT = REGISTRY.agreement_of(CONTRACT)


class Offering:
    """A transport that hands over what a test gives it."""

    def __init__(self, *pages: bytes, broken: bool = False) -> None:
        self.pages, self.broken = pages, broken

    def fetch(self, drop, sink):
        stored = []
        for number, page in enumerate(self.pages):
            part = Part(f"persons/{number}.json", "persons", "rows")
            stored.append(sink.store(part, io.BytesIO(page)))
        if self.broken:
            raise TransportError("STALLED", feed="probation", detail="x", remedy="y")
        return Fetched(tuple(stored), {"persons": 1}, "c1", "a test")


@pytest.fixture
def archive(tmp_path) -> Archive:
    zones = Zones(tmp_path / "home")
    zones.prepare()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield Archive(zones, KeyRing(zones.keys), ledger)
    ledger.close()


def land(archive: Archive, *pages: bytes, **options):
    drop = Drop(NIGHT, "a test", "")
    return archive.land(
        CONTRACT, AGREEMENT, Offering(*pages, **options), drop, landed_on=NIGHT
    )


def files(archive: Archive) -> list[Path]:
    return [p for p in archive.zones.landing.rglob("*") if p.is_file()]


def test_bytes_come_back_exactly(archive, tmp_path) -> None:
    pages = (b'{"data": [1]}', "é\r\n\0x".encode(), b"")
    delivery = land(archive, *pages)
    receipt = archive.receipt(delivery)
    paths = archive.open_parts(delivery, receipt.parts, tmp_path, ".json")
    assert [p.read_bytes() for p in paths] == list(pages)
    assert receipt.bytes == sum(map(len, pages))


def test_nothing_is_readable_at_rest(archive) -> None:
    land(archive, b"SECRETNAME" * 50)
    assert files(archive)
    assert not [p for p in files(archive) if b"SECRETNAME" in p.read_bytes()]


def test_the_same_bytes_land_once(archive) -> None:
    first, again = land(archive, b"a", b"b"), land(archive, b"a", b"b")
    assert first.id == again.id
    assert len(archive.ledger.deliveries("probation")) == 1
    assert len(files(archive)) == 3


def test_other_bytes_are_another_delivery(archive) -> None:
    assert land(archive, b"a").id != land(archive, b"b").id
    assert len(archive.ledger.deliveries("probation")) == 2


def test_a_fetch_that_breaks_leaves_nothing_behind(archive) -> None:
    with pytest.raises(TransportError):
        land(archive, b"a", b"b", broken=True)
    assert files(archive) == []
    assert archive.ledger.deliveries("probation") == ()
    assert list(archive.zones.scratch.iterdir()) == []


def test_damage_is_noticed(archive, tmp_path) -> None:
    delivery = land(archive, b"payload")
    receipt = archive.receipt(delivery)
    sealed = next(p for p in files(archive) if p.suffix == ".age")
    data = bytearray(sealed.read_bytes())
    data[-1] ^= 1
    sealed.chmod(0o600)
    sealed.write_bytes(data)
    with pytest.raises(IntegrityError, match="does not open"):
        archive.open_parts(delivery, receipt.parts, tmp_path, ".json")


def test_a_missing_receipt_is_noticed(archive) -> None:
    delivery = land(archive, b"payload")
    (archive.zones.landing / delivery.folder / "receipt.json").unlink()
    with pytest.raises(IntegrityError, match="receipt is missing"):
        archive.receipt(delivery)
