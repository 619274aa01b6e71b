"""The place step: every feed's addresses matched to the site's own gazetteer.

Matches stay in the vault; how many were found is an event of the ledger.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from concord.landing.records import FeedState
from concord.linkage.places import Gazetteer, match_places
from concord.pipeline.county import County
from concord.pipeline.states import states_as_of
from concord.sealing import write_table
from concord.validation.states import StateStore, state_id
from concord.zones import appearing

PLACES = "places"
PLACED = "places_linked"
Found = Mapping[str, Mapping[str, int]]


def link_places(county: County, night: date, gazetteer: Gazetteer) -> Found:
    """Match the places of every feed's state as of a night to a gazetteer.

    Returns:
        For each feed that has places, how many were found how.
    """
    found: dict[str, dict[str, int]] = {}
    for state in states_as_of(county, night):
        places = _places(county, state)
        if places is not None:
            matches = match_places(places, gazetteer.addresses)
            _keep(county, night, state, gazetteer.digest, matches)
            found[state.feed] = dict(Counter(matches["how"].to_pylist()))
    county.ledger.record_event(PLACED, night, found=found)
    return found


def _places(county: County, state: FeedState) -> pa.Table | None:
    """Return the addresses that a feed's state holds; None if it holds none."""
    store = StateStore(county.zones, county.keys, state.feed)
    if "place" not in store.vault_tables(state.state_id):
        return None
    columns = ["place_key", "street", "city", "zip"]
    return store.read_vault(state.state_id, "place").select(columns)


def _keep(
    county: County, night: date, state: FeedState, gazetteer: str, matches: pa.Table
) -> None:
    """Write a state's matches to the vault, named after all that they come from."""
    name = state_id(night, [state.feed, state.state_id, gazetteer])
    key = county.keys.zone_key("vault")
    with appearing(county.zones.vault / PLACES / name) as folder:
        write_table(matches, folder / "matches.parquet", key, place=name)
