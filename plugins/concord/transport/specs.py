"""What a contract says about its transport: one frozen model per kind."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")]
FhirId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
SearchText = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*\?[!-~]+$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./-]*$")]
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
FileName = Annotated[str, StringConstraints(pattern=f"^{FILE_NAME}$")]
FilePattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.*?\[\]-]+$")]
FolderName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.-]|%[Ymd])+$")]
ARCHIVE = "archive"  # stands for the table of a zip that holds several
Address = Annotated[str, StringConstraints(pattern=r"^(https?:/)?/[A-Za-z0-9_.:/-]*$")]
Scope = Annotated[str, StringConstraints(pattern=r"^[!-~]+( [!-~]+)*$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class TransportSpec(BaseModel, ABC):
    """Limits that every transport keeps; YAML keys are in camelCase."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    refreshable: ClassVar[bool] = False
    """Whether a system that tells changes can also be asked for everything."""

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
    """Retry limits that every HTTP transport keeps: for a request, and for a visit."""

    retries: int = Field(default=5, ge=0, le=20)
    retry_budget: int = Field(default=50, ge=0)
    backoff_seconds: float = Field(default=0.5, ge=0)
    retry_after_max_seconds: int = Field(default=120, ge=0)


class RestSpec(HttpSpec):
    """Full snapshots from paged JSON resources, behind OAuth2 or an API key.

    ``next_path`` is where a page says what follows it: an address or a cursor; without
    it, the ``Link`` header says the address.
    """

    kind: Literal["rest"]
    base_path: UrlPath
    token_path: UrlPath | None = None
    api_key_header: HeaderName | None = None
    scope: Scope | None = None
    resources: Names
    page_size: int = Field(ge=1)
    paging: Literal["link", "offset", "page", "cursor"] = "link"
    limit_param: Name = "limit"
    offset_param: Name = "offset"
    page_param: Name = "page"
    cursor_param: Name = "cursor"
    data_path: str = "data"
    next_path: str | None = "paging.next"
    total_path: str | None = "paging.total"
    total_header: HeaderName | None = None
    key_path: str | None = None
    night_path: str | None = None

    @model_validator(mode="after")
    def _has_one_login(self) -> Self:
        """Refuse no login, and two."""
        if (self.token_path is None) == (self.api_key_header is None):
            raise ValueError("give tokenPath or apiKeyHeader")
        return self

    @model_validator(mode="after")
    def _says_where_cursors_are(self) -> Self:
        """Refuse cursors that stand nowhere."""
        if self.paging == "cursor" and self.next_path is None:
            raise ValueError("paging: cursor needs nextPath")
        return self

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the resources."""
        return self.resources


class EdFiUrls(BaseModel):
    """Where an Ed-Fi host without a discovery document has its three doors."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    oauth: Address
    data_management_api: Address
    change_queries: Address


class EdFiSpec(HttpSpec):
    """Changes since the last night from an Ed-Fi ODS/API."""

    refreshable: ClassVar[bool] = True

    kind: Literal["edfi"]
    resources: Names
    page_size: int = Field(default=500, ge=1, le=500)
    namespace: Name = "ed-fi"
    discovery_path: UrlPath = "/"
    urls: EdFiUrls | None = None
    instance: Name | None = None
    year: int | None = Field(default=None, ge=1900, le=2999)
    paging: Literal["offset", "cursor"] = "offset"
    partitions: int = Field(default=0, ge=0, le=200)
    step_size: int | None = Field(default=None, ge=1)
    snapshot: bool = False
    key_changes: bool = True

    @model_validator(mode="after")
    def _partitions_need_cursors(self) -> Self:
        """Refuse partitions of pages that are counted by offset."""
        if self.partitions and self.paging != "cursor":
            raise ValueError("partitions need paging: cursor")
        return self

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the resources."""
        return self.resources

    @property
    def place(self) -> str:
        """Return the part of a path that names instance and school year, if any."""
        year = str(self.year) if self.year else None
        return "/".join(filter(None, (self.instance, year)))


class FhirBulkSpec(HttpSpec):
    """Changes since the last night from a FHIR R4 bulk data export."""

    refreshable: ClassVar[bool] = True

    kind: Literal["fhir_bulk"]
    edition: Literal["STU1", "STU2", "STU3", "STU4"] = "STU2"
    level: Literal["group", "patient", "system"] = "group"
    group: FhirId | None = Field(default=None, validate_default=True)
    kickoff: Literal["get", "post"] | None = Field(default=None, validate_default=True)
    types: Names
    type_filters: tuple[SearchText, ...] = ()
    allow_partial_manifests: bool = False
    base_path: UrlPath = "/fhir"
    auth: Literal["backend_services", "none"] = "backend_services"
    scopes: Literal["auto", "v1", "v2"] = "auto"
    token_url: Address | None = None
    poll_seconds: float = Field(default=10, ge=0)
    poll_max_seconds: int = Field(default=300, ge=0)
    resume_hours: float = Field(default=36, ge=0)
    deleted_counts: Literal["held_to", "ignored"] = "held_to"

    @field_validator("group")
    @classmethod
    def _group_only_for_groups(
        cls, group: str | None, info: ValidationInfo
    ) -> str | None:
        """Refuse a group export without a group, and a group for another export."""
        level = info.data.get("level")
        if (group is None) is (level == "group"):
            raise ValueError(f"level {level} and group do not go together")
        return group

    @field_validator("kickoff")
    @classmethod
    def _known_to_the_edition(
        cls, kickoff: str | None, info: ValidationInfo
    ) -> str | None:
        """Refuse a request that the edition of the specification does not have."""
        edition = info.data.get("edition")
        if (edition, kickoff) in (("STU4", "get"), ("STU1", "post")):
            raise ValueError(f"{edition} has no such export request")
        return kickoff or ("post" if edition == "STU4" else "get")

    @property
    def export_path(self) -> str:
        """Return the path of the export operation."""
        below = {"group": f"/Group/{self.group}", "patient": "/Patient", "system": ""}
        return f"{self.base_path.rstrip('/')}{below[self.level]}/$export"

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the resource types."""
        return self.types
