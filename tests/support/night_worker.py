"""A worker in a process of its own that a test may kill, stop and wake.

    python -m tests.support.night_worker hold <ledger url> <lock seconds>
    python -m tests.support.night_worker land <data root> <lock seconds>

``hold`` takes a night, says ``taken``, waits for a line and writes. ``land`` lands a
snapshot and stops itself with SIGSTOP when the bytes are there. Both end with the code
of the error that they met, or ``written``.
"""

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
from tests.support.feeds import Snapshot, period, person

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


def hold(url: str, seconds: float) -> None:
    """Take the night, wait to be told, and write as its holder."""
    with locked(Ledger(url), FEED, NIGHT, seconds) as ledger:
        say("taken")
        sys.stdin.readline()
        ledger.record_feed_night(FEED, NIGHT, "late", code="NOT_READY")


def land(home: str, seconds: float) -> None:
    """Land the night in a county's data root, with a sleep in the middle."""
    settings = Settings(home=Path(home), lock_seconds=seconds)
    with pipeline.open_county(settings) as county:
        pipeline.land(county, FEED, NIGHT, lambda _: snapshot(Asleep))


if __name__ == "__main__":
    work = {"hold": hold, "land": land}[sys.argv[1]]
    try:
        work(sys.argv[2], float(sys.argv[3]))
        say("written")
    except DataError as error:
        say(error.code)
