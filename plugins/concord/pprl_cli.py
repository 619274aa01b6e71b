"""The `concord pprl` commands, for an agency that may not send names.

They run offline, where nothing but this package's few needs is installed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID

from concord.terminal import console, told

if TYPE_CHECKING:
    from concord.pprl.files import Progress as Told

app = typer.Typer(
    help="Link without names: encode persons at the agency, under a key that only the "
    "parties to the linkage hold. Nothing here uses the network.",
    no_args_is_help=True,
)
ColumnsFile = Annotated[
    Path, typer.Option("--columns", help="What the columns are; a YAML file.")
]
KeyFile = Annotated[Path, typer.Option("--key", help="The linkage key's file.")]


@app.command()
def key(to: Annotated[Path, typer.Option(help="The file to write.")]) -> None:
    """Make a linkage key, readable by you alone. Its holder does this once a period."""
    from concord.pprl.keys import create_key

    with told():
        create_key(to)
        console.print(f"written: {to} (mode 0400)", soft_wrap=True)
        console.print("Give it only to who encodes, and never with the encodings.")


@app.command()
def label(columns: ColumnsFile, key: KeyFile) -> None:
    """Say the label that every encoding made with this key and these fields bears.

    Agency and centre compare it before the first delivery. It tells nothing else.
    """
    from concord.pprl.columns import load_columns
    from concord.pprl.keys import load_key

    with told():
        found = load_columns(columns)
        console.print(load_key(key).label(found.mode, tuple(found.fields)))


@app.command()
def encode(
    source: Annotated[Path, typer.Argument(help="The CSV file, one row a person.")],
    columns: ColumnsFile,
    key: KeyFile,
    to: Annotated[Path, typer.Option(help="The CSV file of encodings to write.")],
    bad_dates_unknown: Annotated[
        bool,
        typer.Option(
            "--bad-dates-unknown",
            help="Take what is no date for an unknown date of birth.",
        ),
    ] = False,
) -> None:
    """Encode persons so that they can be linked without being named.

    Checks itself against the published test vectors first. Says lines and columns of
    what it can't encode, never a value. The file appears whole, or not at all.
    """
    from concord.pprl.columns import load_columns
    from concord.pprl.encoder import Encoder
    from concord.pprl.files import encode_file
    from concord.pprl.keys import load_key
    from concord.pprl.vectors import check_encoder

    with told():
        check_encoder()
        found = load_columns(columns)
        encoder = Encoder(load_key(key), found.mode, found.sources)
        with _shown() as progress:
            written = encode_file(
                source,
                to,
                found,
                encoder,
                bad_dates_unknown=bad_dates_unknown,
                progress=progress,
            )
        console.print(f"written: {to}", soft_wrap=True)
        console.print(f"{written.records:,} records, label {written.label}")
        for name, count in written.encoded.items():
            console.print(f"  {name}: {count:,}")
        if written.crowded:
            console.print(
                f"  {written.crowded:,} values that too many share were not used"
            )
        if written.unusable:
            console.print(f"  {written.unusable:,} dates were taken for unknown")


@contextmanager
def _shown() -> Iterator["Told"]:
    """Show how far the work is, where a person is looking."""
    with Progress(console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of)
            bar.update(tasks[what], completed=done, total=of)

        yield tell
