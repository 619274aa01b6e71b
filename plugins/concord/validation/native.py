"""Kinds that are not compiled, run by GX itself on a pandas frame.

Only the columns that the rules need leave the database. GX runs with a result format
that keeps values out, and of what it answers only counts and row numbers are taken: a
message or traceback of its own may quote a cell.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concord.exceptions import SuiteError
from concord.validation.columns import identifier
from concord.validation.rules import CompiledSuite, NativeRule
from concord.validation.sql import relation_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class NativeOutcome:
    """What GX found for one rule: its success, its counts and the failing rows."""

    success: bool
    counts: Mapping[str, Any]
    rows: "pa.Array"


def run_native(
    con: "DuckDBPyConnection", relation: str, compiled: CompiledSuite, row_column: str
) -> dict[str, NativeOutcome]:
    """Run a suite's uncompiled rules with GX on one frame."""
    rules = compiled.native
    if not rules:
        return {}
    needed = sorted({column for rule in rules for column in rule.columns})
    data = frame(con, relation, (row_column, *needed))
    results = _validate(data, rules, row_column)
    return {
        rule.rule: _outcome(compiled.name, rule, result, data, row_column)
        for rule, result in zip(rules, results, strict=True)
    }


def frame(
    con: "DuckDBPyConnection", relation: str, columns: tuple[str, ...]
) -> "pd.DataFrame":
    """Read columns as the frame that GX judges.

    Numbers are numpy's (a missing integer makes the column float), text is pandas'
    `str`, days are timestamps at midnight, instants are in UTC.
    """
    source = relation_of(con, f"SELECT * FROM {identifier(relation)}")
    types = dict(zip(source.columns, map(str, source.types), strict=True))
    selected = ", ".join(
        f"{_readable(identifier(name), types[name])} AS {identifier(name)}"
        for name in columns
    )
    return (
        relation_of(con, f"SELECT {selected} FROM {identifier(relation)}")
        .to_arrow_table()
        .to_pandas()
    )


def _readable(name: str, kind: str) -> str:
    """Cast what pandas would otherwise hold as Python objects."""
    if kind.startswith("DECIMAL") or kind in ("HUGEINT", "UHUGEINT"):
        return f"{name}::DOUBLE"
    if kind.startswith("ENUM") or kind == "UUID":
        return f"{name}::VARCHAR"
    return f"{name}::TIMESTAMP" if kind == "DATE" else name


def _validate(
    data: "pd.DataFrame", rules: tuple[NativeRule, ...], row_column: str
) -> list[Any]:
    """Have GX validate a frame, and give its results in the rules' order."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    with _quiet():
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        batch = (
            context.data_sources.add_pandas("frame")
            .add_dataframe_asset("frame")
            .add_batch_definition_whole_dataframe("frame")
            .get_batch({"dataframe": data})
        )
        safe = {
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [row_column],
            "exclude_unexpected_values": True,
            "partial_unexpected_count": 0,
            "return_unexpected_index_query": False,
        }
        return [
            batch.validate(
                ExpectationConfiguration(**rule.expectation).to_domain_obj(),
                result_format=safe,
            )
            for rule in rules
        ]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep GX's and pandas' own words, which may quote cells, out of the log."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _outcome(
    suite: str, rule: NativeRule, result: Any, data: "pd.DataFrame", row_column: str
) -> NativeOutcome:
    """Take success, counts and row numbers from GX's result, and nothing else."""
    import pyarrow as pa

    if _raised(result.exception_info):
        raise SuiteError(
            f"suite [{suite}], rule [{rule.rule}]: GX could not evaluate {rule.kind} "
            f"on {list(rule.columns)}; check that the kind fits the columns' types"
        )
    places = result.result.get("unexpected_index_list") or []
    rows = [row for place in places for row in place[row_column]]
    return NativeOutcome(
        success=bool(result.success),
        counts=result.result,
        rows=pa.array(rows, type=pa.Array.from_pandas(data[row_column]).type),
    )


def _raised(exception_info: Mapping[str, Any]) -> bool:
    """Tell whether GX met an exception, in either of the two shapes it reports."""
    return bool(exception_info.get("raised_exception")) or any(
        isinstance(info, Mapping) and info.get("raised_exception")
        for info in exception_info.values()
    )
