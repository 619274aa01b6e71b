"""The `concord` command."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from concord import (
    error_cli,
    feed_cli,
    key_cli,
    linkage_cli,
    pprl_cli,
    quarantine_cli,
    release_cli,
    retention_cli,
)
from concord.exceptions import ConcordError
from concord.settings import Settings
from concord.terminal import Night, console, told

if TYPE_CHECKING:
    from concord.contracts.models import Contract

app = typer.Typer(
    help="Concord: nightly extracts of a community's agencies, linked, de-identified "
    "and published as evidence. The data root is CONCORD_HOME (default: .concord).",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(feed_cli.app, name="feed")
app.add_typer(quarantine_cli.app, name="quarantine")
app.add_typer(retention_cli.app, name="retention")
app.add_typer(release_cli.app, name="release")
app.add_typer(linkage_cli.app, name="linkage")
app.add_typer(pprl_cli.app, name="pprl")
app.add_typer(key_cli.app, name="keys")
app.add_typer(error_cli.app, name="errors")
ledger_app = typer.Typer(
    help="The record of what arrived, what became of it and what was released.",
    no_args_is_help=True,
)
app.add_typer(ledger_app, name="ledger")


@app.command()
def demo(
    persons: Annotated[int, typer.Option(min=200, help="People in the county.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same county.")] = 7,
) -> None:
    """Run three nights of a synthetic county through Airflow's own scheduler.

    Starts the agencies' servers and Airflow on this machine, plays a clean night, a
    troubled one and one that heals, prints what came of them and stops everything.
    Exit status 0 means that every night ended as it should.
    """
    from concord.demo.run import run_demo

    with told():
        try:
            run_demo(Settings(), persons, seed, console)
        except KeyboardInterrupt:
            console.print("Stopped; nothing is left running.")
            raise typer.Exit(130) from None


@app.command()
def status() -> None:
    """Show what arrived, what became of every row, and what was released.

    Exit status 1 means that a count does not reconcile.
    """
    from concord.status import print_summary

    with told():
        if not print_summary(Settings(), console):
            raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look for what is open, missing or wrong, and say what to do about it.

    Changes nothing. Exit status 1 means that something needs a remedy.
    """
    from concord.doctor import examine

    findings = list(examine(Settings()))
    for finding in findings:
        mark = "[green]✓[/]" if finding.fine else "[red]✗[/]"
        console.print(f"{mark} {finding.subject}: {finding.detail}", soft_wrap=True)
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


@app.command()
def feeds() -> None:
    """List the feeds: agency, how and when each delivers, and its agreement."""
    from concord.contracts.registry import load_registry

    with told():
        registry = load_registry(Settings())
        table = Table(title="Feeds")
        for column in (
            "feed",
            "agency",
            "transport",
            "due",
            "agreement until",
            "tables",
        ):
            table.add_column(column)
        for contract in registry.contracts.values():
            table.add_row(
                contract.id,
                contract.agency,
                f"{contract.transport['kind']}, {contract.delivery.mode}",
                f"{contract.delivery.due} {contract.timezone}{_nights(contract)}",
                str(registry.agreement_of(contract).end),
                ", ".join(t.name for t in contract.tables),
            )
        console.print(table)


def _nights(contract: "Contract") -> str:
    """Say on which nights a feed is due, where it is not every one."""
    cadence = contract.delivery.cadence
    return "" if cadence.every_night else f", nights of '{cadence.cron}'"


@app.command()
def refresh(
    feed: Annotated[str, typer.Argument(help="The feed to read whole once.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")],
    by: Annotated[str, typer.Option(help="Who decides it: a role.")],
) -> None:
    """Approve one full refresh of a feed whose changes can no longer be told.

    The next delivery is fetched from the beginning; what is absent is deleted.
    """
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        pipeline.approve_full_refresh(county, feed, reason=reason, by=by)
        console.print(f"approved: the next delivery of {feed} is read whole")


