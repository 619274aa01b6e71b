"""Which hospital visit and which police report are of one assault.

By time, place, age and sex, never by name or person id: so it also works for agencies
whose persons may not be linked, and person linkage can be checked against it.
"""

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from concord.linkage.evaluation import Agreement
from concord.settings import PROJECT

EVENTS = PROJECT / "include" / "sql" / "events"
STEPS = ("assault_visit", "assault_incident", "event_pair")


def link_assaults(inputs: Mapping[str, pa.Table]) -> pa.Table:
    """Return ``encounter_id``, ``incident_id`` and ``weight`` of linked events.

    Args:
        inputs: The content tables ``hospital__encounter``, ``hospital__condition``,
            ``police_rms__incident``, ``police_rms__offense`` and
            ``police_rms__involvement``; ``trait`` (record_key, sex, zip) and ``spot``
            (place_key, zip) from the vault.
    """
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name, table in inputs.items():
            con.register(name, table)
        for step in STEPS:
            query = (EVENTS / f"{step}.sql").read_text(encoding="utf-8")
            con.execute(f"CREATE TEMP TABLE {step} AS\n{query}")
        return con.sql("FROM event_pair").to_arrow_table()


def compare_events(pairs: pa.Table, truth: pa.Table) -> Agreement:
    """Count true, found and correct pairs.

    Args:
        pairs: What ``link_assaults`` found.
        truth: ``encounter_id`` and ``incident_id`` of the events that are one.
    """
    names = ("encounter_id", "incident_id")
    found, true = (
        set(zip(*(table[name].to_pylist() for name in names), strict=True))
        for table in (pairs, truth)
    )
    return Agreement(len(true), len(found), len(true & found))
