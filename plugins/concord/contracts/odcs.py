"""The parts of the Open Data Contract Standard v3.1 that our contracts use.

Unknown keys are refused, so a misspelt one can never be silently ignored. What the
standard has no key for stands in ``customProperties``, as the standard asks.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class CustomProperty(Strict):
    """One of our additions to the standard."""

    property: str
    value: Any


class LogicalTypeOptions(Strict):
    """Limits on the values of a property."""

    pattern: str | None = None
    min_length: int | None = Field(default=None, alias="minLength")
    max_length: int | None = Field(default=None, alias="maxLength")
    minimum: float | str | None = None
    maximum: float | str | None = None


class Relationship(Strict):
    """A foreign key: ``to`` is ``table.property`` of the same contract."""

    type: Literal["foreignKey"] = "foreignKey"
    to: str


LogicalType = Literal["string", "date", "timestamp", "integer", "number", "boolean"]
Classification = Literal["public", "internal", "confidential", "restricted"]


class Property(Strict):
    """One column."""

    name: str
    physical_name: str = Field(alias="physicalName")
    logical_type: LogicalType = Field(alias="logicalType")
    options: LogicalTypeOptions = Field(
        default=LogicalTypeOptions(), alias="logicalTypeOptions"
    )
    required: bool = False
    unique: bool = False
    primary_key: bool = Field(default=False, alias="primaryKey")
    primary_key_position: int = Field(default=-1, alias="primaryKeyPosition")
    classification: Classification
    description: str = Field(min_length=8)
    relationships: tuple[Relationship, ...] = ()
    custom_properties: tuple[CustomProperty, ...] = Field(alias="customProperties")


class SchemaObject(Strict):
    """One table."""

    name: str
    physical_name: str = Field(alias="physicalName")
    logical_type: Literal["object"] = Field(default="object", alias="logicalType")
    description: str = Field(min_length=8)
    properties: tuple[Property, ...] = Field(min_length=1)
    custom_properties: tuple[CustomProperty, ...] = Field(
        default=(), alias="customProperties"
    )


class Description(Strict):
    """What the data are for, how they are used and where they fall short."""

    purpose: str
    usage: str
    limitations: str


class TeamMember(Strict):
    """Somebody who answers for the feed; a role address, never a person's name."""

    username: str
    role: str


class Team(Strict):
    """Who answers for the feed."""

    name: str
    members: tuple[TeamMember, ...]


class DataContract(Strict):
    """An ODCS v3.1 data contract."""

    api_version: Literal["v3.1.0"] = Field(alias="apiVersion")
    kind: Literal["DataContract"]
    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    domain: str
    description: Description
    team: Team
    schema_: tuple[SchemaObject, ...] = Field(alias="schema", min_length=1)
    custom_properties: tuple[CustomProperty, ...] = Field(alias="customProperties")
