"""What the ledger says of the nights, as tables for a terminal."""

from collections.abc import Iterator
from datetime import date

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from concord.landing.ledger import Ledger
from concord.landing.records import Delivery, TableCount
from concord.pipeline.county import County, open_county
from concord.publication.reading import current
from concord.settings import Settings

FATES = ("received", "published", "quarantined", "rejected", "superseded")

NIGHTS_SHOWN = 3


def sums(ledger: Ledger, feed: str) -> Iterator[tuple[Delivery, TableCount]]:
    """Yield each delivery of a feed with what became of its rows, over all tables."""
    for delivery in ledger.deliveries(feed):
        counts = ledger.table_counts(delivery.id)
        totals = (sum(getattr(count, fate) for count in counts) for fate in FATES)
        yield delivery, TableCount("all tables", *totals)


def print_summary(settings: Settings, console: Console) -> bool:
    """Print deliveries, standing, persons, the release and how to open things.

    Returns whether every count reconciles.
    """
    with open_county(settings) as county:
        table, reconciles = _deliveries(county)
        console.print(table)
        console.print(_standing(county))
        _print_persons(county, console)
        _print_releases(county, console)
        for line in outdated(county.ledger):
            console.print(f"[yellow]![/] {line}", soft_wrap=True)
    return reconciles


def _deliveries(county: County) -> tuple[Table, bool]:
    table = Table(
        title="Rows: received = published + quarantined + rejected + superseded",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for column in ("feed", "night", "state"):
        table.add_column(column, no_wrap=True)
    for heading in ("received", "published", "quarant.", "rejected", "supers."):
        table.add_column(heading, justify="right", no_wrap=True)
    wrong = []
    for feed in sorted(county.registry.contracts):
        for delivery, total in sums(county.ledger, feed):
            table.add_row(
                feed,
                f"{delivery.night:%b %d}",
                _state(delivery),
                *(f"{getattr(total, fate):,}" for fate in FATES),
            )
            if not total.reconciles:
                wrong.append(delivery.id)
    table.caption = (
        f"DOES NOT RECONCILE: {', '.join(wrong)}"
        if wrong
        else "Every count reconciles."
    )
    return table, not wrong


def _state(delivery: Delivery) -> str:
    """Say how a delivery stands, and when it came where that was later."""
    if delivery.landed_on == delivery.night or delivery.state != "checked":
        return delivery.state
    return f"came on {delivery.landed_on:%b %d}"


def _standing(county: County) -> Table:
    """A row for each feed, so that there is room for many; the newest nights."""
    nights = sorted(county.ledger.nights())[-NIGHTS_SHOWN:]
    table = Table(title="Feeds by night", box=SIMPLE, pad_edge=False)
    for name in ("feed", *map(str, nights)):
        table.add_column(name)
    for feed in sorted(county.registry.contracts):
        table.add_row(feed, *(_one_standing(county, feed, night) for night in nights))
    return table


def _one_standing(county: County, feed: str, night: date) -> str:
    found = [n for n in county.ledger.feed_nights(night) if n.feed == feed]
    if found and found[0].status == "checked":
        return "checked"
    state = county.ledger.state_as_of(feed, night)
    since = f"data of {state.night}" if state else "no data yet"
    if not found:
        return f"not run, {since}"
    code = f" ({found[0].code})" if found[0].code else ""
    return f"{found[0].status.replace('_', ' ')}{code}, {since}"


def _print_persons(county: County, console: Console) -> None:
    for night in county.ledger.nights():
        run = county.ledger.linkage_as_of(night)
        if run is not None and run.night == night:
            console.print(
                f"{night}: {run.records:,} person records are {run.persons:,} persons"
            )


def outdated(ledger: Ledger) -> list[str]:
    """Say, by profile, which releases hold what agencies have deleted since."""
    lines = []
    for profile in dict.fromkeys(release.profile for release in ledger.releases()):
        found = {
            release.number: gone
            for release in ledger.releases(profile)
            if (gone := ledger.history.outdated_by(release))
        }
        if found:
            most = found[min(found)]
            persons, rows = sum(d.persons for d in most), sum(d.rows for d in most)
            feeds = ", ".join(sorted({d.feed for d in most}))
            lines.append(
                f"{profile}: {len(found)} releases from r{min(found):06d} to "
                f"r{max(found):06d} hold up to {persons:,} persons and {rows:,} rows "
                f"that agencies have deleted since ({feeds}): ask their readers for "
                "their copies"
            )
    return lines


def _print_releases(county: County, console: Console) -> None:
    releases = county.zones.releases
    for profile in sorted(county.registry.profiles):
        path = current(releases, profile)
        if path is None:
            console.print(f"release {profile}: none yet")
            continue
        shown = releases / profile / "CURRENT"
        console.print(
            f"\n[bold]Release {profile}[/]: {path.name} at {shown}", soft_wrap=True
        )
        console.print(
            f"  open it:  duckdb -c \"FROM '{shown}/incident/*.parquet'\"   "
            f"or   pandas.read_parquet('{shown}/incident')",
            soft_wrap=True,
            highlight=False,
        )
    latest = county.zones.reports / "latest.html"
    if latest.exists():
        console.print(
            f"[bold]Report[/]: {latest} (open it in any browser)", soft_wrap=True
        )
