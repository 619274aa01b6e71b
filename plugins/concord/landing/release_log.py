"""What people decided of each release: appended, attributed, chained by hashes.

An event's digest covers the one before it, so that none can be changed, left out or put
in between without every later digest telling.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from concord.exceptions import GateRefused, IntegrityError
from concord.landing.schema import release_event

BEGINNING = "0" * 64


@dataclass(frozen=True)
class ReleaseEvent:
    """One decision: of which release, what, by whom, when, on what facts."""

    profile: str
    number: int
    place: int
    kind: str
    by: str
    at: datetime
    facts: Mapping[str, Any]
    previous: str

    @property
    def digest(self) -> str:
        """Return the hash over this event and, by it, all before it."""
        at = self.at.astimezone(UTC) if self.at.tzinfo else self.at.replace(tzinfo=UTC)
        told = {**vars(self), "at": at.isoformat(), "facts": dict(self.facts)}
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class ReleaseLog:
    """Appends decisions on releases to the ledger, and reads them in order."""

    def __init__(
        self,
        engine: sa.Engine,
        writing: Callable[[], AbstractContextManager[sa.Connection]],
        note: Callable[..., None],
    ) -> None:
        self.engine = engine
        self.writing = writing
        self.note = note

    def append(
        self,
        profile: str,
        number: int,
        kind: str,
        by: str,
        at: datetime,
        facts: Mapping[str, Any],
        *,
        after: int,
    ) -> ReleaseEvent:
        """Add a decision that was taken when the release had ``after`` events.

        Raises:
            GateRefused: Somebody decided something else meanwhile.
        """
        known = self.events(profile, number)
        previous = known[after - 1].digest if 0 < after <= len(known) else BEGINNING
        event = ReleaseEvent(profile, number, after, kind, by, at, facts, previous)
        taken = len(known) != after
        try:
            if not taken:
                self.put(event)
        except sa.exc.IntegrityError:
            taken = True
        if taken:
            raise GateRefused(
                "DECIDED_MEANWHILE",
                f"release {number} of {profile} was decided on by somebody else",
                "Look at it again with concord release show, then decide",
            )
        return event

    def put(self, event: ReleaseEvent) -> None:
        """Write an event as it is; a place that is taken is an error."""
        row = {**vars(event), "digest": event.digest}
        with self.writing() as connection:
            connection.execute(sa.insert(release_event).values(**row))
            told = {name: v for name, v in vars(event).items() if name != "kind"}
            self.note("release_event", event=event.kind, **told)

    def events(self, profile: str, number: int) -> tuple[ReleaseEvent, ...]:
        """Return what was decided of a release, in order.

        Raises:
            IntegrityError: The record was changed: a hash does not follow.
        """
        query = (
            sa.select(release_event)
            .where(release_event.c.profile == profile)
            .where(release_event.c.number == number)
            .order_by(release_event.c.place)
        )
        events, before = [], BEGINNING
        with self.engine.connect() as connection:
            for place, row in enumerate(connection.execute(query).mappings()):
                values = {k: v for k, v in row.items() if k != "digest"}
                event = ReleaseEvent(**values)
                follows = (event.place, event.previous) == (place, before)
                if not follows or event.digest != row["digest"]:
                    raise IntegrityError(
                        f"the ledger's record of release {number} of {profile} was "
                        f"changed at decision {place}. Restore the ledger from backup"
                    )
                events.append(event)
                before = event.digest
        return tuple(events)

    def numbers(self, profile: str) -> tuple[int, ...]:
        """Return the releases of a profile of which something was decided."""
        query = (
            sa.select(release_event.c.number)
            .where(release_event.c.profile == profile)
            .distinct()
            .order_by(release_event.c.number)
        )
        with self.engine.connect() as connection:
            return tuple(connection.execute(query).scalars())
