"""Which hospital visit and which police report are of one assault.

By time, place, age and sex, never by name or person id: so it also works for agencies
whose persons may not be linked, and person linkage can be checked against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from concord.linkage.evaluation import Agreement
from concord.settings import PROJECT

EVENTS = PROJECT / "include" / "sql" / "events"
STEPS = ("assault_visit", "assault_incident", "event_pair")
PAIR = ("encounter_id", "incident_id")
# Which columns of which content table of which feed tell, and nothing else is read.
CONTENT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hospital": {
        "encounter": (
            "encounter_id", "record_key", "class", "status", "started_at",
            "age_at_arrival",
        ),
        "condition": ("encounter_id", "diagnosis", "verification"),
    },
    "police_rms": {
        "incident": ("incident_id", "occurred_at", "place_key"),
        "offense": ("incident_id", "ucr_code"),
        "involvement": (
            "incident_id", "record_key", "role", "seq", "age_at_incident",
        ),
    },
}  # fmt: skip


@dataclass(frozen=True)
class LinkedAssaults:
    """The events that are one, and among how many they were found.

    ``pairs`` holds ``encounter_id``, ``incident_id`` and ``weight``.
    """

    pairs: pa.Table
    visits: int
    incidents: int


def link_assaults(inputs: Mapping[str, pa.Table]) -> LinkedAssaults:
    """Link the visits and incidents of assaults.

    Args:
        inputs: The columns of ``CONTENT``, each table as ``<feed>__<table>``; ``trait``
            (record_key, sex, zip) and ``spot`` (place_key, zip) from the vault.
    """
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name, table in inputs.items():
            con.register(name, table)
        for step in STEPS:
            query = (EVENTS / f"{step}.sql").read_text(encoding="utf-8")
            con.execute(f"CREATE TEMP TABLE {step} AS\n{query}")
        ((visits, incidents),) = con.sql(
            "SELECT (SELECT COUNT(*) FROM assault_visit), "
            "(SELECT COUNT(DISTINCT incident_id) FROM assault_incident)"
        ).fetchall()
        return LinkedAssaults(
            con.sql("FROM event_pair").to_arrow_table(), visits, incidents
        )


def compare_events(pairs: pa.Table, truth: pa.Table) -> Agreement:
    """Count true, found and correct pairs.

    Args:
        pairs: What ``link_assaults`` found.
        truth: ``encounter_id`` and ``incident_id`` of the events that are one.
    """
    found, true = (
        set(zip(*(table[name].to_pylist() for name in PAIR), strict=True))
        for table in (pairs, truth)
    )
    return Agreement(len(true), len(found), len(true & found))
