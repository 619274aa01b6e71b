"""Past nights of feeds, fetched and checked one by one and published once.

While a feed is being filled its own nightly run waits, other feeds go on, and its
nights show to nobody. They show all at once when the last is done.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta

from concord.exceptions import ConfigError, DataError, LockLost, NothingDue
from concord.landing.locks import EVERY_NIGHT, locked, locked_nights, refused
from concord.landing.staging import StagedLedger
from concord.pipeline.aggregating import publish_step
from concord.pipeline.county import County
from concord.pipeline.ingest import (
    OpenTransport,
    check_alone,
    finish_staged,
    land_alone,
)
from concord.pipeline.link_night import link
from concord.publication.release import Release

PATIENCE_SECONDS = 3600


@dataclass(frozen=True)
class Filled:
    """What came of one feed: a code a night.

    ``checked`` where all went well, ``on_time`` where nothing came and nothing was due.
    """

    feed: str
    nights: dict[date, str]
    restated: tuple[date, ...]

    @property
    def went_well(self) -> bool:
        """Say whether no night was late or held."""
        return all(code in ("checked", "on_time") for code in self.nights.values())


def backfill(
    county: County,
    feeds: Sequence[str],
    first: date,
    last: date,
    open_transport: OpenTransport,
    *,
    tell: Callable[[str, date, str], None] = lambda _feed, _night, _code: None,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Filled, ...]:
    """Land and check every night of a span, feed by feed; publishes nothing.

    A night that is late or held is recorded and passed over, as on its own day. What
    was checked before is not fetched again, but what stands on a filled night is made
    anew.

    Raises:
        ConfigError: The span is empty.
        FeedLocked: A nightly run of the feed did not end.
    """
    if first > last:
        raise ConfigError(f"no night from {first} to {last}: the first is after it")
    return tuple(
        _fill(county, feed, first, last, open_transport, tell, sleep) for feed in feeds
    )


def _fill(
    county: County,
    feed: str,
    first: date,
    last: date,
    open_transport: OpenTransport,
    tell: Callable[[str, date, str], None],
    sleep: Callable[[float], None],
) -> Filled:
    nights = {}
    with whole_feed(county, feed, sleep) as mine:
        staged = replace(mine, ledger=StagedLedger(mine.ledger, feed))
        for number in range((last - first).days + 1):
            night, why = first + timedelta(days=number), ""
            try:
                if land_alone(staged, feed, night, open_transport):
                    check_alone(staged, feed, night)
                    nights[night] = "checked"
                else:
                    nights[night] = "on_time"
            except LockLost:
                raise
            except DataError as error:
                nights[night] = error.code
                why = f" · {error.detail}. {error.remedy}"
            tell(feed, night, nights[night] + why)
        shown = finish_staged(mine, feed)
    return Filled(feed, nights, tuple(n for n in shown if n not in nights))


@contextmanager
def whole_feed(
    county: County, feed: str, sleep: Callable[[float], None]
) -> Iterator[County]:
    """Take every night of a feed, once no single night of it is under way."""
    seconds = county.settings.lock_seconds
    with locked(county.ledger, feed, EVERY_NIGHT, seconds) as ledger:
        for _ in range(PATIENCE_SECONDS):
            if locked_nights(ledger, feed) == {EVERY_NIGHT}:
                break
            sleep(1)
        else:
            raise refused(feed, "a nightly run of the feed does not end", seconds)
        yield replace(county, ledger=ledger)


def publish_once(county: County, last: date, run_id: str) -> tuple[Release, ...]:
    """Link and publish the newest night, up to which everything now stands."""
    night = max([last, *county.ledger.nights()])
    link(county, night)
    releases = []
    for profile in county.registry.nightly:
        step = publish_step(county, profile)
        try:
            step.prepare_keymap(night)
            releases.append(step.publish(night, run_id))
        except NothingDue:
            continue  # its last release stays current
    return tuple(releases)
