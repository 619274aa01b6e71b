"""Writing the oversight site: a folder a night and a release, and lists of them."""

from datetime import date, datetime
from pathlib import Path

from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.landing.records import ReleaseRecord
from concord.publication.layout import release_name
from concord.reporting.arrivals import agency_of
from concord.reporting.collecting import Collector
from concord.reporting.disclosure import read_disclosure
from concord.reporting.model import Status
from concord.reporting.rendering import (
    archive_html,
    disclosure_html,
    latest_html,
    night_html,
    page_csv,
    page_json,
)
from concord.reporting.standings import STATUSES
from concord.settings import Settings
from concord.zones import READABLE_FILE, Zones, readable_folder, write_bytes

PAGE = "index.html"
RELEASES = "releases"


def write_report(
    ledger: Ledger,
    registry: Registry,
    settings: Settings,
    zones: Zones,
    night: date,
    generated_at: datetime,
) -> Path:
    """Write a night's report and bring the lists up to date; returns the page.

    Every file is replaced whole and the page comes last, so a reader sees the old
    report or the new one. The same ledger gives the same bytes, but for the time.
    """
    page = Collector(ledger, registry, settings).page(night, generated_at)
    folder = readable_folder(zones.reports, night.isoformat())
    previous = max((n for n in nights_written(zones) if n < night), default=None)
    made = [release for release in ledger.releases() if release.night <= night]
    kept = [release for release in made if _folder(zones, release).is_dir()]
    html = night_html(page, previous, {(r.profile, r.number) for r in kept})
    _write(folder / "index.json", page_json(page))
    _write(folder / "index.csv", page_csv(page))
    _write(folder / PAGE, html)
    for release in kept:
        source = _folder(zones, release)
        target = zones.reports / RELEASES / release.profile / source.name
        # A release never changes; only those of this night are written again.
        if release.night == night or not (target / PAGE).is_file():
            names = (RELEASES, release.profile, source.name)
            readable_folder(zones.reports, *names)
            _write_disclosure(target, source, settings.county)
    _write_archive(ledger, registry, settings, zones)
    return folder / PAGE


def nights_written(zones: Zones) -> list[date]:
    """Return the nights that have a report, oldest first."""
    return sorted(
        date.fromisoformat(path.parent.name)
        for path in zones.reports.glob(f"????-??-??/{PAGE}")
    )


def _folder(zones: Zones, record: ReleaseRecord) -> Path:
    return zones.releases / record.profile / release_name(record.number)


def _write_disclosure(folder: Path, release: Path, county: str) -> None:
    """Write a release's disclosure report; all of it comes from the release."""
    report = read_disclosure(release, county)
    _write(folder / "index.json", page_json(report))
    _write(folder / PAGE, disclosure_html(report))


def _releases_written(zones: Zones) -> list[str]:
    """Return the releases that have a report, newest first."""
    pages = (zones.reports / RELEASES).glob(f"*/*/{PAGE}")
    found = {f"{page.parents[1].name}/{page.parent.name}" for page in pages}
    return sorted(found, reverse=True)


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
    archive = archive_html(
        settings.county, nights, feeds, standings, _releases_written(zones)
    )
    _write(zones.reports / "latest.html", latest_html(settings.county, nights[0]))
    _write(zones.reports / PAGE, archive)


def _write(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"), mode=READABLE_FILE)