@app.command()
def verify(
    release: Annotated[
        Path | None,
        typer.Argument(help="Release folder; CURRENT of every profile if not given."),
    ] = None,
) -> None:
    """Check a release again: signature, every byte, every row count, the schema.

    Exit status 1 means that the release is not what was published.
    """
    from concord.publication.reading import current
    from concord.publication.verify import verify as check
    from concord.zones import Zones

    with told():
        settings = Settings()
        root = Zones(settings.home).releases
        found = (
            [release]
            if release
            else [
                path
                for profile in (sorted(root.iterdir()) if root.is_dir() else ())
                if (path := current(root, profile.name)) is not None
            ]
        )
        if not found:
            raise ConcordError(f"no release under {root}. Run `concord demo` first")
        sound = True
        for path in found:
            verification = check(path)
            for problem in verification.problems:
                console.print(f"[red]✗[/] {path.name}: {problem}", soft_wrap=True)
            if not verification.problems:
                console.print(f"[green]✓[/] {path}: every byte is as published")
            sound &= not verification.problems
        if not sound:
            raise typer.Exit(1)


@app.command()
def scan(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; everything of Concord's if not given."),
    ] = None,
    planted: Annotated[
        Path | None,
        typer.Option(help="JSON list of planted records, each with its 'tokens'."),
    ] = None,
) -> None:
    """Look for everybody in the vault in every artefact outside it.

    Names in every order, numbers, e-mails and addresses are looked for in tables,
    footers, file names, logs, databases, reports and temporary files, also packed and
    encoded. A finding says artefact, place, kind and a keyed hash that stands for the
    identifier, never the identifier: what to do about one stands in
    docs/how-to/scan_for_leaks.md. Afterwards the same scan must see everybody in the
    opened vault.

    Examples: `concord scan`; before a file leaves the house, `concord scan export.csv`.

    Exit status 0: nothing was found by a scan that sees. 1: something was found, or the
    scan did not see everybody in the vault, or could not begin.
    """
    from concord.scan_terminal import run_scan

    with told():
        if not run_scan(Settings(), paths or [], planted, console):
            raise typer.Exit(1)


@app.command()
def report(night: Night = None) -> None:
    """Write the oversight report of a night again, from the ledger."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        nights = county.ledger.nights()
        if not nights:
            raise ConcordError(
                "the ledger knows no night yet. Run `concord demo` first"
            )
        wanted: date = night.date() if night else nights[-1]
        if wanted not in nights:
            known = ", ".join(map(str, nights))
            raise ConcordError(f"no night {wanted} in the ledger. There are: {known}")
        console.print(f"written: {pipeline.report(county, wanted)}", soft_wrap=True)


@app.command()
def backfill(
    feeds: Annotated[list[str], typer.Argument(help="Feeds, e.g. police_rms.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
) -> None:
    """Fetch past nights of feeds one by one, and publish once at the end.

    Connections are those of Airflow. Nightly runs of other feeds go on meanwhile, and
    nobody sees a part of it. Exit status 1 means that a night was late or held.
    """
    # Airflow sets up logging as it is imported; what it says is not for a terminal.
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")
    from concord import pipeline
    from concord.orchestration.connections import transport_of

    with told(), pipeline.open_county() as county:
        filled = pipeline.backfill(
            county,
            feeds,
            first.date(),
            last.date(),
            lambda contract: transport_of(contract, county.ledger),
            tell=lambda feed, night, code: console.print(
                f"{night} {feed}: {code}", soft_wrap=True, markup=False
            ),
        )
        for one in filled:
            for night in one.restated:
                console.print(f"{night} {one.feed}: made anew on what was filled")
        if any(one.restated or "checked" in one.nights.values() for one in filled):
            for release in pipeline.publish_once(county, last.date(), "backfill"):
                console.print(f"published: {release.path}", soft_wrap=True)
        else:
            console.print("no night was checked, so nothing is published")
        if not all(one.went_well for one in filled):
            raise typer.Exit(1)


@ledger_app.command()
def rebuild() -> None:
    """Rebuild a lost ledger from receipts, states, linkages, manifests, journal.

    The ledger must be empty. Says what came back and what could not.
    """
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        rebuilt = pipeline.rebuild_ledger(county)
        console.print(
            f"rebuilt: {rebuilt.deliveries} deliveries, {rebuilt.nights} checked "
            f"nights of feeds, {rebuilt.linkages} linkages, {rebuilt.releases} releases"
        )
        for lost in rebuilt.lost:
            console.print(f"[yellow]not recovered[/]: {lost}", soft_wrap=True)


if __name__ == "__main__":
    app()
