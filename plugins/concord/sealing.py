"""Encryption at rest: age for bytes, Parquet modular encryption for tables.

A file of the vault, content or quarantine is bound to its path from the zone on (its
additional authenticated data), so one file can't be put in another's place.
Each file has its own data key, wrapped by the zone's key (AES key wrap, RFC 3394).
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pyrage
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from concord.exceptions import IntegrityError, KeyCustodyError
from concord.key_encryption import key_encryption
from concord.key_files import KEY_BYTES, create_key_file, owner_only, read_key
from concord.release_keys import ReleaseKey, ReleaseKeys
from concord.settings import new_key
from concord.steps import HOLDS, RELEASE, Step

SHARE = 1 << 16
ROW_GROUP = 1 << 17
DICTIONARY = 1 << 17
"""Bytes of values after which a column counts as one without repeats."""

FRAME = re.compile(rb"\x1c\x1c\x28\x08.{8}\x11\x00\x00\x00", re.DOTALL)
"""How a sealed file's footer begins: the little that no tag authenticates."""

MAGIC = b"PARE"
SEALED_ZONES = ("vault", "content", "quarantine")


class KeyRing:
    """The keys under one folder: made on first use, refused when others can read them.

    A ring that acts for a step gives out the keys of that step and no others. A folder
    with the keys of one step alone was handed out: nothing is made there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        encryption: str = "",
        handed_out: bool = False,
        step: Step | None = None,
    ) -> None:
        self.folder = folder
        self.encryption = encryption
        self.handed_out = handed_out
        self.step = step

    def acting(self, step: Step) -> "KeyRing":
        """Return the ring of one step; KeyCustodyError where it is another's."""
        if self.step not in (None, step):
            raise KeyCustodyError(f"the step {self.step} can't act as {step}")
        return type(self)(
            self.folder,
            encryption=self.encryption,
            handed_out=self.handed_out,
            step=step,
        )

    def zone_key(self, zone: str) -> bytes:
        """Return the 32-byte key of the vault, content, quarantine or keymaps."""
        return self._symmetric(f"zone-{zone}.key")

    def release_key(self, profile: str) -> ReleaseKey:
        """Return the key, and its epoch, under which a profile's tokens are made."""
        return self.release_keys(profile).active()

    def release_keys(self, profile: str) -> ReleaseKeys:
        """Return the ledger of a profile's keys."""
        self._allow(RELEASE)
        encryption = key_encryption(self.encryption, self.folder, not self.handed_out)
        return ReleaseKeys(self.folder, profile, encryption, makes=not self.handed_out)

    def identity(self) -> pyrage.x25519.Identity:
        """Return the secret that opens landing; only check and split needs it."""
        return self._secret("landing.identity")

    def recipient(self) -> pyrage.x25519.Recipient:
        """Return the public key to which landing is encrypted.

        A step that only lands needs this file and not the identity.
        """
        return self._public("landing.recipient", "landing.identity")

    def steward_recipient(self) -> pyrage.x25519.Recipient:
        """Return the public key to which errors are sealed."""
        return self._public("steward.recipient", "steward.identity")

    def steward_identity(self, path: Path | None = None) -> pyrage.x25519.Identity:
        """Return the secret that opens sealed errors; best kept elsewhere, by path."""
        if path is None:
            return self._secret("steward.identity")
        return _identity(_text(path), path)

    def made(self, name: str) -> Path:
        """Return the file of a key by its name; one that is not there yet is made."""
        makers = {
            "landing.identity": self.identity,
            "landing.recipient": self.recipient,
            "steward.recipient": self.steward_recipient,
        }
        makers.get(name, lambda: self._symmetric(name))()
        return self.folder / name

    def _symmetric(self, name: str) -> bytes:
        return read_key(self._there(name, lambda: new_key() + new_key()))

    def _secret(self, name: str) -> pyrage.x25519.Identity:
        """Return a secret; none is made where its public key is there already."""
        path, public = (
            self.folder / name,
            (self.folder / name).with_suffix(".recipient"),
        )
        if public.exists() and not path.exists() and not self.handed_out:
            self._allow(name)
            raise KeyCustodyError(
                f"{path}: not here, and what was encrypted to {public.name} opens with "
                "no other. Restore it from custody, or name where it is"
            )
        path = self._there(name, lambda: str(pyrage.x25519.Identity.generate()))
        return _identity(_text(path), path)

    def _public(self, name: str, secret: str) -> pyrage.x25519.Recipient:
        def derived() -> str:
            path = self._made(secret, lambda: str(pyrage.x25519.Identity.generate()))
            return str(_identity(_text(path), path).to_public())

        return pyrage.x25519.Recipient.from_str(_text(self._there(name, derived)))

    def _there(self, name: str, make: Callable[[], str]) -> Path:
        """Return the file of a key that the ring may give out."""
        self._allow(name)
        return self._made(name, make)

    def _made(self, name: str, make: Callable[[], str]) -> Path:
        path = self.folder / name
        if not path.exists():
            if self.handed_out:
                raise KeyCustodyError(
                    f"{path}: not handed out to this process. If its step needs it, "
                    "hand it out: concord keys hand-out"
                )
            create_key_file(path, make())
        return path

    def _allow(self, name: str) -> None:
        if self.step is not None and name not in HOLDS[self.step]:
            raise KeyCustodyError(
                f"the step {self.step} may not hold the key {name}: see the table of "
                "steps in docs/reference/zones.md"
            )


