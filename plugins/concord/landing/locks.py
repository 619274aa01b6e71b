"""One worker a feed and night: a lock that a dead holder loses and no zombie keeps.

A lock has a holder, a time at which it ends unless it is prolonged, and a token that
grows with each taking. Whoever writes for a night shows its token in the transaction
that writes (``hold``); where a newer holder has taken over, the write is refused. So a
process that slept through its time and wakes up cannot write over its successor.

Times are those of the ledger's own clock, since the clocks of workers may differ.
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from concord.exceptions import FeedLocked, LockLost
from concord.landing.records import now
from concord.landing.schema import feed_lock

if TYPE_CHECKING:
    from concord.landing.ledger import Ledger


EVERY_NIGHT = date.min  # the lock of a whole feed


@dataclass(frozen=True)
class Fence:
    """The right to write for one feed and night, as long as nobody newer has it."""

    feed: str
    night: date
    holder: str
    token: int
    seconds: float

    @property
    def mine(self) -> sa.ColumnElement[bool]:
        """Return the condition that this holder still has the lock."""
        return sa.and_(
            _row(self.feed, self.night),
            feed_lock.c.holder == self.holder,
            feed_lock.c.token == self.token,
        )


@contextmanager
def locked(
    ledger: "Ledger", feed: str, night: date, seconds: float
) -> Iterator["Ledger"]:
    """Take a feed's night; gives the ledger through which alone it may be written.

    The lock is prolonged in the background for as long as this process runs. It ends
    ``seconds`` after the process died or was stopped.

    Raises:
        FeedLocked: Another run has the night.
        LockLost: On a write, when this process slept and another took over.
    """
    fence = _taken(ledger, feed, night, seconds)
    done = threading.Event()
    beat = threading.Thread(target=_prolong, args=(ledger, fence, done), daemon=True)
    beat.start()
    try:
        yield ledger.under(fence)
    finally:
        done.set()
        beat.join()
        with ledger.engine.begin() as connection:
            connection.execute(
                sa.update(feed_lock).where(fence.mine).values(holder=None)
            )


def locked_nights(ledger: "Ledger", feed: str) -> set[date]:
    """Return the nights of a feed that somebody has now."""
    with ledger.engine.connect() as connection:
        query = sa.select(feed_lock.c.night).where(
            feed_lock.c.feed == feed,
            feed_lock.c.holder.is_not(None),
            feed_lock.c.expires > _clock(connection),
        )
        return set(connection.execute(query).scalars())


def refused(feed: str, detail: str, seconds: float) -> FeedLocked:
    """Make the error for a feed or night that another run has."""
    return FeedLocked(
        "LOCKED",
        feed=feed,
        detail=detail,
        remedy="Try again: it joins when the other is done; the lock of a run "
        f"that died ends by itself after {seconds:.0f} seconds",
    )


def hold(connection: sa.Connection, fence: Fence) -> None:
    """Prove, at the start of a transaction that writes, that the lock is still ours.

    The row stays locked until the transaction ends, so nobody takes over meanwhile.

    Raises:
        LockLost: A newer holder has the night.
    """
    ends = _clock(connection) + timedelta(seconds=fence.seconds)
    kept = connection.execute(
        sa.update(feed_lock).where(fence.mine).values(expires=ends)
    )
    if kept.rowcount != 1:
        raise LockLost(
            "LOCK_LOST",
            feed=fence.feed,
            detail=f"another run has taken over the night {fence.night}",
            remedy="Nothing is to be done: the newer run finishes the night",
        )


def _taken(ledger: "Ledger", feed: str, night: date, seconds: float) -> Fence:
    """Take the lock where it is free or its time has ended."""
    holder = uuid.uuid4().hex
    try:
        with ledger.engine.begin() as connection:
            token = _take(connection, feed, night, holder, seconds)
    except sa.exc.IntegrityError:
        token = None  # the row is there, so somebody has it
    if token is None:
        what = "the feed" if night == EVERY_NIGHT else f"the night {night}"
        raise refused(feed, f"another run has {what}", seconds)
    return Fence(feed, night, holder, token, seconds)


def _take(
    connection: sa.Connection, feed: str, night: date, holder: str, seconds: float
) -> int:
    """Take an existing row, or make it; breaks the primary key where it is held."""
    clock = _clock(connection)
    values = {"holder": holder, "expires": clock + timedelta(seconds=seconds)}
    free = sa.or_(feed_lock.c.holder.is_(None), feed_lock.c.expires <= clock)
    taken = connection.execute(
        sa.update(feed_lock)
        .where(_row(feed, night), free)
        .values(token=feed_lock.c.token + 1, **values)
    )
    if taken.rowcount == 0:
        first = {"feed": feed, "night": night, "token": 1}
        connection.execute(sa.insert(feed_lock).values(**first, **values))
    query = sa.select(feed_lock.c.token).where(_row(feed, night))
    return int(connection.execute(query).scalar_one())


def _prolong(ledger: "Ledger", fence: Fence, done: threading.Event) -> None:
    """Prolong a lock three times in its time, until done or lost."""
    while not done.wait(fence.seconds / 3):
        try:
            with ledger.engine.begin() as connection:
                hold(connection, fence)
        except LockLost:
            return  # the next write says so, where it matters
        except sa.exc.OperationalError:
            continue  # the ledger is busy or away: there is time for another try


def _row(feed: str, night: date) -> sa.ColumnElement[bool]:
    return sa.and_(feed_lock.c.feed == feed, feed_lock.c.night == night)


def _clock(connection: sa.Connection) -> datetime:
    """Return the time by the ledger's clock: the server's, or this machine's."""
    if connection.dialect.name == "sqlite":
        return now()
    told: datetime = connection.execute(
        sa.select(sa.func.clock_timestamp())
    ).scalar_one()
    return told
