"""A ledger for a backfill: its nights show to nobody else until all are done."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from concord.landing.ledger import Ledger
from concord.landing.records import FeedNight, FeedState, FeedStatus, now
from concord.landing.schema import feed_night, staged_night


class StagedLedger(Ledger):
    """The same ledger, but checked nights of one feed are kept aside.

    They are kept in the ledger, so a backfill that was cut short can be finished.
    """

    def __init__(self, ledger: Ledger, feed: str) -> None:
        self.__dict__.update(vars(ledger))  # the same connections and the same lock
        self.feed = feed

    def record_feed_night(
        self,
        feed: str,
        night: date,
        status: FeedStatus,
        *,
        state_id: str | None = None,
        **trouble: str | None,
    ) -> None:
        """Keep a checked night aside; that a feed was late or held shows at once."""
        if status != "checked":
            with self._writing() as connection:
                gone = connection.execute(
                    sa.delete(staged_night).where(self._is(night))
                )
                if gone.rowcount:
                    self._note("staged", feed=feed, night=night, state_id=None)
            super().record_feed_night(feed, night, status, state_id=state_id, **trouble)
            return
        row = {"feed": feed, "night": night, "state_id": state_id}
        with self._writing() as connection:
            self._put(connection, staged_night, row)
            self._note("staged", **row)

    def feed_nights(self, night: date | None = None) -> tuple[FeedNight, ...]:
        """Return the standing of every feed as it will be."""
        nights = {(n.feed, n.night): n for n in super().feed_nights(night)}
        for staged in self.staged():
            if night in (None, staged.night):
                nights[staged.feed, staged.night] = staged
        return tuple(nights[key] for key in sorted(nights, key=lambda k: (k[1], k[0])))

    def state_as_of(self, feed: str, night: date) -> FeedState | None:
        """Return the last good state of a feed as it will be."""
        good = [
            n
            for n in self.feed_nights()
            if n.feed == feed and n.night <= night and n.status == "checked"
        ]
        if not good:
            return None
        newest = good[-1]
        carried = newest.night != night
        return FeedState(feed, newest.night, newest.state_id or "", carried)

    def advance(self, feed: str, cursor: str, night: date) -> None:
        """Leave the watermark: it moves when the nights show."""

    def watermark_before(self, feed: str, night: date) -> str | None:
        """Return how far the nights before this one have been taken, aside or not."""
        earlier = [
            delivery.cursor
            for delivery in self.deliveries(feed)
            if delivery.state == "checked" and delivery.night < night
        ]
        return earlier[-1] if earlier else super().watermark_before(feed, night)

    def _is(self, night: date) -> sa.ColumnElement[bool]:
        return sa.and_(staged_night.c.feed == self.feed, staged_night.c.night == night)

    def staged(self) -> tuple[FeedNight, ...]:
        """Return the nights that are kept aside, in order."""
        query = (
            sa.select(staged_night)
            .where(staged_night.c.feed == self.feed)
            .order_by(staged_night.c.night)
        )
        return tuple(_checked(row, self.feed) for row in self._rows(query))

    def show(self) -> None:
        """Let every staged night show, all at once, and move the watermark."""
        staged = self.staged()
        with self._writing() as connection:
            for row in staged:
                self._put(connection, feed_night, row)
                self._note("staged", feed=row.feed, night=row.night, state_id=None)
                self._note("night", **vars(row))
            connection.execute(
                sa.delete(staged_night).where(staged_night.c.feed == self.feed)
            )
        for delivery in self.deliveries(self.feed):
            if delivery.state == "checked":
                super().advance(self.feed, delivery.cursor, delivery.night)


def _checked(row: dict[str, Any], feed: str) -> FeedNight:
    return FeedNight(
        feed, row["night"], "checked", row["state_id"], None, None, None, now()
    )
