"""The manifest of a night folder: what the agency says it delivered."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from concord.exceptions import DeliveryHeld
from concord.transport.problems import held
from concord.transport.specs import FileName, Name, SftpSpec
from concord.transport.streams import CheckedStream

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Told(BaseModel):
    """Something the agency tells; keys we do not use are its own business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class File(_Told):
    """One file as the manifest announces it."""

    name: FileName = Field(max_length=255)
    table: Name
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: Sha256

    def check(self, feed: str, stream: CheckedStream, *, counted: bool) -> None:
        """Raise if what was streamed is not what was announced."""
        if stream.bytes_read != self.bytes:
            detail = f"table {self.table}: the number of bytes differs"
            raise held(
                "MANIFEST_MISMATCH",
                feed,
                detail,
                expected=self.bytes,
                found=stream.bytes_read,
            )
        if stream.sha256 != self.sha256:
            detail = f"table {self.table}: the sha256 differs"
            raise held("MANIFEST_MISMATCH", feed, detail)
        if counted and stream.records != self.rows:
            detail = f"table {self.table}: the number of rows differs"
            raise held(
                "MANIFEST_MISMATCH",
                feed,
                detail,
                expected=self.rows,
                found=stream.records,
            )


class Window(_Told):
    """The stretch of time an extract covers."""

    full: Literal[True] | None = None
    start: datetime | None = Field(default=None, alias="from")


class Manifest(_Told):
    """A night folder's manifest."""

    source: str
    window: Window
    files: tuple[File, ...]

    def rows_by_table(self) -> Mapping[str, int]:
        """Return how many rows were announced for each table."""
        rows: Counter[str] = Counter()
        for file in self.files:
            rows[file.table] += file.rows
        return dict(rows)


def read_manifest(feed: str, spec: SftpSpec, body: bytes, *, after: str) -> Manifest:
    """Read a manifest and hold a delivery that is not ours, not whole or too late.

    ``after`` is the last night folder taken: an extract that starts later than that
    night would leave a gap that nothing could fill afterwards.
    """
    try:
        manifest = Manifest.model_validate_json(body)
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


def _invalid(feed: str, error: ValidationError) -> DeliveryHeld:
    """Name the manifest's keys that are wrong, never what they hold."""
    keys = sorted({".".join(map(str, e["loc"])) or "JSON" for e in error.errors()})
    return held("MANIFEST_INVALID", feed, f"wrong or missing: {', '.join(keys[:5])}")


def _check_tables(feed: str, spec: SftpSpec, manifest: Manifest) -> None:
    """Raise if tables are missing, unasked for, or files are listed twice."""
    told = {file.table for file in manifest.files}
    if missing := sorted(set(spec.tables) - told):
        raise held("MANIFEST_INCOMPLETE", feed, f"no file for {', '.join(missing)}")
    if told - set(spec.tables):
        detail = "the manifest lists a table that the contract does not have"
        raise held(
            "UNEXPECTED_TABLE", feed, detail, tables=len(told - set(spec.tables))
        )
    if len({file.name for file in manifest.files}) < len(manifest.files):
        raise held("MANIFEST_INVALID", feed, "a file is listed twice")
    total = sum(file.bytes for file in manifest.files)
    if total > spec.max_bytes:
        detail = "the announced bytes exceed the contract's maxBytes"
        raise held("MANIFEST_INVALID", feed, detail, bytes=total)
