"""A scan for leaks at a terminal: how far it is, and what it found."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from concord.pipeline.county import open_county
from concord.pipeline.scanning import (
    Scan,
    everything,
    named,
    read_planted,
    scan_county,
)
from concord.settings import Settings

SHOWN = 20


def run_scan(
    settings: Settings, paths: Sequence[Path], planted: Path | None, console: Console
) -> bool:
    """Scan what is named, or everything; returns whether it is clean."""
    records = read_planted(planted or settings.planted)
    with open_county(settings) as county, _progress(console) as progress:
        scope = named(county, paths) if paths else everything(county)
        task = progress.add_task("looking for everybody", total=scope.size)
        made = scan_county(
            county,
            scope,
            known_planted=records,
            rehearsed=not paths,
            tell=lambda size: progress.advance(task, size),
        )
    _print(made, console)
    return made.clean


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _print(made: Scan, console: Console) -> None:
    table = Table(title="Scan for leaks", box=None, padding=(0, 1, 0, 0))
    table.add_column("kind of artefact", no_wrap=True)
    for heading in ("artefacts", "size", "found"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in made.kinds:
        found = f"[red]{one.findings:,}[/]" if one.findings else "0"
        table.add_row(one.kind, f"{one.artefacts:,}", decimal(one.bytes), found)
    total = sum(one.bytes for one in made.kinds)
    count = sum(one.artefacts for one in made.kinds)
    table.add_section()
    table.add_row("all", f"{count:,}", decimal(total), f"{len(made.findings):,}")
    console.print(table)
    for finding in made.findings[:SHOWN]:
        console.print(f"[red]✗[/] {finding}", soft_wrap=True, highlight=False)
    if len(made.findings) > SHOWN:
        console.print(f"[red]✗[/] … and {len(made.findings) - SHOWN:,} more")
    if made.left_out:
        console.print(f"not scanned: {', '.join(made.left_out)}", soft_wrap=True)
    _tick(console, made.vault.passed, f"in the opened vault: {made.vault}")
    if made.planted is not None:
        seen = f"{made.planted.seen} of {made.planted.sought} planted records"
        _tick(
            console, made.planted.passed, f"in the opened vault and quarantine: {seen}"
        )
    if made.rehearsal is not None:
        steps = len(made.rehearsal.outcomes)
        went = steps - len(made.rehearsal.stopped)
        seen = f"{made.rehearsal.seen.seen} of {made.rehearsal.seen.sought}"
        _tick(
            console,
            made.rehearsal.seen.passed,
            f"{seen} canaries are where they may be; {went} of {steps} steps of their "
            "night went as they should",
        )
        for stopped in made.rehearsal.stopped:
            console.print(f"[yellow]![/] canaries, {stopped}", soft_wrap=True)
    wrong = "" if made.clean else ". See docs/how-to/scan_for_leaks.md"
    _tick(
        console,
        made.clean,
        f"{len(made.findings):,} findings for {made.forms:,} written forms of the "
        f"identifiers of {made.night}{wrong}",
    )


def _tick(console: Console, fine: bool, text: str) -> None:
    mark = "[green]✓[/]" if fine else "[red]✗[/]"
    console.print(f"{mark} {text}", soft_wrap=True, highlight=False)
