"""The `concord keys` commands: the ledger, rotation, destruction, handing out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from concord.steps import Step
from concord.terminal import console, told

app = typer.Typer(
    help="Keys: the ledger of the keys under which tokens are made, their rotation and "
    "destruction, and the keys that each step needs.",
    no_args_is_help=True,
)
Profile = Annotated[str, typer.Argument(help="The release profile, e.g. research.")]
By = Annotated[str, typer.Option(help="Who decides it: a role.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the ledger.")]
Epoch = Annotated[str, typer.Option(help="The epoch, as `concord keys list` shows it.")]


@app.command("list")
def list_keys() -> None:
    """List every key of a release that ever was: epoch, state, check value, dates."""
    from concord import pipeline
    from concord.pipeline.keys import ledgers

    with told(), pipeline.open_county() as county:
        table = Table(title="Keys of releases")
        for column in ("profile", "epoch", "state", "check value"):
            table.add_column(column)
        for column in ("made", "retired", "destroyed"):
            table.add_column(column)
        for entry in ledgers(county):
            dates = (entry.created, entry.retired, entry.destroyed)
            shown = [f"{at:%Y-%m-%d}" if at else "" for at in dates]
            table.add_row(entry.profile, entry.epoch, entry.state, entry.check, *shown)
        console.print(table)


@app.command()
def rotate(profile: Profile, reason: Reason, by: By) -> None:
    """Begin an epoch with a new random key; says what that changes for analysts."""
    from concord import pipeline
    from concord.pipeline.keys import rotate_key

    with told(), pipeline.open_county() as county:
        for line in rotate_key(county, profile, reason=reason, by=by):
            console.print(line, soft_wrap=True)


@app.command()
def retire(profile: Profile, reason: Reason, by: By) -> None:
    """Let no release of a profile be made any more, until its key is rotated."""
    from concord import pipeline
    from concord.pipeline.keys import retire_key

    with told(), pipeline.open_county() as county:
        retire_key(county, profile, reason=reason, by=by)
        console.print(f"{profile}: its key is retired, so no release of it is made")


@app.command()
def destroy(profile: Profile, epoch: Epoch, reason: Reason, by: By) -> None:
    """Destroy a retired key: its tokens can never be made again. It can't be undone."""
    from concord import pipeline
    from concord.pipeline.keys import destroy_key

    with told(), pipeline.open_county() as county:
        gone = destroy_key(county, profile, epoch, reason=reason, by=by)
        console.print(
            f"{profile}: the key of epoch {epoch} (check value {gone.check}) and "
            f"{gone.keymaps} keymaps made under it are destroyed. Destroy its copies "
            "in custody and backups as well",
            soft_wrap=True,
        )


@app.command("hand-out")
def hand_out(
    steps: Annotated[list[Step], typer.Argument(help="The steps of one process.")],
    to: Annotated[Path, typer.Option(help="A folder that is not there yet.")],
) -> None:
    """Copy the keys of some steps to a folder, for a process that runs no others.

    The process is given the folder as CONCORD_KEYS and can open nothing else.
    """
    from concord import pipeline
    from concord.pipeline.keys import hand_out_keys

    with told(), pipeline.open_county() as county:
        names = hand_out_keys(county, steps, to)
        console.print(f"{to}: {', '.join(names)}", soft_wrap=True)
