"""The columns file: what an agency's CSV holds, and which of it is encoded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from concord.contracts.yaml_lines import Document, parse
from concord.pprl.values import DATE, FieldName, Mode


class Columns(BaseModel):
    """Which column is what, as ``docs/how-to/encode_without_names.md`` describes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    record_id: str = Field(alias="recordId")
    fields: Mapping[FieldName, str | Annotated[tuple[str, ...], Field(min_length=1)]]
    date_format: str = Field(default="%Y-%m-%d", alias="dateFormat")
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    unknown: tuple[str, ...] = ()
    mode: Mode = "hardened"
    plain_agreed: str | None = Field(default=None, alias="plainAgreed", min_length=20)

    @model_validator(mode="after")
    def _enough(self) -> "Columns":
        """Refuse what could link nobody, and weak encodings that nobody agreed to."""
        needed = {"given_name", "surname", "birth_date"} - set(self.fields)
        if needed:
            raise ValueError(f"fields lack {', '.join(sorted(needed))}")
        if self.mode == "plain" and self.plain_agreed is None:
            raise ValueError(
                "mode 'plain' is recoverable by whoever knows some of the people; "
                "say in plainAgreed who agreed to it and where"
            )
        return self

    @property
    def sources(self) -> dict[FieldName, tuple[str, ...]]:
        """Return the CSV's columns that make up each field."""
        return {
            field: (of,) if isinstance(of, str) else tuple(of)
            for field, of in self.fields.items()
        }


def load_columns(path: Path) -> Columns:
    """Read a columns file; raises ContractError with file, line, value and remedy."""
    document = Document(path)
    columns = parse(document, Columns)
    if "%" not in columns.date_format:
        raise document.fail(
            ("dateFormat",),
            f"'{columns.date_format}' is no date format",
            f"Write it as in %Y-%m-%d or {DATE}",
        )
    return columns
