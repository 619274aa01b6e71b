"""The stock way: pandas, Great Expectations on pandas, Splink trained every night.

What a team writes with the tools as they come: each does its own part of the work as
its documentation shows, and rows are handled by pandas in between.
"""

import hmac
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measuring import Figures
from benchmarks.rules import Rule, references, row_rules
from benchmarks.served import Served
from concord.contracts.models import Contract, ReleaseProfile, Table
from concord.contracts.registry import load_registry
from concord.deidentification.actions import band_labels
from concord.settings import Settings
from concord.validation.references import in_dependency_order

KEY = b"a key for the benchmark, 32 byte"
ROW = "_row"
# Row numbers wanted, values not.
RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [ROW],
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "include_unexpected_rows": False,
}
Frames = dict[str, pd.DataFrame]
Mask = Callable[[pd.DataFrame], "pd.Series[bool]"]
# Great Expectations runs these on SQL only, so they are masks here.
QUERIES: dict[str, Mask] = {
    "nibrs-155": lambda t: t.clearance_date < t.occurred_at.dt.normalize(),
    "nibrs-156": lambda t: t.clearance.fillna("N").ne("N") & t.clearance_date.isna(),
    "injury-of-victim": lambda t: t.injury_code.notna() & t.role.ne("victim"),
    "nibrs-256": lambda t: (
        t.ucr_code.str.startswith(("09", "13"), na=False)
        & t.attempted_completed.ne("C")
    ),
    "nibrs-265": lambda t: (
        t.ucr_code.eq("13B") & ~t.weapon_code.isin(["40", "90", "95", "99"])
    ),
    "termination-iff-end": lambda t: t.end_date.isna() != t.termination_reason.isna(),
    "suspension-has-length": lambda t: (
        t.discipline.str.endswith("#Out of School Suspension", na=False)
        & t.length_days.isna()
    ),
    "case-number-means-reported": lambda t: (
        t.case_number.notna() & ~t.reported_to_police.fillna(False).astype(bool)
    ),
}


def run(served: Served, output: Path, figures: Figures) -> None:
    """Run the night from nothing."""
    import great_expectations as gx

    from benchmarks.stock_linking import link_persons

    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    settings = Settings()
    registry = load_registry(settings)
    delivering = {c.id: c for c in registry.contracts.values() if c.id in served.feeds}
    registry = replace(registry, contracts=delivering)
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    frames: dict[str, Frames] = {}
    for contract in registry.contracts.values():
        with figures.stage(f"read {contract.id}"):
            frames[contract.id] = {
                t.name: read(contract, t, served) for t in contract.tables
            }
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    for contract in registry.contracts.values():
        with figures.stage(f"validate {contract.id}"):
            for table in in_dependency_order(contract):
                tables = frames[contract.id]
                bad = failing_rows(context, contract, table, tables, settings)
                kept = tables[table.name]
                kept = kept[~kept[ROW].isin(bad)]
                tables[table.name] = _newest(kept, table)
    with figures.stage("link"):
        persons = link_persons(registry, frames)
    with figures.stage("tokens and publish"):
        profile = registry.profile("research")
        for contract in registry.contracts.values():
            for table in contract.tables:
                made = publish(contract, table, frames[contract.id], persons, profile)
                made.to_parquet(output / f"{contract.id}__{table.name}.parquet")
                figures.rows[f"{contract.id}.{table.name}"] = len(made)


def read(contract: Contract, table: Table, served: Served) -> pd.DataFrame:
    """Read one table into a frame of the contract's columns."""
    paths = [Path(path) for path in served.paths(contract.id, table.source)]
    names = {c.source: c.name for c in table.columns}
    if contract.delivery.format == "csv":
        parts = [pd.read_csv(p, dtype=str, keep_default_na=False) for p in paths]
        frame = pd.concat(parts).rename(columns=names)[list(names.values())]
    else:
        rows = (row for path in paths for row in _rows(contract, path))
        picked = [[_at(row, c.source) for c in table.columns] for row in rows]
        frame = pd.DataFrame(picked, columns=list(names.values()))
    frame = frame.replace({"": None})
    for column in table.columns:
        series = frame[column.name]
        for prefix in column.strip_prefix:
            series = series.str.removeprefix(prefix)
        if column.type in ("integer", "number"):
            series = pd.to_numeric(series, errors="coerce")
        if column.type in ("date", "timestamp"):
            series = _moments(series, contract.timezone, column.formats)
        frame[column.name] = series
    frame[ROW] = range(len(frame))
    return frame


def _rows(contract: Contract, path: Path) -> list[Any]:
    if contract.delivery.format == "ndjson":
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    page = json.loads(path.read_bytes())
    return list(page["data"]) if isinstance(page, dict) else list(page)


def _at(row: Any, path: str) -> Any:
    """Follow a path such as ``name[0].given[1]``; None where it ends."""
    for step in path.replace("[", ".").replace("]", "").split("."):
        try:
            row = row[int(step)] if step.isdigit() else row[step]
        except (KeyError, IndexError, TypeError):
            return None
    return row if row is None or isinstance(row, bool) else str(row)


