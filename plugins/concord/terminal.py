"""What every command shares: where it prints, how it fails, how a night is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from concord.exceptions import ConcordError

console = Console()
Night = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The night; the newest if not given."),
]


@contextmanager
def told() -> Iterator[None]:
    """Turn an error of Concord's into one clear line and exit status 1."""
    try:
        yield
    except ConcordError as error:
        console.print(f"[red]{type(error).__name__}[/]: {error}", soft_wrap=True)
        raise typer.Exit(1) from None
