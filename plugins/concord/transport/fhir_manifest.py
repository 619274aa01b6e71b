"""The manifest of a bulk data export and the outcomes that it reports."""

from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from concord.transport.documents import Document
from concord.transport.problems import failed, held

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{0,63}$")]
SERIOUS = frozenset({"error", "fatal"})


def _is_instant(text: str) -> str:
    """Refuse a text that is not a date, a time and an offset."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no offset")
    return text


Instant = Annotated[Text, AfterValidator(_is_instant)]


class ExportFile(BaseModel):
    """One file of an export."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: TypeName
    url: Text
    count: int | None = Field(default=None, ge=0)


class ExportManifest(BaseModel):
    """Every file of a finished export."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    transaction_time: Instant = Field(alias="transactionTime")
    needs_token: bool = Field(alias="requiresAccessToken")
    output: tuple[ExportFile, ...]
    deleted: tuple[ExportFile, ...] = ()
    error: tuple[ExportFile, ...] = ()
    link: tuple[object, ...] = ()

    @classmethod
    def read(cls, feed: str, body: bytes) -> "ExportManifest":
        """Read a manifest; what is wrong is named by key, never by value."""
        try:
            manifest = cls.model_validate_json(body)
        except ValidationError as error:
            keys = sorted({".".join(map(str, e["loc"])) for e in error.errors()})
            detail = f"the manifest is wrong at {', '.join(keys[:5]) or 'its start'}"
            raise failed("PROTOCOL", feed, detail) from None
        if manifest.link:
            detail = "the manifest comes in parts, which was not asked for"
            raise failed("PROTOCOL", feed, detail)
        return manifest


def check_outcomes(feed: str, body: bytes) -> None:
    """Hold an export whose outcomes say that something is missing from it."""
    serious = 0
    for line in filter(None, map(bytes.strip, body.split(b"\n"))):
        outcome = Document(feed, "the export's outcomes", line)
        issues = outcome.items("issue")
        severities = [i.get("severity") for i in issues if isinstance(i, dict)]
        serious += sum(severity in SERIOUS for severity in severities)
    if serious:
        detail = "the export reports errors; their text is in landing only"
        raise held("EXPORT_ERRORS", feed, detail, issues=serious)
