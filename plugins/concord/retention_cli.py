"""The `concord retention` commands: what is still held, and its destruction."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.table import Table

from concord.terminal import console, told

app = typer.Typer(
    help="Old states and landed originals: what holds what agencies have deleted "
    "since, until when it may be kept, and its destruction.",
    no_args_is_help=True,
)
On = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="As of this day; today if none."),
]


def _day(on: datetime | None) -> date:
    return (on or datetime.now(UTC)).date()


@app.command("list")
def list_holdings(on: On = None) -> None:
    """List states and originals that hold rows, and those that agencies deleted since.

    Exit status 1 means that some are past the retention of their agreement.
    """
    from concord import pipeline
    from concord.pipeline.retention import holdings

    today, overdue = _day(on), 0
    with told(), pipeline.open_county() as county:
        table = Table(title=f"What holds rows, as of {today}")
        for column in ("feed", "what", "nights", "kept until"):
            table.add_column(column)
        for column in ("held", "with deleted rows", "overdue"):
            table.add_column(column, justify="right")
        for feed in sorted(county.registry.contracts):
            for kind in ("state", "delivery"):
                found = [h for h in holdings(county, feed) if h.kind == kind]
                if not found:
                    continue
                late = sum(h.is_overdue(today) for h in found)
                overdue += late
                table.add_row(
                    feed,
                    kind,
                    f"{found[0].night} to {found[-1].night}",
                    f"{found[0].until} to {found[-1].until}",
                    f"{len(found):,}",
                    f"{sum(h.holds_deleted for h in found):,}",
                    f"{late:,}",
                )
        console.print(table)
        console.print(
            "What an agency deleted is gone from the newest state. Older states and "
            "originals hold it until their date; then `concord retention apply` "
            "destroys them. To destroy earlier, agree on fewer retentionDays.",
            soft_wrap=True,
        )
        if overdue:
            raise typer.Exit(1)


@app.command("apply")
def apply(on: On = None) -> None:
    """Destroy old states and landed originals past the retention of their agreement.

    Nothing that the newest night stands on is touched. The ledger keeps a receipt of
    every feed: what was destroyed, under which agreement. It cannot be undone.
    """
    from concord import pipeline
    from concord.pipeline.retention import apply_retention

    with told(), pipeline.open_county() as county:
        done = apply_retention(county, _day(on))
        for one in done:
            console.print(
                f"{one.feed}: {one.states:,} states, {one.deliveries:,} landed "
                f"originals and {one.keys:,} keys of records destroyed"
            )
        if not done:
            console.print("nothing is past its retention")
