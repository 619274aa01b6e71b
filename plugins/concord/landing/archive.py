"""Landing: bytes exactly as received, encrypted while they stream, with a receipt.

A delivery's folder appears complete or not at all. What is written can be read back
only by the step that holds the secret key, not by the step that writes.
"""

import hashlib
import io
import os
from datetime import date
from pathlib import Path
from typing import BinaryIO

import pyrage

from concord.contracts.models import Agreement, Contract
from concord.exceptions import IntegrityError
from concord.landing.ledger import Ledger
from concord.landing.receipts import (
    RECEIPT,
    Receipt,
    ReceiptPart,
    delivery_id,
    read_receipt,
)
from concord.landing.records import Delivery, now
from concord.sealing import KeyRing
from concord.transport.base import Drop, Part, StoredPart, Transport
from concord.zones import Zones, appearing, write_bytes


class _Measured(io.RawIOBase):
    """A stream that hashes and counts what is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.sha256 = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self.stream.read(size)
        self.sha256.update(data)
        self.size += len(data)
        return data


class ArchiveSink:
    """Stores the parts of one delivery in a staging folder."""

    def __init__(self, folder: Path, recipient: pyrage.x25519.Recipient) -> None:
        self.folder = folder
        self.recipient = recipient
        self.parts: list[ReceiptPart] = []

    def store(self, part: Part, stream: BinaryIO) -> StoredPart:
        """Encrypt a part while it streams and keep it under its content's hash."""
        temporary = self.folder / f"{len(self.parts):06d}.part"
        measured = _Measured(stream)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            pyrage.encrypt_io(measured, file, [self.recipient])
        sha256 = measured.sha256.hexdigest()
        temporary.replace(self.folder / f"{sha256}.age")
        kept = ReceiptPart(
            name=part.name,
            table=part.table,
            role=part.role,
            sha256=sha256,
            bytes=measured.size,
        )
        self.parts.append(kept)
        return StoredPart(part.name, part.table, part.role, sha256, measured.size)

    def discard(self) -> None:
        """Forget every part so far: the delivery begins anew."""
        for part in self.parts:
            (self.folder / f"{part.sha256}.age").unlink(missing_ok=True)
        self.parts.clear()


class Archive:
    """The landing zone together with the ledger's record of it."""

    def __init__(self, zones: Zones, keys: KeyRing, ledger: Ledger) -> None:
        self.zones = zones
        self.keys = keys
        self.ledger = ledger

    def land(
        self,
        contract: Contract,
        agreement: Agreement,
        transport: Transport,
        drop: Drop,
        *,
        landed_on: date,
    ) -> Delivery:
        """Bring one delivery into landing and the ledger; the same bytes only once."""
        feed_folder = self.zones.landing / contract.id / drop.night.isoformat()
        feed_folder.mkdir(parents=True, exist_ok=True)
        with self.zones.workspace("landing") as staging:
            sink = ArchiveSink(staging, self.keys.recipient())
            fetched = transport.fetch(drop, sink)
            receipt = Receipt(
                delivery_id=delivery_id(contract.id, drop.night, sink.parts),
                feed=contract.id,
                night=drop.night,
                landed_on=landed_on,
                landed_at=now(),
                source=fetched.source,
                cursor=fetched.cursor,
                contract_version=contract.version,
                agreement=agreement.id,
                agreement_version=agreement.version,
                rows_expected=dict(fetched.rows_expected),
                parts=tuple(sink.parts),
                whole=fetched.whole,
            )
            final = feed_folder / receipt.delivery_id.rsplit(":", 1)[1]
            with appearing(final) as folder:
                for path in staging.iterdir():
                    path.rename(folder / path.name)
                text = receipt.model_dump_json(indent=2)
                write_bytes(folder / RECEIPT, text.encode())
        kept = read_receipt(final).model_copy(update={"landed_on": landed_on})
        return self._record(kept, final)

    def _record(self, receipt: Receipt, folder: Path) -> Delivery:
        delivery = Delivery(
            id=receipt.delivery_id,
            feed=receipt.feed,
            night=receipt.night,
            landed_on=receipt.landed_on,
            state="landed",
            source=receipt.source,
            cursor=receipt.cursor,
            folder=str(folder.relative_to(self.zones.landing)),
            files=len(receipt.parts),
            bytes=receipt.bytes,
            rows=receipt.rows,
            contract_version=receipt.contract_version,
            agreement=receipt.agreement,
            agreement_version=receipt.agreement_version,
            landed_at=receipt.landed_at,
        )
        if self.ledger.record_delivery(delivery):
            self.ledger.record_event(
                "landed",
                receipt.night,
                receipt.feed,
                delivery=receipt.delivery_id,
                bytes=receipt.bytes,
                rows=receipt.rows,
            )
        return delivery

    def receipt(self, delivery: Delivery) -> Receipt:
        """Return the receipt of a landed delivery."""
        return read_receipt(self.zones.landing / delivery.folder)

    def open_parts(
        self,
        delivery: Delivery,
        parts: tuple[ReceiptPart, ...],
        into: Path,
        suffix: str,
    ) -> list[Path]:
        """Decrypt parts into a private folder, checking every byte against the receipt.

        Raises:
            IntegrityError: A stored file is missing, damaged or not what was landed.
        """
        identity = self.keys.identity()
        paths: list[Path] = []
        for part in parts:
            sealed = self.zones.landing / delivery.folder / f"{part.sha256}.age"
            path = into / f"{len(paths):06d}-{part.sha256[:16]}{suffix}"
            try:
                pyrage.decrypt_file(str(sealed), str(path), [identity])
            except (OSError, pyrage.DecryptError) as error:
                raise IntegrityError(
                    f"{delivery.id}: part {part.sha256[:16]} does not open "
                    f"({type(error).__name__})"
                ) from None
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
                    raise IntegrityError(
                        f"{delivery.id}: part {part.sha256[:16]} is not what was landed"
                    )
            paths.append(path)
        return paths
