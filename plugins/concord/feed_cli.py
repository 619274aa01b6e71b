"""`concord feed`: begin a new feed, and try it before its first night."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from concord.exceptions import ConcordError, ConfigErrors
from concord.settings import Settings

app = typer.Typer(
    help="Begin a new feed with `new`, then `check` until nothing is left to decide.",
    no_args_is_help=True,
)
Feed = Annotated[str, typer.Argument(help="The feed's name, e.g. jail.")]


@contextmanager
def _told() -> Iterator[None]:
    """Turn an error of Concord's into plain lines and exit status 1."""
    try:
        yield
    except ConcordError as error:
        for each in error.errors if isinstance(error, ConfigErrors) else (error,):
            typer.echo(f"✗ {each}")
        raise typer.Exit(1) from None


@app.command()
def new(
    feed: Feed,
    sample: Annotated[
        list[Path] | None,
        typer.Option("--from", help="A CSV file of one table; repeat for each table."),
    ] = None,
) -> None:
    """Write contract, agreement and suites with everything to decide marked REVIEW.

    Columns come from the samples' headers; no value of them is kept. Nothing is
    overwritten.
    """
    from concord.contracts.scaffold import scaffold

    with _told():
        today = date.today()  # noqa: DTZ011 - the day on which somebody types this
        for path in scaffold(Settings(), feed, sample or (), today):
            typer.echo(f"written: {path}")
        typer.echo(f"Next: decide every REVIEW, then `concord feed check {feed}`")


@app.command()
def check(
    feed: Feed,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="A sample named after its table; repeat for each table."),
    ] = None,
    night: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Rules apply as of it; else today."),
    ] = None,
) -> None:
    """Check a feed's files, rules and SQL, and take samples as far as the split.

    Tells everything that is wrong in one go. Of samples it says columns and counts,
    never a value. Exit status 1 means that the feed is not ready, or that the samples
    would be held.
    """
    from concord.pipeline.examining import examine
    from concord.pipeline.trying import Trial, try_samples

    def tell(trial: Trial) -> None:
        for c in trial.counts:
            typer.echo(
                f"  {c.table_name}: {c.received} read, {c.published} good, "
                f"{c.quarantined} quarantined, {c.rejected} rejected, "
                f"{c.superseded} superseded"
            )
        for r in trial.rules:
            typer.echo(
                f"    {r.table_name} {r.rule} ({r.severity}): "
                f"{r.unexpected} of {r.elements}"
            )
        for table, columns in trial.not_taken.items():
            if columns:
                typer.echo(f"  {table}: not in the contract: {', '.join(columns)}")

    with _told():
        settings = Settings()
        on = night.date() if night else date.today()  # noqa: DTZ011 - as above
        contract = examine(settings, feed, on)
        columns = sum(len(table.columns) for table in contract.tables)
        typer.echo(
            f"✓ {feed}: {len(contract.tables)} tables, {columns} columns, rules and "
            "SQL are in order"
        )
        if not against:
            typer.echo("Next: try samples with --against")
            return
        trial = try_samples(settings, contract, against, on)
        tell(trial)
        if trial.held is not None:
            raise ConcordError(f"the samples would be held: {trial.held}")
        typer.echo(
            f"Next: make the connection '{contract.connection}', then run one night: "
            f"`concord backfill {feed} --from {on} --to {on}`"
        )
