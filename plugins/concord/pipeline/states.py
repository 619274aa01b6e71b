"""Which states of the feeds a night stands on, and the person records in them."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pyarrow as pa

from concord.landing.records import FeedState, LinkageRun
from concord.pipeline.county import County
from concord.validation.states import StateStore


def states_as_of(county: County, night: date) -> list[FeedState]:
    """Return every feed's last good state as of a night, carried forward or not."""
    states = [
        county.ledger.state_as_of(feed, night)
        for feed in sorted(county.registry.contracts)
    ]
    return [state for state in states if state is not None]


def states_of(county: County, run: LinkageRun) -> list[FeedState]:
    """Return the states that a linkage linked."""
    states = []
    for feed, state in sorted(run.inputs.items()):
        store = StateStore(county.zones, county.keys, feed)
        since = store.describe(state).night
        cadence = county.registry.contract(feed).delivery.cadence
        carried = cadence.lag(since, run.night) > 0
        states.append(FeedState(feed, since, state, carried))
    return states


def person_records(
    county: County, states: Sequence[FeedState], columns: Sequence[str] | None = None
) -> list[pa.Table]:
    """Return the person records of each feed's state, read side by side."""

    def read(state: FeedState) -> pa.Table:
        store = StateStore(county.zones, county.keys, state.feed)
        return store.read_vault(state.state_id, "person", columns)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(read, states))
