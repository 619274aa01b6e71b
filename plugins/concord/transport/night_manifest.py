"""What a night folder is said to hold: by its manifest, or by its listing."""

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Protocol

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from concord.exceptions import DataError, DeliveryHeld
from concord.transport.problems import failed, held
from concord.transport.specs import ARCHIVE, FILE_NAME, FileName, Name, NightFolderSpec
from concord.transport.streams import CheckedStream

CHECKSUM = ".sha256"  # what a checksum file is called after its file
Sha256 = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)
]
CHECKSUM_LINE = re.compile(rb"\s*\\?([0-9a-fA-F]{64})(?:\s.*)?", re.DOTALL)


class _Told(BaseModel):
    """Something the agency tells; keys we do not use are its own business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class File(_Told):
    """One file as it is announced; a listing announces neither rows nor hash."""

    name: FileName = Field(max_length=255)
    table: Name
    rows: int | None = Field(default=None, ge=0)
    bytes: int = Field(ge=0)
    sha256: Sha256 | None = None

    def check(self, feed: str, stream: CheckedStream, *, counted: bool) -> None:
        """Raise if what was streamed is not what was announced."""
        if stream.bytes_read != self.bytes:
            counts = {"expected": self.bytes, "found": stream.bytes_read}
            raise self.differs(feed, "has another number of bytes", **counts)
        if self.sha256 is not None and stream.sha256 != self.sha256:
            raise self.differs(feed, "has another sha256")
        if counted and self.rows is not None and stream.records != self.rows:
            counts = {"expected": self.rows, "found": stream.records}
            raise self.differs(feed, "has another number of rows", **counts)

    def differs(self, feed: str, how: str, **counts: int) -> DataError:
        """Make the error for a file that is not as announced, or no longer as listed.

        What a manifest announces is meant; a listing shows what happened to be there.
        """
        if self.sha256 is None:
            detail = f"table {self.table}: a file {how} than its listing says"
            return failed("CHANGED_WHILE_READ", feed, detail)
        detail = f"table {self.table}: a file {how} than the manifest says"
        return held("MANIFEST_MISMATCH", feed, detail, **counts)


class ManifestFile(File):
    """One file of a manifest, which must announce its hash."""

    sha256: Sha256


class Contents(_Told):
    """The files of a night folder."""

    files: tuple[File, ...]

    def rows_by_table(self) -> Mapping[str, int]:
        """Return how many rows were announced for each table."""
        rows: Counter[str] = Counter()
        for file in self.files:
            if file.rows is not None:
                rows[file.table] += file.rows
        return dict(rows)


class Window(_Told):
    """The stretch of time an extract covers."""

    full: Literal[True] | None = None
    start: datetime | None = Field(default=None, alias="from")


class Manifest(Contents):
    """A night folder's manifest."""

    source: str
    window: Window
    files: tuple[ManifestFile, ...]


class Listed(Protocol):
    """What a listing tells of a file."""

    @property
    def name(self) -> str:
        """Return the file's name."""
        ...

    @property
    def size(self) -> int:
        """Return the file's size."""
        ...


def read_manifest(
    feed: str, spec: NightFolderSpec, body: bytes, *, after: str
) -> Manifest:
    """Read a manifest and hold a delivery that is not ours, not whole or too late.

    ``after`` is the last night folder taken: an extract that starts later than that
    night would leave a gap that nothing could fill afterwards.
    """
    try:
        manifest = Manifest.model_validate_json(body.removeprefix(BOM_UTF8))
    except ValidationError as error:
        raise _invalid(feed, error) from None
    if manifest.source != (spec.manifest_source or feed):
        raise held("WRONG_SOURCE", feed, "the manifest names another source")
    _check_tables(feed, spec, manifest)
    start = manifest.window.start
    if after and start and f"{start:%Y%m%d}" > after:
        detail = "the extract starts after the last delivery taken"
        raise held("WINDOW_GAP", feed, detail)
    return manifest


def listed_files(
    feed: str, spec: NightFolderSpec, listing: Mapping[str, Listed]
) -> Contents:
    """Assign a listing's files to tables by the contract's patterns.

    Files of no table are left where they are.
    """
    files = []
    for name in sorted(listing):
        tables = [t for t, glob in spec.patterns.items() if fnmatchcase(name, glob)]
        if len(tables) > 1:
            detail = f"a file could be of {' or of '.join(tables)}"
            raise held("FILE_AMBIGUOUS", feed, detail)
        if not tables or name.endswith(CHECKSUM):
            continue
        if not re.fullmatch(FILE_NAME, name) or len(name) > 255:
            detail = f"table {tables[0]}: a file's name has unusual characters"
            raise held("FILE_NAME_UNSAFE", feed, detail)
        size = listing[name].size
        files.append(File(name=name, table=tables[0], bytes=size))
    _check_size(feed, spec, files)
    return Contents(files=tuple(files))


def check_checksum(feed: str, table: str, told: bytes, sha256: str) -> None:
    """Raise if a checksum file, as sha256sum writes it, does not give this hash."""
    found = CHECKSUM_LINE.fullmatch(told)
    if found is None:
        detail = f"table {table}: the checksum file is missing or unreadable"
        raise held("CHECKSUM_MISMATCH", feed, detail)
    if found[1].decode().lower() != sha256:
        detail = f"table {table}: the sha256 differs from the checksum file"
        raise held("CHECKSUM_MISMATCH", feed, detail)


def _invalid(feed: str, error: ValidationError) -> DeliveryHeld:
    """Name the manifest's keys that are wrong, never what they hold."""
    keys = sorted({".".join(map(str, e["loc"])) or "JSON" for e in error.errors()})
    return held("MANIFEST_INVALID", feed, f"wrong or missing: {', '.join(keys[:5])}")


def _check_tables(feed: str, spec: NightFolderSpec, manifest: Manifest) -> None:
    """Raise if tables are missing, unasked for, or files are listed twice."""
    told = {file.table for file in manifest.files}
    required = {ARCHIVE} if spec.archive else set(spec.tables)
    if missing := sorted(required - told):
        raise held("MANIFEST_INCOMPLETE", feed, f"no file for {', '.join(missing)}")
    if unknown := told - set(spec.tables) - required:
        detail = "the manifest lists a table that the contract does not have"
        raise held("UNEXPECTED_TABLE", feed, detail, tables=len(unknown))
    if any(f.rows is None and f.table != ARCHIVE for f in manifest.files):
        raise held("MANIFEST_INVALID", feed, "wrong or missing: files.rows")
    if len({file.name for file in manifest.files}) < len(manifest.files):
        raise held("MANIFEST_INVALID", feed, "a file is listed twice")
    _check_size(feed, spec, manifest.files)


def _check_size(feed: str, spec: NightFolderSpec, files: Iterable[File]) -> None:
    """Raise if a delivery is larger than the contract allows, before any is read."""
    total = sum(file.bytes for file in files)
    if total > spec.max_bytes:
        detail = "the announced bytes exceed the contract's maxBytes"
        raise held("MANIFEST_INVALID", feed, detail, bytes=total)
