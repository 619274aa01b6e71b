"""The `concord linkage` commands."""

import typer

from concord import steward_cli

app = typer.Typer(
    help="Who is one person: what people decide, who somebody was, and which model.",
    no_args_is_help=True,
)
app.add_typer(steward_cli.app)
