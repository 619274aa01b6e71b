"""The journal's notes, put back into a ledger that is being rebuilt."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from concord.landing import schema
from concord.landing.history import CrossCheck
from concord.landing.journal import Note
from concord.landing.ledger import Ledger
from concord.landing.records import FeedNight, RuleCount, TableCount
from concord.landing.release_log import ReleaseEvent
from concord.validation.states import Outcome

NIGHTS = TypeAdapter(FeedNight)
CHECKS = TypeAdapter(CrossCheck)
TABLES = TypeAdapter(tuple[TableCount, ...])
RULES = TypeAdapter(tuple[RuleCount, ...])
LANDED = ("landed", "landed_again")


class Replay:
    """Repeats notes in their order, once deliveries and states are back."""

    def __init__(self, ledger: Ledger, notes: Sequence[Note]) -> None:
        self.ledger = ledger
        self.notes = notes
        self.checked: dict[str, Outcome] = {}
        self.landings = {
            note.facts["facts"]["delivery"]
            for note in notes
            if note.kind == "event" and note.facts["event"] in LANDED
        }
        self.nights = {
            (note.facts["feed"], date.fromisoformat(note.facts["night"]))
            for note in notes
            if note.kind in ("night", "staged")
        }
        staged = {
            (note.facts["feed"], date.fromisoformat(note.facts["night"])): note
            for note in notes
            if note.kind == "staged"
        }
        self._waiting = {k for k, note in staged.items() if note.facts["state_id"]}

    def is_staged(self, feed: str, night: date) -> bool:
        """Say whether a night of a backfill still waits for the others."""
        return (feed, night) in self._waiting

    def run(self) -> None:
        """Put back everything that the journal noted."""
        kinds = {
            "event": self._event,
            "night": self._night,
            "staged": self._staged,
            "landed_on": self._landed_on,
            "outcome": self._outcome,
            "superseded": self._superseded,
            "memory": self._memory,
            "cross_check": self._cross_check,
            "release_event": self._release_event,
        }
        for note in self.notes:
            kinds[note.kind](note.facts)

    def _event(self, facts: Mapping[str, Any]) -> None:
        row = {
            "at": datetime.fromisoformat(facts["at"]),
            "kind": facts["event"],
            "night": date.fromisoformat(facts["night"]),
            "feed": facts["feed"],
            "facts": facts["facts"],
        }
        self._execute(sa.insert(schema.audit_event).values(**row))

    def _night(self, facts: Mapping[str, Any]) -> None:
        night = NIGHTS.validate_python(facts)
        self._put(schema.feed_night, night.feed, night.night, vars(night))

    def _staged(self, facts: Mapping[str, Any]) -> None:
        night = date.fromisoformat(facts["night"])
        row = {**facts, "night": night} if facts["state_id"] else None
        self._put(schema.staged_night, facts["feed"], night, row)

    def _landed_on(self, facts: Mapping[str, Any]) -> None:
        landed_on = date.fromisoformat(facts["landed_on"])
        delivery = schema.delivery
        self._execute(
            sa.update(delivery)
            .where(delivery.c.id == facts["id"])
            .values(landed_on=landed_on)
        )

    def _outcome(self, facts: Mapping[str, Any]) -> None:
        """Put back what was held; of what was checked, its state says what came."""
        delivery = facts["id"]
        if "tables" in facts:
            tables = TABLES.validate_python(facts["tables"])
            rules = RULES.validate_python(facts["rules"])
            self.ledger.record_outcome(delivery, "held", tables, rules)
        elif delivery in self.checked:
            known = self.checked[delivery]
            self.ledger.record_outcome(delivery, "checked", known.tables, known.rules)

    def _superseded(self, facts: Mapping[str, Any]) -> None:
        before = date.fromisoformat(facts["before"])
        self.ledger.supersede_held(facts["feed"], before)

    def _memory(self, facts: Mapping[str, Any]) -> None:
        self.ledger.remember(facts["feed"], facts["name"], facts["value"])

    def _cross_check(self, facts: Mapping[str, Any]) -> None:
        check = CHECKS.validate_python(facts)
        self.ledger.history.record_cross_checks(check.night, [check])

    def _release_event(self, facts: Mapping[str, Any]) -> None:
        rest = {name: v for name, v in facts.items() if name not in ("event", "at")}
        at = datetime.fromisoformat(facts["at"])
        event = ReleaseEvent(kind=facts["event"], at=at, **rest)
        self.ledger.decisions.put(event)

    def _put(
        self, table: sa.Table, feed: str, night: date, row: Mapping[str, Any] | None
    ) -> None:
        """Put a feed's row of a night in place of what is there."""
        same = sa.and_(table.c.feed == feed, table.c.night == night)
        self._execute(sa.delete(table).where(same))
        if row is not None:
            self._execute(sa.insert(table).values(**row))

    def _execute(self, statement: sa.Executable) -> None:
        with self.ledger.engine.begin() as connection:
            connection.execute(statement)
