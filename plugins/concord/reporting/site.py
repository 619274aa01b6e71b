"""Writing the oversight site: a folder a night, an archive, and the newest night."""

from datetime import date, datetime
from pathlib import Path

from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.reporting.arrivals import agency_of
from concord.reporting.collecting import Collector
from concord.reporting.model import Status
from concord.reporting.rendering import (
    archive_html,
    latest_html,
    night_html,
    page_csv,
    page_json,
)
from concord.reporting.standings import STATUSES
from concord.settings import Settings
from concord.zones import READABLE, Zones, write_bytes

PAGE = "index.html"


def write_report(
    ledger: Ledger,
    registry: Registry,
    settings: Settings,
    zones: Zones,
    night: date,
    generated_at: datetime,
) -> Path:
    """Write a night's report and bring the archive up to date; returns the page.

    Every file is replaced whole and the page comes last, so a reader sees the old
    report or the new one. The same ledger gives the same bytes, but for the time.
    """
    page = Collector(ledger, registry, settings).page(night, generated_at)
    folder = zones.reports / night.isoformat()
    folder.mkdir(mode=READABLE, parents=True, exist_ok=True)
    previous = max((n for n in nights_written(zones) if n < night), default=None)
    html = night_html(page, previous)
    _write(folder / "index.json", page_json(page))
    _write(folder / "index.csv", page_csv(page))
    _write(folder / PAGE, html)
    _write_archive(ledger, registry, settings, zones)
    return folder / PAGE


def nights_written(zones: Zones) -> list[date]:
    """Return the nights that have a report, oldest first."""
    return sorted(
        date.fromisoformat(path.parent.name)
        for path in zones.reports.glob(f"????-??-??/{PAGE}")
    )


def _write_archive(
    ledger: Ledger, registry: Registry, settings: Settings, zones: Zones
) -> None:
    nights = nights_written(zones)[::-1]
    standings: dict[tuple[date, str], Status] = {
        (n.night, n.feed): STATUSES[n.status]
        for n in ledger.feed_nights()
        if n.night in nights
    }
    known = sorted({*registry.contracts, *(feed for _, feed in standings)})
    feeds = {feed: agency_of(registry, feed) for feed in known}
    archive = archive_html(settings.county, nights, feeds, standings)
    _write(zones.reports / "latest.html", latest_html(settings.county, nights[0]))
    _write(zones.reports / PAGE, archive)


def _write(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))
