"""How many records have another person id than last night."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

LIMIT = 0.005
"""Above this share a person must look before the night goes on."""

FLOOR = 10
"""So few records never stop a night: in a small county one correction is a per cent."""


@dataclass(frozen=True)
class Churn:
    """Records linked last night and tonight, and those whose id changed."""

    records: int
    changed: int

    @property
    def share(self) -> float:
        """Return the share of records whose id changed."""
        return self.changed / self.records if self.records else 0.0

    def exceeds(self, limit: float) -> bool:
        """Say whether more changed than a night may change by itself."""
        return self.changed > FLOOR and self.share > limit


def churn(assignments: pa.Table, previous: pa.Table | None) -> Churn:
    """Compare tonight's person ids with last night's, record by record."""
    if previous is None:
        return Churn(0, 0)
    places = pc.index_in(
        assignments["record_key"], previous["record_key"].combine_chunks()
    )
    before = previous["person_id"].take(places)
    changed = pc.not_equal(before, assignments["person_id"])
    stayed = len(places) - places.null_count
    return Churn(stayed, pc.sum(changed.cast(pa.int64())).as_py() or 0)
