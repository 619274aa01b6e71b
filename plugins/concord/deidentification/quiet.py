"""Database errors without the values that DuckDB and Arrow quote in theirs."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import duckdb
import pyarrow as pa

from concord.exceptions import IntegrityError

Given = ParamSpec("Given")
Made = TypeVar("Made")


def quietly(
    step: str, work: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs
) -> Made:
    """Do some work; an error of the database names the step and its kind only.

    The new error is raised after the handler, so that not even its context holds the
    old one (a context manager could not promise that).
    """
    try:
        return work(*args, **kwargs)
    except (duckdb.Error, pa.ArrowException) as error:
        kind = type(error).__name__
    raise IntegrityError(
        f"{step}: the database stopped with {kind}. What it said may quote values and "
        "is not repeated; run the step on synthetic data to see it"
    )
