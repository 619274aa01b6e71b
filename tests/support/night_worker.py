"""A worker in a process of its own that a test may kill, stop and wake.

    python -m tests.support.night_worker …
        hold <ledger url> <lock seconds>
        land <data root> <lock seconds>
        police <data root> <connection> <night>
        backfill <data root> <connection> <first> <last>

``hold`` takes a night, says ``taken``, waits for a line and writes. ``land`` lands a
snapshot and stops itself with SIGSTOP when the bytes are there. ``police`` lands a
night of the police over SFTP; ``backfill`` fills nights of theirs and publishes once.
All end with the code of the error that they met, or ``written``.
"""

import json
import os
import signal
import sys
from datetime import date
from pathlib import Path

from concord import pipeline
from concord.exceptions import DataError
from concord.landing.ledger import Ledger
from concord.landing.locks import locked
from concord.settings import Settings
from concord.transport.base import Connection
from tests.support.feeds import Snapshot, period, person
from tests.support.police_nights import transports

FEED, NIGHT = "probation", date(2026, 1, 5)


class Asleep(Snapshot):
    """A transport whose process is stopped between the fetch and the record."""

    def fetch(self, drop, sink):
        fetched = super().fetch(drop, sink)
        os.kill(os.getpid(), signal.SIGSTOP)
        return fetched


def snapshot(kind: type[Snapshot] = Snapshot) -> Snapshot:
    """Return the night's snapshot: one person, one period."""
    return kind(persons=[person(1)], periods=[period(1)])


def say(word: str) -> None:
    """Tell the test that started this process."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def hold(url: str, seconds: str) -> None:
    """Take the night, wait to be told, and write as its holder."""
    with locked(Ledger(url), FEED, NIGHT, float(seconds)) as ledger:
        say("taken")
        sys.stdin.readline()
        ledger.record_feed_night(FEED, NIGHT, "late", code="NOT_READY")


def land(home: str, seconds: str) -> None:
    """Land the night in a county's data root, with a sleep in the middle."""
    settings = Settings(home=Path(home), lock_seconds=float(seconds))
    with pipeline.open_county(settings) as county:
        pipeline.land(county, FEED, NIGHT, lambda _: snapshot(Asleep))


def police(home: str, connection: str, night: str) -> None:
    """Land a night of the police."""
    connect = transports(Connection(**json.loads(connection)))
    with pipeline.open_county(Settings(home=Path(home))) as county:
        pipeline.land(county, "police_rms", date.fromisoformat(night), connect)


def backfill(home: str, connection: str, first: str, last: str) -> None:
    """Fill nights of the police, say each, and publish once."""
    connect = transports(Connection(**json.loads(connection)))
    span = date.fromisoformat(first), date.fromisoformat(last)
    with pipeline.open_county(Settings(home=Path(home))) as county:
        pipeline.backfill(
            county, ["police_rms"], *span, connect,
            tell=lambda _feed, night, code: say(f"{night} {code}"),
        )  # fmt: skip
        (release,) = pipeline.publish_once(county, span[1], "backfill")
        say(release.path.name)


def told(connection: Connection) -> str:
    """Return a connection as an argument for a worker."""
    return json.dumps(vars(connection) | {"extra": dict(connection.extra)})


if __name__ == "__main__":
    works = {"hold": hold, "land": land, "police": police, "backfill": backfill}
    try:
        works[sys.argv[1]](*sys.argv[2:])
        say("written")
    except DataError as error:
        say(error.code)
