"""Why a person id changed: each event with its reason, night and run."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Reason = Literal["decision", "model", "records"]
"""A decision that began or ended tonight, a model that began tonight, or else records
that came, went or changed."""


def explained(
    events: pa.Table,
    *,
    decided: Iterable[str],
    model_changed: bool,
    night: date,
    run: str,
) -> pa.Table:
    """Add to events the reason, the night and the run.

    Args:
        events: The events of an assignment of person ids.
        decided: Person ids, of tonight and of the night before, of the records about
            which a decision began or ended tonight.
        model_changed: Whether another model linked last night.
        night: The night.
        run: The linkage's name in the vault.
    """
    touched = pa.array(sorted(decided), pa.string())
    by_decision = pc.and_(
        pc.is_in(events["person_id"], value_set=touched),
        pc.is_in(
            pc.coalesce(events["other_person_id"], events["person_id"]),
            value_set=touched,
        ),
    )
    otherwise: Reason = "model" if model_changed else "records"
    count = events.num_rows
    return (
        events.append_column("reason", pc.if_else(by_decision, "decision", otherwise))
        .append_column("night", pa.repeat(pa.scalar(night, pa.date32()), count))
        .append_column("run", pa.repeat(pa.scalar(run, pa.string()), count))
    )


def ids_of(keys: Iterable[str], *assignments: pa.Table | None) -> set[str]:
    """Return the person ids that records have in any of the assignments."""
    named = pa.array(sorted(keys), pa.string())
    return {
        person
        for table in assignments
        if table is not None
        for person in table.filter(pc.is_in(table["record_key"], value_set=named))[
            "person_id"
        ].to_pylist()
    }