def _text(path: Path) -> str:
    owner_only(path)
    return path.read_text(encoding="ascii").strip()


def _identity(text: str, path: Path) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        pass
    raise KeyCustodyError(f"{path}: no age identity. Restore the key from custody")


def _aad(path: Path) -> bytes:
    """Return what binds a file to its place: its path from the zone on."""
    parts = path.absolute().parts
    zones = [place for place, part in enumerate(parts) if part in SEALED_ZONES]
    return "/".join(parts[zones[-1] if zones else -2 :]).encode()


@dataclass(frozen=True)
class Written:
    """How many rows a sealed table has, and how many values each of its columns."""

    rows: int
    present: Mapping[str, int]


def write_table(
    table: pa.Table, path: Path, key: bytes, *, place: str | None = None
) -> None:
    """Write a table as an encrypted Parquet file; see ``write_rows``."""
    batches = table.to_batches(ROW_GROUP)
    reader = pa.RecordBatchReader.from_batches(table.schema, batches)
    write_rows(reader, path, key, place=place)


def write_rows(
    rows: pa.RecordBatchReader, path: Path, key: bytes, *, place: str | None = None
) -> Written:
    """Write rows, as they come, to an encrypted Parquet file.

    Args:
        rows: What to write; each batch becomes a row group.
        path: Where; its folder is usually a staging folder.
        key: The zone's 32-byte key.
        place: Name of the folder under which the file will be read.
    """
    data_key = os.urandom(KEY_BYTES)
    final = path.parent.with_name(place or path.parent.name) / path.name
    properties = pe.create_encryption_properties(
        data_key, aad_prefix=_aad(final), store_aad_prefix=False
    )
    count, present = 0, dict.fromkeys(rows.schema.names, 0)
    with pq.ParquetWriter(
        path,
        rows.schema,
        encryption_properties=properties,
        compression="zstd",
        compression_level=1,
        write_statistics=False,  # whoever reads a sealed table reads all of it
        dictionary_pagesize_limit=DICTIONARY,
    ) as file:
        for batch in rows:
            file.write_batch(batch)
            count += batch.num_rows
            for name, values in zip(present, batch.columns, strict=True):
                present[name] += len(values) - values.null_count
    path.with_suffix(".key").write_bytes(aes_key_wrap(key, data_key))
    return Written(count, present)


def read_table(
    path: Path, key: bytes, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read an encrypted Parquet file; raises IntegrityError if it was tampered with."""
    with _opened(path, key) as file:
        table = file.read(columns=list(columns) if columns is not None else None)
    # Cut up, without copying, so that DuckDB's threads share the rows out.
    return pa.Table.from_batches(table.to_batches(SHARE), table.schema)


def read_rows(path: Path, key: bytes) -> pa.RecordBatchReader:
    """Read an encrypted Parquet file bit by bit; raises as ``read_table``."""

    def batches() -> Iterator[pa.RecordBatch]:
        with _opened(path, key) as file:
            yield from file.iter_batches(SHARE)

    with _opened(path, key) as file:
        schema = file.schema_arrow
    return pa.RecordBatchReader.from_batches(schema, batches())


def _check_frame(path: Path) -> None:
    """Raise ValueError where what is around the authenticated parts was changed."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
        file.seek(-8, os.SEEK_END)
        footer, tail = int.from_bytes(file.read(4), "little"), file.read(4)
        file.seek(-8 - footer, os.SEEK_END)
        if not (head == tail == MAGIC and FRAME.match(file.read(16))):
            raise ValueError


@contextmanager
def _opened(path: Path, key: bytes) -> Iterator[pq.ParquetFile]:
    try:
        data_key = aes_key_unwrap(key, path.with_suffix(".key").read_bytes())
        _check_frame(path)
        properties = pe.create_decryption_properties(data_key, aad_prefix=_aad(path))
        yield pq.ParquetFile(path, decryption_properties=properties, memory_map=True)
    except FileNotFoundError as error:
        raise IntegrityError(f"{path.name}: the file or its key is missing") from error
    except Exception as error:
        raise IntegrityError(
            f"{path.parent.name}/{path.name}: does not open with this key; it was "
            f"damaged, moved or written under another ({type(error).__name__})"
        ) from None
