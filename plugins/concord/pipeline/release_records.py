"""What the ledger records of a release, read from its manifest."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from concord.landing.records import ReleaseRecord
from concord.publication.manifest import rows_by_table


def as_record(
    profile: str, number: int, manifest: Mapping[str, Any], at: datetime
) -> ReleaseRecord:
    """Return what the ledger records of a release that its manifest describes."""
    return ReleaseRecord(
        profile=profile,
        number=number,
        night=date.fromisoformat(manifest["night"]),
        digest=manifest["content_digest"],
        persons_id=manifest["persons_id"],
        rows=rows_by_table(manifest),
        inputs=tuple(manifest["inputs"]),
        risk=dict(manifest["risks"][0]) if manifest["risks"] else {},
        at=at,
    )
