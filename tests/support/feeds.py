"""Deliveries of a feed made in a test and landed as real ones are."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from concord.landing.archive import Archive
from concord.landing.records import Delivery
from concord.pipeline.county import County
from concord.transport.base import Drop, Fetched, Part

FEEDS = (
    "complaints",
    "hospital",
    "parole",
    "police_cad",
    "police_rms",
    "probation",
    "school",
    "social_services",
    "survey",
)
"""Every feed that the county has, by name."""

MONTHLY = "complaints"
"""The feed that delivers on the fifth of a month."""

Rows = Sequence[Mapping[str, Any]]


class Snapshot:
    """A transport that offers the probation API's full snapshot."""

    def __init__(self, **resources: Rows) -> None:
        self.resources = {
            "persons": resources.get("persons", ()),
            "supervision-periods": resources.get("periods", ()),
            "violations": resources.get("violations", ()),
        }

    def offered(self, cursor, night):
        return (Drop(night, "a test", cursor or ""),)

    def fetch(self, drop, sink):
        stored = [
            sink.store(
                Part(f"{name}/1.json", name, "rows"),
                io.BytesIO(json.dumps({"data": list(rows)}).encode()),
            )
            for name, rows in self.resources.items()
        ]
        counts = {name: len(rows) for name, rows in self.resources.items()}
        return Fetched(tuple(stored), counts, drop.night.isoformat(), "a test")


def land(county: County, night: date, snapshot: Snapshot) -> Delivery:
    """Land a snapshot for a night."""
    contract = county.registry.contracts["probation"]
    return Archive(county.zones, county.keys, county.ledger).land(
        contract,
        county.registry.agreement_of(contract),
        snapshot,
        Drop(night, "a test", ""),
        landed_on=night,
    )


def person(number: int, **changes: Any) -> dict[str, Any]:
    """Make a person as the probation API writes one."""
    return {
        "person_id": f"PB{number:08d}",
        "name": {"first": "Ada", "middle": None, "last": f"Number{number}"},
        "birth_date": "19900417",
        "sex": "Female",
        "race": "WHITE",
        "ethnicity": "UNKNOWN",
        "address": {"street": "1 Elm St", "city": "Springfield", "state": "IL"},
        **changes,
    }


def period(number: int, **changes: Any) -> dict[str, Any]:
    """Make a supervision period as the probation API writes one."""
    return {
        "period_id": f"SP{number:08d}",
        "person_id": f"PB{number:08d}",
        "type": "PROBATION",
        "start_date": "2025-04-16",
        "end_date": None,
        "level": "LOW_MEDIUM",
        **changes,
    }
