"""The steps of a night, each one call that may be made again at any time.

A DAG task is one of these calls; the CLI, the benchmarks and the tests make the same
ones. They take the county, names and the night, and give back references and counts.
"""

from datetime import date
from pathlib import Path

from concord.landing.records import now
from concord.pipeline.aggregating import publish_step
from concord.pipeline.backfilling import backfill, publish_once
from concord.pipeline.county import County, open_county
from concord.pipeline.ingest import check, is_fresh, is_on_time, land, landed
from concord.pipeline.link_night import link
from concord.pipeline.placing import link_places
from concord.pipeline.rebuilding import rebuild_ledger
from concord.pipeline.refreshing import approve_full_refresh
from concord.pipeline.releasing import ReleaseGate
from concord.pipeline.scanning import everything, read_planted, scan_county
from concord.publication.release import Release
from concord.reporting.site import write_report

__all__ = [
    "County",
    "ReleaseGate",
    "approve_full_refresh",
    "backfill",
    "check",
    "everything",
    "is_fresh",
    "is_on_time",
    "land",
    "landed",
    "link",
    "link_places",
    "open_county",
    "prepare_keymap",
    "publish",
    "publish_once",
    "read_planted",
    "rebuild_ledger",
    "report",
    "scan_county",
]


def prepare_keymap(county: County, profile: str, night: date) -> str:
    """Make a release's keymap: the vault's side of de-identification.

    Raises:
        NothingDue: The profile publishes nothing on this night.
    """
    return publish_step(county, profile).prepare_keymap(night)


def publish(county: County, profile: str, night: date, run_id: str) -> Release:
    """Build, check and publish a release from content and its keymap.

    Raises:
        NothingDue: The profile publishes nothing on this night.
        DisclosureRefused: A disclosure check failed; the last release stays current.
    """
    return publish_step(county, profile).publish(night, run_id)


def report(county: County, night: date) -> Path:
    """Write the oversight report of a night."""
    return write_report(
        county.ledger,
        county.registry,
        county.settings,
        county.zones,
        night,
        now(),
    )
