"""What a contract says about its transport: one frozen model per kind."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./-]*$")]
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
FileName = Annotated[str, StringConstraints(pattern=f"^{FILE_NAME}$")]
FilePattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.*?\[\]-]+$")]
FolderName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.-]|%[Ymd])+$")]
ARCHIVE = "archive"  # stands for the table of a zip that holds several
Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class TransportSpec(BaseModel, ABC):
    """Limits that every transport keeps; YAML keys are in camelCase."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    timeout_seconds: float = Field(default=30, gt=0, le=600)
    deadline_seconds: float = Field(default=3600, gt=0)
    max_bytes: int = Field(default=20 * 2**30, gt=0)

    @property
    @abstractmethod
    def table_names(self) -> tuple[str, ...]:
        """Return the physical names of the tables that this transport fetches."""


class NightFolderSpec(TransportSpec):
    """Night folders ``<path>/<night>/``, complete by manifest or once still.

    Where ``complete`` is ``stable``, ``files`` names each table's files by pattern.
    ``archive`` is the pattern of zips that hold several tables.
    """

    path: UrlPath
    tables: Names
    folder_name: FolderName = "%Y%m%d"
    complete: Literal["manifest", "stable"] = "manifest"
    stable_seconds: float = Field(default=30, ge=0, le=600)
    files: Mapping[Name, FilePattern] = Field(default_factory=dict)
    archive: FilePattern | None = None
    checksum_files: bool = False
    manifest: FileName = "manifest.json"
    manifest_source: str | None = None
    records: Literal["csv", "lines", "uncounted"] = "csv"

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the tables that a delivery must hold."""
        return self.tables

    @property
    def patterns(self) -> Mapping[str, str]:
        """Return the pattern of each table's files, and of archives."""
        return {**self.files, **({ARCHIVE: self.archive} if self.archive else {})}

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        """Raise if a listing would not show which nights and tables there are."""
        if not all(code in self.folder_name for code in ("%Y", "%m", "%d")):
            raise ValueError("folderName needs %Y, %m and %d")
        if unknown := set(self.files) - set(self.tables):
            raise ValueError(f"files names no table of tables: {sorted(unknown)}")
        missing = set(self.tables) - set(self.files)
        if self.complete == "stable" and missing and not self.archive:
            raise ValueError(f"files has no pattern for {sorted(missing)}")
        return self


class SftpSpec(NightFolderSpec):
    """Night folders on an SFTP server."""

    kind: Literal["sftp"]
    retries: int = Field(default=5, ge=0, le=20)
    backoff_seconds: float = Field(default=0.5, ge=0, le=60)


class FolderSpec(NightFolderSpec):
    """Night folders on a disk or in an object store."""

    kind: Literal["folder"]


class TableQuery(BaseModel):
    """Which columns of which table or view; ``changed_by`` finds what is new."""

    model_config = TransportSpec.model_config

    from_: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_]\w*)?$")
    ] = Field(alias="from")
    columns: Names
    changed_by: Name | None = None
    overlap_seconds: int = Field(default=3600, ge=0)


class DatabaseSpec(TransportSpec):
    """Tables or views of an agency's database, whole or what changed in them."""

    kind: Literal["database"]
    tables: Annotated[Mapping[Name, TableQuery], Field(min_length=1)]

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the tables that are asked for."""
        return tuple(self.tables)


class HttpSpec(TransportSpec):
    """Retry limits that every HTTP transport keeps."""

    retries: int = Field(default=5, ge=0, le=20)
    backoff_seconds: float = Field(default=0.5, ge=0)
    retry_after_max_seconds: int = Field(default=120, ge=0)


class RestSpec(HttpSpec):
    """Full snapshots from paged JSON resources behind OAuth2 client credentials."""

    kind: Literal["rest"]
    base_path: UrlPath
    token_path: UrlPath
    resources: Names
    page_size: int = Field(ge=1)
    data_path: str = "data"
    next_path: str = "paging.next"
    total_path: str = "paging.total"
    night_path: str | None = None

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the resources."""
        return self.resources


class EdFiSpec(HttpSpec):
    """Changes since the last night from an Ed-Fi ODS/API."""

    kind: Literal["edfi"]
    resources: Names
    page_size: int = Field(default=500, ge=1, le=500)
    namespace: Name = "ed-fi"

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the resources."""
        return self.resources


class FhirBulkSpec(HttpSpec):
    """Changes since the last night from a FHIR R4 bulk data export of one group."""

    kind: Literal["fhir_bulk"]
    group: Name
    types: Names
    base_path: UrlPath = "/fhir"
    poll_seconds: float = Field(default=10, ge=0)
    poll_max_seconds: int = Field(default=300, ge=0)

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the resource types."""
        return self.types
