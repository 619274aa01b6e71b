"""What a contract says about its transport: one frozen model per kind."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")]
FhirId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
SearchText = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*\?[!-~]+$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[!-?A-~]+$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./-]*$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
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


class SftpSpec(TransportSpec):
    """Night folders ``<path>/<YYYYMMDD>/`` with a manifest written last."""

    kind: Literal["sftp"]
    path: UrlPath
    tables: Names
    manifest: FileName = "manifest.json"
    manifest_source: str | None = None
    records: Literal["csv", "lines", "uncounted"] = "csv"

    @property
    def table_names(self) -> tuple[str, ...]:
        """Return the tables that a manifest must list."""
        return self.tables


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
    """Changes since the last night from a FHIR R4 bulk data export."""

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
    token_url: UrlPath | Url | None = None
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
