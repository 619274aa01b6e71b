"""The `concord errors` commands: what the steward alone may read of failed steps."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from concord.terminal import console, told

app = typer.Typer(
    help="Errors of steps that see identities, sealed to the data steward.",
    no_args_is_help=True,
)
Key = Annotated[
    Path | None,
    typer.Option(help="The steward's key file, where it is not among the keys."),
]
Before = Annotated[
    datetime, typer.Option(formats=["%Y-%m-%d"], help="Older than this.")
]


@app.command("list")
def list_errors() -> None:
    """List the errors that are kept: when, which step, which kind, and the number."""
    from concord.pipeline.county import error_store
    from concord.settings import Settings

    with told():
        table = Table(title="Sealed errors")
        for column in ("number", "when (UTC)", "step", "kind"):
            table.add_column(column)
        for kept in error_store(Settings()).listed():
            table.add_row(
                kept.number, f"{kept.at:%Y-%m-%d %H:%M}", kept.step, kept.kind
            )
        console.print(table)


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="As the error and the list name it.")],
    key: Key = None,
) -> None:
    """Decrypt an error and print it. It may show identities: mind who is looking."""
    from concord.pipeline.county import error_store
    from concord.settings import Settings

    with told():
        text = error_store(Settings()).read(number, key)
        console.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command()
def forget(before: Before) -> None:
    """Delete what is kept of errors older than a day."""
    from concord.pipeline.county import error_store
    from concord.settings import Settings

    with told():
        gone = error_store(Settings()).forget(before.replace(tzinfo=UTC))
        console.print(f"{gone} sealed errors deleted")
