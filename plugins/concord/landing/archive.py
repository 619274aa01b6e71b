"""Landing: bytes exactly as received, encrypted while they stream, with a receipt.

A delivery's folder appears complete or not at all. What is written can be read back
only by the step that holds the secret key, not by the step that writes.
"""

import hashlib
import io
import os
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pyrage

from concord.contracts.models import Agreement, Contract, Packing
from concord.contracts.models import Delivery as AgreedDelivery
from concord.exceptions import DeliveryNotReady, IntegrityError
from concord.landing.ledger import Ledger
from concord.landing.receipts import (
    RECEIPT,
    Receipt,
    ReceiptPart,
    as_delivery,
    delivery_id,
    read_receipt,
)
from concord.landing.records import Delivery, now
from concord.landing.unpacking import content_sha256
from concord.sealing import KeyRing
from concord.transport.base import (
    NAMED_BY_AGENCY,
    Drop,
    Part,
    StoredPart,
    Transport,
)
from concord.zones import Zones, appearing, write_bytes

CHUNK = 1 << 20


class _Measured(io.RawIOBase):
    """A stream that hashes, counts and may copy what is read through it."""

    def __init__(self, stream: BinaryIO, copy: BinaryIO | None) -> None:
        super().__init__()
        self.stream = stream
        self.copy = copy
        self.sha256 = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.stream.read(len(buffer))
        self.sha256.update(data)
        self.size += len(data)
        if self.copy is not None:
            self.copy.write(data)
        buffer[: len(data)] = data
        return len(data)


@dataclass(frozen=True)
class Unpacking:
    """Hashes what a packed part holds, from a copy that lies in a private folder."""

    packing: Packing
    max_bytes: int
    scratch: Path

    @property
    def _copy(self) -> Path:
        return self.scratch / "packed"

    def copying(self) -> BinaryIO:
        """Open the copy, to be written while the part streams."""
        return _created(self._copy)

    def content_sha256(self) -> str | None:
        """Return the hash of what the copy holds, and remove the copy."""
        try:
            return content_sha256(self._copy, self.packing, max_bytes=self.max_bytes)
        finally:
            self._copy.unlink()


def _created(path: Path) -> BinaryIO:
    """Create a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "wb")


class ArchiveSink:
    """Stores the parts of one delivery in a staging folder.

    A packed part is kept as it came; ``unpacking`` says what it holds.
    """

    def __init__(
        self,
        folder: Path,
        recipient: pyrage.x25519.Recipient,
        unpacking: Unpacking | None = None,
    ) -> None:
        self.folder = folder
        self.recipient = recipient
        self.unpacking = unpacking
        self.parts: list[ReceiptPart] = []

    def store(self, part: Part, stream: BinaryIO) -> StoredPart:
        """Encrypt a part while it streams and keep it under its content's hash."""
        temporary = self.folder / f"{len(self.parts):06d}.part"
        unpacking = None if part.role == "manifest" else self.unpacking
        with (
            _created(temporary) as file,
            unpacking.copying() if unpacking else nullcontext() as copy,
        ):
            measured = _Measured(stream, copy)
            # age reads 8 KB at a time; the buffer makes that one call of ours a MB.
            buffered = io.BufferedReader(measured, CHUNK)
            pyrage.encrypt_io(buffered, file, [self.recipient])
        sha256 = measured.sha256.hexdigest()
        temporary.replace(self.folder / f"{sha256}.age")
        kept = ReceiptPart(
            name=part.name,
            table=part.table,
            role=part.role,
            sha256=sha256,
            bytes=measured.size,
            content=unpacking.content_sha256() if unpacking else None,
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
        """Bring one delivery into landing and the ledger; the same content only once.

        Raises:
            DeliveryNotReady: These are an earlier night's files under a new name.
        """
        feed_folder = self.zones.landing / contract.id / drop.night.isoformat()
        feed_folder.mkdir(parents=True, exist_ok=True)
        with (
            self.zones.workspace("landing") as staging,
            self.zones.workspace("packed") as scratch,
        ):
            unpacking = _unpacking(contract, scratch)
            sink = ArchiveSink(staging, self.keys.recipient(), unpacking)
            fetched = transport.fetch(drop, sink)
            receipt = Receipt(
                delivery_id=delivery_id(contract.id, drop.night, sink.parts),
                feed=contract.id,
                night=drop.night,
                landed_on=landed_on,
                landed_at=self._moment(contract.id),
                source=fetched.source,
                cursor=fetched.cursor,
                contract_version=contract.version,
                agreement=agreement.id,
                agreement_version=agreement.version,
                rows_expected=dict(fetched.rows_expected),
                parts=tuple(sink.parts),
                whole=fetched.whole,
            )
            if contract.transport["kind"] in NAMED_BY_AGENCY:
                self._refuse_redelivered(receipt, contract.delivery)
            final = feed_folder / receipt.delivery_id.rsplit(":", 1)[1]
            with appearing(final, self.ledger.confirm) as folder:
                for path in staging.iterdir():
                    path.rename(folder / path.name)
                text = receipt.model_dump_json(indent=2)
                write_bytes(folder / RECEIPT, text.encode())
        kept = read_receipt(final).model_copy(update={"landed_on": landed_on})
        return self._record(kept, final)

    def _moment(self, feed: str) -> datetime:
        """Return the time of landing: after all that landed before.

        The later of two deliveries replaces the earlier, also where a clock was ahead
        meanwhile and has been set right since.
        """
        known = [_in_utc(d.landed_at) for d in self.ledger.deliveries(feed)]
        return max([now(), *(moment + timedelta(microseconds=1) for moment in known)])

    def _refuse_redelivered(self, receipt: Receipt, agreed: AgreedDelivery) -> None:
        """Raise where files of an earlier night came again under a new name.

        Changes without rows are alike every quiet night, so they say nothing. A full
        snapshot may be the last one's to the letter too; then its manifest, which is
        written anew each night, says that the agency means tonight.
        """
        increment = agreed.mode == "increment"
        if receipt.rows == 0 and increment:
            return
        digest = receipt.delivery_id.rsplit(":", 1)[1]
        for earlier in self.ledger.deliveries(receipt.feed):
            same = earlier.night < receipt.night and earlier.id.endswith(f":{digest}")
            if same and (increment or self._same_manifest(earlier, receipt)):
                raise DeliveryNotReady(
                    "REDELIVERED",
                    feed=receipt.feed,
                    detail=f"the files for {receipt.night} are those of "
                    f"{earlier.night} once more",
                    remedy="Ask the agency for the night's own files",
                )

    def _same_manifest(self, earlier: Delivery, receipt: Receipt) -> bool:
        """Say whether two deliveries came with one manifest, or with none."""
        before = self.receipt(earlier).of("manifest", "manifest")
        tonight = receipt.of("manifest", "manifest")
        return [p.sha256 for p in before] == [p.sha256 for p in tonight]

    def _record(self, receipt: Receipt, folder: Path) -> Delivery:
        delivery = as_delivery(receipt, folder.relative_to(self.zones.landing))
        known = not self.ledger.record_delivery(delivery)
        self.ledger.record_event(
            "landed_again" if known else "landed",
            receipt.landed_on,
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


def _unpacking(contract: Contract, scratch: Path) -> Unpacking | None:
    """Return what looks into packed parts, where the contract says they are packed."""
    agreed = contract.delivery
    if agreed.packing is None:
        return None
    return Unpacking(agreed.packing, agreed.max_unpacked_bytes, scratch)


def _in_utc(moment: datetime) -> datetime:
    """Say that a time is in UTC, which SQLite does not keep with it."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