def _moments(series: Any, zone: str, formats: tuple[str, ...]) -> Any:
    if "ISO8601" in formats:
        moments = pd.to_datetime(series, format="ISO8601", errors="coerce", utc=True)
        return moments.dt.tz_convert(zone).dt.tz_localize(None)
    made = pd.to_datetime(series, format=formats[0], errors="coerce")
    for form in formats[1:]:
        made = made.fillna(pd.to_datetime(series, format=form, errors="coerce"))
    return made


def failing_rows(
    context: Any, contract: Contract, table: Table, tables: Frames, settings: Settings
) -> set[int]:
    """Return the rows that broke a critical rule, by Great Expectations."""
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    frame = tables[table.name]
    suite = gx.ExpectationSuite(name=f"{contract.id}.{table.name}")
    bad: set[int] = set()
    for rule in row_rules(table, settings.expectations, contract.id):
        if rule.name in QUERIES:
            found = frame.loc[QUERIES[rule.name](frame), ROW]
            bad |= set(found) if rule.critical else set()
        else:
            kind = get_expectation_impl(rule.kind)
            kwargs = _for_pandas(rule, table)
            suite.add_expectation(kind(**kwargs, meta={"critical": rule.critical}))
    source = context.data_sources.add_or_update_pandas(suite.name)
    batch = (
        source.add_dataframe_asset(name=suite.name)
        .add_batch_definition_whole_dataframe("night")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    outcome = batch.validate(suite, result_format=RESULT_FORMAT)
    for result in outcome.results:
        if result.expectation_config.meta["critical"]:
            found = result.result.get("unexpected_index_list") or []
            bad |= set(found[ROW] if isinstance(found, dict) else _numbers(found))
    for column in references(table):
        parent, key = str(column.references).split(".")
        series = frame[column.name]
        orphan = series.notna() & ~series.isin(tables[parent][key])
        bad |= set(frame.loc[orphan, ROW]) if column.required else set()
    return bad


def _numbers(found: list[Any]) -> list[int]:
    numbers = [row[ROW] for row in found]
    return [n for item in numbers for n in (item if isinstance(item, list) else [item])]


def _for_pandas(rule: Rule, table: Table) -> dict[str, Any]:
    """Return a rule's arguments with limits of dates as dates."""
    kwargs = dict(rule.kwargs)
    name = kwargs.get("column")
    if name and table.column(name).type in ("date", "timestamp"):
        for limit in ("min_value", "max_value"):
            if limit in kwargs:
                kwargs[limit] = pd.Timestamp(kwargs[limit]).to_pydatetime()
    return kwargs


def _newest(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    keys = [column.name for column in table.key]
    updated = table.with_concept("technical.updated_at")
    order = [updated.name, ROW] if updated else [ROW]
    return frame.sort_values(order).drop_duplicates(keys, keep="last")


def publish(
    contract: Contract,
    table: Table,
    tables: Frames,
    persons: pd.DataFrame,
    profile: ReleaseProfile,
) -> pd.DataFrame:
    """Return a table as it may leave: tokens by row, coarse dates, ages in bands."""
    frame = tables[table.name]
    made = pd.DataFrame(index=frame.index)
    if table.person is not None:
        mine = persons[persons.feed == contract.id]
        ids = frame[table.person.name].map(mine.set_index("source_id")["cluster_id"])
        made["person_token"] = [_token("person", value) for value in ids]
        for age in table.ages:
            birth = frame[table.person.name].map(
                mine.set_index("source_id")["birth_date"]
            )
            day = _event_day(age.at, frame, tables)
            made[age.column] = _bands(day, birth, profile)
    for column in table.columns:
        action = profile.concepts[column.concept.name]
        series = frame[column.name]
        if column.concept.zone != "content" or action.action == "drop":
            continue
        if action.action == "tokenise":
            made[column.name] = [_token(str(column.entity), v) for v in series]
        elif action.action == "generalise_date":
            made[column.name] = series.dt.to_period("Y").dt.start_time
        elif column.codelist is not None:
            made[column.name] = series.map(dict(column.codelist.codes))
        else:
            made[column.name] = series
    return made.sort_values(list(made.columns[:2]))


def _token(entity: str, value: Any) -> str | None:
    if value is None or value != value or value == "":
        return None
    message = f"deid/v1\0{entity}\0research\0001\0{value}".encode()
    return f"{entity[:3]}_{hmac.new(KEY, message, 'sha256').hexdigest()[:32]}"


def _event_day(at: str, frame: pd.DataFrame, tables: Frames) -> Any:
    if "." not in at:
        return frame[at]
    other, column = at.split(".")
    key = f"{other}_id"
    return frame[key].map(tables[other].set_index(key)[column])


def _bands(day: Any, birth: Any, profile: ReleaseProfile) -> Any:
    before = (day.dt.month * 32 + day.dt.day) < (birth.dt.month * 32 + birth.dt.day)
    bands = profile.concepts["person.age_at_event"].bands or (0,)
    years = day.dt.year - birth.dt.year - before
    return pd.cut(years, [*bands, 121], right=False, labels=band_labels(bands))
