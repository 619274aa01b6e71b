"""The manifest of a bulk data export and the outcomes that it reports."""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from concord.transport.documents import Document
from concord.transport.problems import failed, held

Text = Annotated[str, StringConstraints(min_length=1, max_length=8000)]
TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{0,63}$")]
SERIOUS = frozenset({"error", "fatal"})
INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"


def _exists(text: str) -> str:
    """Refuse an instant that no calendar has."""
    datetime.fromisoformat(text)
    return text


def _tallied(told: Any) -> Any:
    """Read counts by severity as drafts wrote them too: an object, not a list."""
    if isinstance(told, Mapping):
        return [{"code": code, "count": count} for code, count in told.items()]
    return told


Instant = Annotated[str, StringConstraints(pattern=INSTANT), AfterValidator(_exists)]
Count = Annotated[int, Field(ge=0)]


class _Lenient(BaseModel):
    """A part of a manifest: what we do not use may be anything."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, told: Any) -> Any:
        """Read a null as what is not there."""
        if isinstance(told, Mapping):
            return {key: value for key, value in told.items() if value is not None}
        return told


class SeverityCount(_Lenient):
    """How many outcomes of a file are of one severity."""

    code: Text
    count: Count


class ListedFile(_Lenient):
    """One file of an export."""

    url: Text
    count: Count | None = None


class OutputFile(ListedFile):
    """One file of resources of one type."""

    type: TypeName


class OutcomeFile(ListedFile):
    """One file of what the server has to say about the export."""

    tally: Annotated[tuple[SeverityCount, ...], BeforeValidator(_tallied)] = Field(
        default=(), alias="countSeverity"
    )


class Link(_Lenient):
    """Where another part of the manifest lies."""

    relation: Text
    url: Text


class ExportManifest(_Lenient):
    """The files of a finished export, or a part of them with a link to the next."""

    transaction_time: Instant = Field(alias="transactionTime")
    needs_token: bool = Field(alias="requiresAccessToken", strict=True)
    output: tuple[OutputFile, ...] = ()
    deleted: tuple[ListedFile, ...] = ()
    error: tuple[OutcomeFile, ...] = ()
    outcome: tuple[OutcomeFile, ...] = ()
    link: tuple[Link, ...] = ()

    @classmethod
    def read(cls, feed: str, body: bytes) -> Self:
        """Read a manifest; what is wrong is named by key, never by value."""
        Document(feed, "the manifest", body)
        wrong: list[str] = []
        try:
            return cls.model_validate_json(body.removeprefix(BOM_UTF8))
        except ValidationError as error:
            wrong = sorted({".".join(map(str, e["loc"])) for e in error.errors()})
        detail = f"the manifest is wrong at {', '.join(wrong[:5]) or 'its start'}"
        raise failed("PROTOCOL", feed, detail)

    @property
    def outcomes(self) -> tuple[OutcomeFile, ...]:
        """Return the files of outcomes, which editions name differently."""
        return self.error + self.outcome

    @property
    def next_url(self) -> str:
        """Return where the next part lies; empty in the last."""
        return next((link.url for link in self.link if link.relation == "next"), "")


def is_before(one: str, other: str) -> bool:
    """Compare two instants that were checked when they were read."""
    return datetime.fromisoformat(one) < datetime.fromisoformat(other)


def check_outcomes(feed: str, body: bytes, file: OutcomeFile) -> None:
    """Hold an export whose outcomes say that something is missing from it."""
    lines = list(filter(None, map(bytes.strip, body.split(b"\n"))))
    found: Counter[str] = Counter()
    for line in lines:
        issues = Document(feed, "the export's outcomes", line).items("issue")
        found.update({str(i.get("severity")) for i in issues if isinstance(i, dict)})
    if serious := sum(found[severity] for severity in SERIOUS):
        detail = "the export reports errors; their text is in landing only"
        raise held("EXPORT_ERRORS", feed, detail, issues=serious)
    told = {entry.code: entry.count for entry in file.tally}
    if file.count not in (None, len(lines)) or any(
        found[code] != count for code, count in told.items()
    ):
        detail = "the export's outcomes are not as many as the manifest says"
        raise held("COUNT_MISMATCH", feed, detail, found=len(lines))
