"""The receipt: what arrived, byte for byte, and under which contract and agreement."""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from concord.exceptions import IntegrityError
from concord.landing.records import Delivery

RECEIPT = "receipt.json"
OF_ALL_TABLES = {"rows": "archive", "deletes": "deleted"}  # parts no table owns


class ReceiptPart(BaseModel):
    """One file or page of a delivery.

    ``content`` is the hash of what a packed file holds, where it could be unpacked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    table: str
    role: str
    sha256: str
    bytes: int
    content: str | None = None


class Receipt(BaseModel):
    """What was landed; lies beside the bytes and is written with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delivery_id: str
    feed: str
    night: date
    landed_on: date
    landed_at: datetime
    source: str
    cursor: str
    contract_version: str
    agreement: str
    agreement_version: str
    rows_expected: dict[str, int]
    parts: tuple[ReceiptPart, ...]
    whole: bool = False

    @property
    def bytes(self) -> int:
        """Return the size of everything received."""
        return sum(part.bytes for part in self.parts)

    @property
    def rows(self) -> int:
        """Return how many rows the agency said it sent."""
        return sum(self.rows_expected.values())

    def of(self, table: str, role: str) -> tuple[ReceiptPart, ...]:
        """Return a table's parts of one role, in the order in which they came."""
        wanted = {table, OF_ALL_TABLES.get(role, table)}
        return tuple(p for p in self.parts if p.table in wanted and p.role == role)


def delivery_id(feed: str, night: date, parts: Iterable[ReceiptPart]) -> str:
    """Name a delivery after its content, so that the same is never taken twice.

    A packed file counts by what it holds: packed once more it has other bytes, but
    the same content. Manifests are left out: they carry the time of writing, not data.
    """
    digest = hashlib.sha256()
    for line in sorted(f"{p.table}\0{p.role}\0{p.content or p.sha256}" for p in parts):
        if "\0manifest\0" not in line:
            digest.update(line.encode() + b"\n")
    return f"{feed}:{night.isoformat()}:{digest.hexdigest()[:16]}"


def as_delivery(receipt: Receipt, folder: Path) -> Delivery:
    """Return what the ledger says of a landed delivery; ``folder`` is its place."""
    return Delivery(
        id=receipt.delivery_id,
        feed=receipt.feed,
        night=receipt.night,
        landed_on=receipt.landed_on,
        state="landed",
        source=receipt.source,
        cursor=receipt.cursor,
        folder=str(folder),
        files=len(receipt.parts),
        bytes=receipt.bytes,
        rows=receipt.rows,
        contract_version=receipt.contract_version,
        agreement=receipt.agreement,
        agreement_version=receipt.agreement_version,
        landed_at=receipt.landed_at,
    )


def read_receipt(folder: Path) -> Receipt:
    """Read the receipt of a landed delivery; raises IntegrityError where it is gone."""
    try:
        return Receipt.model_validate_json((folder / RECEIPT).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise IntegrityError(
            f"{folder.name}: the receipt is missing or unreadable "
            f"({type(error).__name__})"
        ) from None
