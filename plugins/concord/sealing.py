"""Encryption at rest: age for bytes, Parquet modular encryption for tables.

A vault or content file is bound to the zone, folder and name it was written under
(its additional authenticated data), so one file can't be put in another's place.
Each file has its own data key, wrapped by the zone's key (AES key wrap, RFC 3394).
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pyrage
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from concord.exceptions import IntegrityError
from concord.key_files import KEY_BYTES, create_key_file, owner_only, read_key
from concord.settings import new_key

SHARE = 1 << 16
ROW_GROUP = 1 << 17
DICTIONARY = (
    1 << 17
)  # bytes of values after which a column counts as one without repeats


class KeyRing:
    """The keys under one folder, made on first use and refused when readable by others.

    A step should be given only the zones' keys that it needs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def zone_key(self, zone: str) -> bytes:
        """Return the 32-byte key of the vault, content or quarantine zone."""
        return self._symmetric(f"zone-{zone}.key")

    def release_key(self, profile: str) -> bytes:
        """Return the 32-byte key under which a profile's tokens are made."""
        return self._symmetric(f"release-{profile}.key")

    def identity(self) -> pyrage.x25519.Identity:
        """Return the secret that opens landing; only check and split needs it."""
        text = self._read("landing.identity", lambda: str(_new_identity()))
        return pyrage.x25519.Identity.from_str(text)

    def recipient(self) -> pyrage.x25519.Recipient:
        """Return the public key to which landing is encrypted.

        A step that only lands needs this file and not the identity.
        """
        text = self._read("landing.recipient", lambda: str(self.identity().to_public()))
        return pyrage.x25519.Recipient.from_str(text)

    def _symmetric(self, name: str) -> bytes:
        path = self.folder / name
        if not path.exists():
            create_key_file(path, new_key() + new_key())
        return read_key(path)

    def _read(self, name: str, make: Callable[[], str]) -> str:
        path = self.folder / name
        if not path.exists():
            create_key_file(path, make())
        owner_only(path)
        return path.read_text(encoding="ascii").strip()


def _new_identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


def _aad(path: Path) -> bytes:
    """Return what binds a file to its place: its folder's and its own name."""
    return f"{path.parent.name}/{path.name}".encode()


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
    aad = f"{place or path.parent.name}/{path.name}".encode()
    properties = pe.create_encryption_properties(
        data_key, aad_prefix=aad, store_aad_prefix=False
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


@contextmanager
def _opened(path: Path, key: bytes) -> Iterator[pq.ParquetFile]:
    try:
        data_key = aes_key_unwrap(key, path.with_suffix(".key").read_bytes())
        properties = pe.create_decryption_properties(data_key, aad_prefix=_aad(path))
        yield pq.ParquetFile(path, decryption_properties=properties, memory_map=True)
    except FileNotFoundError as error:
        raise IntegrityError(f"{path.name}: the file or its key is missing") from error
    except Exception as error:
        raise IntegrityError(
            f"{path.parent.name}/{path.name}: does not open with this key; it was "
            f"damaged, moved or written under another ({type(error).__name__})"
        ) from None
