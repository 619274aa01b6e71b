"""A page as HTML, JSON and CSV: three renderings of the same values."""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from concord.reporting import counts, wording
from concord.reporting.charts import chart, takeaway
from concord.reporting.disclosure import DisclosureReport
from concord.reporting.disclosure_charts import figures as disclosure_figures
from concord.reporting.linkage_charts import figures as linkage_figures
from concord.reporting.linkage_quality import LinkageQuality
from concord.reporting.model import Page, Status

HERE = Path(__file__).parent
CSV_COLUMNS = ("night", "section", "feed", "table", "item", "measure", "value")


def environment() -> Environment:
    """Make the template environment: everything escaped, nothing undefined."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (
        wording.number,
        wording.percent,
        wording.size,
        wording.band,
        wording.long_date,
        wording.short_date,
        wording.moment,
        wording.plural,
    )
    env.filters.update({f.__name__: f for f in filters})
    style = (HERE / "static" / "report.css").read_text(encoding="utf-8")
    env.globals.update(
        style=Markup(style),  # noqa: S704  a file of ours
        status_words=wording.STATUS_WORDS,
        limits=counts,
    )
    return env


def night_html(
    page: Page,
    previous_page: date | None,
    documented: Collection[tuple[str, int]] = (),
) -> str:
    """Render a night's page.

    Args:
        page: What it says.
        previous_page: The night before, if it has a page.
        documented: Releases, by profile and number, that have a disclosure report.
    """
    figures = {
        q.feed: {"chart": chart(q), "takeaway": takeaway(q)} for q in page.facts.quality
    }
    template = environment().get_template("night.html.j2")
    return template.render(
        page=page,
        facts=page.facts,
        county=page.county,
        figures=figures,
        linkage_figures=linkage_figures(page.facts.linkage_quality),
        previous_page=previous_page,
        documented=documented,
    )


def disclosure_html(report: DisclosureReport) -> str:
    """Render a release's disclosure report."""
    template = environment().get_template("disclosure.html.j2")
    return template.render(
        r=report, county=report.county, figures=disclosure_figures(report)
    )


def linkage_html(county: str, quality: LinkageQuality) -> str:
    """Render what was measured of one linkage as a page of its own."""
    template = environment().get_template("linkage.html.j2")
    return template.render(county=county, q=quality, figures=linkage_figures(quality))


def archive_html(
    county: str,
    nights: Sequence[date],
    feeds: Mapping[str, str],
    standings: Mapping[tuple[date, str], Status],
    releases: Sequence[str] = (),
) -> str:
    """Render the list of nights, newest first, with how every feed stood.

    Args:
        county: Whose site it is.
        nights: Nights that have a page, newest first.
        feeds: Feeds with their agencies.
        standings: How each feed stood on each night.
        releases: ``profile/release`` of those that have a disclosure report.
    """
    template = environment().get_template("archive.html.j2")
    return template.render(
        county=county,
        nights=nights,
        feeds=feeds,
        standings=standings,
        releases=releases,
    )


def latest_html(county: str, night: date) -> str:
    """Render the page that leads to the newest night."""
    return (
        environment().get_template("latest.html.j2").render(county=county, night=night)
    )


def page_json(page: Page | DisclosureReport) -> str:
    """Render a page's values as JSON."""
    return json.dumps(
        asdict(page), indent=2, ensure_ascii=False, default=lambda at: at.isoformat()
    )


