"""Command line of the simulator: generate a county's nights, serve them, release one.

Run ``python -m simulator generate --help``.
"""

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from simulator.county import FIRST_NIGHT, County, release_late
from simulator.faults import ELSEWHERE, FAULTS, Fault, find
from simulator.store import FEEDS

_STEPS_A_NIGHT = len(FEEDS) + 2
_Root = Annotated[
    Path, typer.Option(help="Folder that takes served/, withheld/ and truth/.")
]

app = typer.Typer(
    help="A synthetic county with known truth. Nobody in it is real.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def generate(
    root: _Root,
    persons: Annotated[int, typer.Option(help="People in the county.")] = 2000,
    events: Annotated[
        int | None,
        typer.Option(help="Event rows of the first load; five a person if not given."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    nights: Annotated[int, typer.Option(min=1, help="How many nights to write.")] = 3,
    first_night: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Date of the full load.")
    ] = datetime(FIRST_NIGHT.year, FIRST_NIGHT.month, FIRST_NIGHT.day),  # noqa: DTZ001
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="A fault, with its --feed and --night; repeatable. "
            "See: python -m simulator faults."
        ),
    ] = None,
    feed: Annotated[
        list[str] | None, typer.Option(help="The feed of each --fault, in order.")
    ] = None,
    night: Annotated[
        list[int] | None,
        typer.Option(help="The night of each --fault, in order; the first is 0."),
    ] = None,
) -> None:
    """Write what the agencies deliver, night by night, and keep the truth apart.

    The first night is a full load with a year of history; later nights bring new,
    changed, corrected and deleted rows.

    Example: python -m simulator generate --root county --persons 20000
    --nights 3 --fault T5 --feed police_rms --night 2 --fault police_rms:late:1
    """
    console = Console(stderr=True)
    try:
        faults = _faults(_triples(fault or [], feed or [], night or []), nights)
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            bar = progress.add_task("start", total=1 + nights * _STEPS_A_NIGHT)

            def step(text: str) -> None:
                progress.update(bar, description=text, advance=1)

            county = County(seed, persons, events, first_night.date(), progress=step)
            for index in range(nights):
                county.write_night(root, index, faults.get(index))
    except ValueError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error
    console.print(_summary(root, county, nights, faults))


_Triple = tuple[str, str, int]


def _triples(names: list[str], feeds: list[str], nights: list[int]) -> list[_Triple]:
    """Bring faults together with feed and night; FEED:NAME:NIGHT says all in one."""
    found: list[_Triple] = []
    alone = []
    for name in names:
        feed, *rest = name.split(":")
        if not rest:
            alone.append(name)
        elif len(rest) == 2 and rest[1].isdecimal():
            found.append((feed, rest[0], int(rest[1])))
        else:
            raise ValueError(
                f"fault {name!r} is not FEED:FAULT:NIGHT, e.g. police_rms:late:1"
            )
    if not len(alone) == len(feeds) == len(nights):
        raise ValueError(
            f"{len(alone)} of --fault, {len(feeds)} of --feed and {len(nights)} of "
            "--night were given; each fault needs one of both"
        )
    return [*found, *zip(feeds, alone, nights, strict=True)]


def _faults(triples: list[_Triple], nights: int) -> dict[int, dict[str, str]]:
    """Sort faults by night; a feed shows one a night."""
    faults: dict[int, dict[str, str]] = defaultdict(dict)
    for feed, name, night in triples:
        if not 0 <= night < nights:
            raise ValueError(f"fault {name!r}: nights count from 0 to {nights - 1}")
        find(feed, name)
        if feed in faults[night]:
            raise ValueError(f"{feed} shows one fault a night: not {name!r} as well")
        faults[night][feed] = name
    return dict(faults)


@app.command("faults")
def list_faults() -> None:
    """List every fault that a feed can be given, by its number."""
    table = Table("fault", "feeds", "how", "what happens", title="Faults")
    for number, fault in FAULTS.items():
        names = [
            f"{feed} ({fault.names[feed]})" if feed in fault.names else feed
            for feed in sorted(fault.effects)
        ]
        table.add_row(number, ", ".join(names), _how(fault), fault.summary)
    for number, who in ELSEWHERE.items():
        table.add_row(number, "-", "elsewhere", who)
    Console().print(table)


def _how(fault: Fault) -> str:
    """Say what shows a fault: files, the server, or that nothing comes."""
    ways = {
        "withheld" if e.withholds else "server" if e.by_server else "files"
        for e in fault.effects.values()
    }
    return ", ".join(sorted(ways))


def _summary(
    root: Path, county: County, nights: int, faults: dict[int, dict[str, str]]
) -> Table:
    """Show what stands where, night by night."""
    table = Table(title=f"County of {county.persons:,} persons in {root}")
    for column in ("night", "served", "MB", "faults"):
        table.add_column(column)
    for index in range(nights):
        night = county.night(index)
        names = (night.date.isoformat(), night.date.strftime("%Y%m%d"))
        files = [p for n in names for p in root.glob(f"served/*/{n}/*") if p.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        told = ", ".join(
            f"{feed}:{name}" for feed, name in faults.get(index, {}).items()
        )
        table.add_row(names[0], f"{len(files)} files", f"{size:.1f}", told)
    return table


@app.command()
def release(
    root: _Root,
    feed: Annotated[str, typer.Option(help="Feed whose night was withheld.")],
    night: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
) -> None:
    """Serve a withheld night after all: the late file arrives."""
    try:
        folder = release_late(root, feed, night.date())
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"released {folder}")


@app.command()
def serve(
    root: _Root,
    state: Annotated[
        Path, typer.Option(help="File that tells clients ports and secrets' places.")
    ],
) -> None:
    """Serve the county over SFTP, REST, Ed-Fi and FHIR on loopback until stopped."""
    try:
        from simulator.servers import serve as serve_agencies
    except ImportError as error:
        typer.echo(f"the servers can't start: {error}", err=True)
        raise typer.Exit(3) from error
    serve_agencies(root, state)


if __name__ == "__main__":
    app()
