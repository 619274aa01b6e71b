"""The `concord quarantine` commands: what waits, and the rows for the agency."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from concord.terminal import Night, console, told

app = typer.Typer(
    help="Rows that failed: how many wait, and the rows for the agency that sent them.",
    no_args_is_help=True,
)
Feed = Annotated[str, typer.Argument(help="The feed, as `concord feeds` lists it.")]


@app.command("list")
def list_waiting(feed: Feed, night: Night = None) -> None:
    """Count the rows that wait in a feed's quarantine, by table and rule."""
    from concord import pipeline
    from concord.pipeline.returning import waiting_by_rule

    with told(), pipeline.open_county() as county:
        found = waiting_by_rule(county, feed, night.date() if night else None)
        table = Table(title=f"{feed}: rows in quarantine as of {found.night}")
        for column in ("table", "rule", "why"):
            table.add_column(column)
        for column in ("rows", "since"):
            table.add_column(column, justify="right")
        for line in found.lines:
            counted = f"{line.rows:,}", str(line.since)
            table.add_row(line.table, line.rule, line.why, *counted)
        console.print(table)
        console.print(f"{found.rows:,} rows wait; a row may have broken several rules.")


@app.command("return")
def return_waiting(
    feed: Feed,
    to: Annotated[Path, typer.Option(help="The CSV file to write.")],
    night: Night = None,
) -> None:
    """Write a feed's own rows in quarantine, with the rules in words, for its steward.

    The file holds persons' data. Only you can read it, and it may not lie in a zone of
    Concord's. Give it to the agency that sent the rows and to nobody else.
    """
    from concord import pipeline
    from concord.pipeline.returning import return_rows

    with told(), pipeline.open_county() as county:
        rows = return_rows(county, feed, night.date() if night else None, to)
        console.print(f"{rows:,} rows of {feed} written: {to}", soft_wrap=True)
