"""The same table judged twice: by GX itself on pandas, and by the compiled suite."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from concord.validation.compiler import compile_suite
from concord.validation.native import frame
from concord.validation.rules import NativeRule
from concord.validation.running import run
from concord.validation.suites import build
from tests.support.validation_values import DUCKDB


@lru_cache(maxsize=1)
def gx_context() -> Any:
    """One quiet ephemeral context for all tests."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("oracle")
        .add_dataframe_asset("oracle")
        .add_batch_definition_whole_dataframe("oracle")
    )


def by_gx(data: pd.DataFrame, suite: Any) -> dict[str, dict[str, Any]]:
    """What GX itself says, by rule."""
    batch = gx_context().get_batch({"dataframe": data})
    result = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["_row"],
            "exclude_unexpected_values": True,
            "partial_unexpected_count": 0,
        },
    )
    said = {}
    for one in result.results:
        rule = one.expectation_config.meta["rule"]
        infos = [one.exception_info, *one.exception_info.values()]
        if any(isinstance(i, dict) and i.get("raised_exception") for i in infos):
            said[rule] = {"raised": str(one.exception_info)}
            continue
        places = one.result.get("unexpected_index_list") or []
        said[rule] = {
            **{key: value for key, value in one.result.items() if "index" not in key},
            "success": one.success,
            "rows": sorted(int(row) for place in places for row in place["_row"]),
        }
    return said


def by_concord(
    con: duckdb.DuckDBPyConnection, suite: Any, columns: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """What the compiled suite says, by rule."""
    compiled = compile_suite(suite, columns)
    native = [rule for rule in compiled.rules if isinstance(rule, NativeRule)]
    assert not native, [rule.expectation for rule in native]
    outcome = run(con, "batch", compiled)
    failing: dict[str, list[int]] = {rule.rule: [] for rule in compiled.rules}
    for row, rule in con.execute(
        f"SELECT _row, rule FROM {outcome.failures}"
    ).fetchall():
        failing[rule].append(row)
    con.execute(f"DROP TABLE {outcome.failures}")
    for rule, rows in failing.items():
        assert outcome.rule_counts.get(rule, 0) == len(rows)
    return {
        rule.rule: {
            **result.result,
            "success": result.success,
            "rows": sorted(failing[rule.rule]),
        }
        for rule, result in zip(compiled.rules, outcome.result.results, strict=True)
    }


def assert_same(
    table: pa.Table, expectations: list[dict[str, Any]], *, days_as_dates: bool = False
) -> None:
    """Judge a table by both and compare everything that ours tells."""
    suite = build(
        "batch",
        [
            {
                "severity": "critical",
                **expectation,
                "meta": {"rule": f"rule-{place}", "why": "to compare"},
            }
            for place, expectation in enumerate(expectations)
        ],
    )
    with duckdb.connect() as con:
        con.register("arrow", table)
        con.execute("SET TimeZone = 'America/Chicago'")
        con.execute("CREATE TABLE batch AS FROM arrow")
        data = frame(con, "batch", tuple(table.column_names))
        types = {
            name: DUCKDB[name.split("_")[0]]
            for name in table.column_names
            if name != "_row"
        }
        ours = by_concord(con, suite, types)
    if days_as_dates:
        for name in table.column_names:
            if name.startswith("day"):
                data[name] = pd.Series(table[name].to_pylist(), dtype=object)
    theirs = by_gx(data, suite)
    for place, expectation in enumerate(expectations):
        rule = f"rule-{place}"
        assert "raised" not in theirs[rule], (expectation, theirs[rule])
        told = {key: theirs[rule].get(key) for key in ours[rule]}
        assert ours[rule] == told, expectation