def page_csv(page: Page) -> str:
    """Render a page's numbers as CSV, one number a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    night = page.facts.night.isoformat()
    for line in _csv_lines(page):
        writer.writerow((night, *line))
    return text.getvalue()


def _csv_lines(page: Page) -> Iterator[Sequence[Any]]:
    """Yield section, feed, table, item, measure, value."""
    facts = page.facts
    for s in facts.standings:
        yield from _measures(s, ("standing", s.feed, "", ""), "status carried_nights")
    for a in facts.arrivals:
        place = ("arrival", a.feed, "", a.night.isoformat())
        yield from _measures(a, place, "files bytes rows")
    for w in facts.waiting:
        place = ("still held", w.feed, "", w.night.isoformat())
        yield from _measures(w, place, "rows")
    for f in (*facts.fates, *page.feed_totals, page.fate_total):
        place = ("rows", f.feed, f.table, f.night.isoformat())
        names = "received published quarantined rejected superseded deleted"
        yield from _measures(f, place, names)
    for q in facts.quality:
        for c in q.columns:
            place = ("completeness", q.feed, c.table, c.column)
            yield from _measures(c, place, "need rows present share")
        for r in q.rules:
            place = ("validity", q.feed, r.table, r.rule)
            yield from _measures(r, place, "severity checked broken validity")
    for h in facts.healing:
        names = "before added corrected released overridden left waiting"
        yield from _measures(h, ("quarantine", h.feed, h.table, ""), names)
    for b in facts.between:
        place = ("between agencies", " ".join(b.feeds), "", b.name)
        yield from _measures(b, place, "night matched compared share expected")
    yield from _linkage_lines(page)
    yield from _place_lines(page)
    yield from _assault_lines(page)
    yield from _release_lines(page)


def _linkage_lines(page: Page) -> Iterator[Sequence[Any]]:
    linkage = page.facts.linkage
    if linkage is None:
        return
    names = (
        "records persons links largest_cluster ids_kept ids_created "
        "ids_merged ids_split ids_retired ids_restored precision recall churn "
        "possible decisions control_differing"
    )
    place = ("linkage", "", "", linkage.night.isoformat())
    yield from _measures(linkage, place, names)
    for feed in linkage.by_feed:
        yield from _measures(feed, ("linkage", feed.feed, *place[2:]), "records")
    for kind in linkage.set_aside:
        yield from _measures(kind, ("linkage", "", "", kind.kind), "values")
    for pairs in linkage.pairs:
        yield from _measures(pairs, ("linkage", "", "", pairs.band), "pairs")
    yield from _quality_lines(page.facts.linkage_quality)


def _place_lines(page: Page) -> Iterator[Sequence[Any]]:
    for found in page.facts.places:
        yield from _measures(found, ("places", found.feed, "", ""), "places share")
        for way in found.ways:
            yield from _measures(way, ("places", found.feed, "", way.how), "places")


def _assault_lines(page: Page) -> Iterator[Sequence[Any]]:
    known = page.facts.assaults
    if known is not None:
        place = ("assaults", "", "", known.night.isoformat())
        yield from _measures(
            known, place, "visits incidents linked share precision recall"
        )


def _quality_lines(quality: LinkageQuality | None) -> Iterator[Sequence[Any]]:
    if quality is None:
        return
    for a in quality.agencies:
        place = ("linkage quality", "", "", a.agencies)
        yield from _measures(a, place, "true missed false recall precision")
    for g in quality.by_group:
        place = ("linkage quality", "", g.trait, g.value)
        yield (*place, "persons", g.persons)
        yield (*place, "recall", g.recall.value)
        yield (*place, "precision", g.precision.value)
    for u in quality.unlinkable:
        yield from _measures(u, ("linkage quality", u.feed, "", u.reason), "records")


def _release_lines(page: Page) -> Iterator[Sequence[Any]]:
    for release in page.facts.releases:
        item = f"{release.profile} {release.label}"
        names = (
            "k_required k_before k_after records touched suppressed_share "
            "scan_identifiers scan_findings"
        )
        yield from _measures(release, ("release", "", "", item), names)
        for table in release.tables:
            yield from _measures(table, ("release", "", table.table, item), "rows")
        for entry in release.inputs:
            place = ("release input", entry.feed, "", item)
            yield from _measures(entry, place, "night carried rows")


def _measures(
    source: Any, place: tuple[str, str, str, str], names: str
) -> Iterator[Sequence[Any]]:
    """Yield the named values of one thing; one that is not known stays empty."""
    for name in names.split():
        value = getattr(source, name)
        yield (*place, name, "" if value is None else value)
