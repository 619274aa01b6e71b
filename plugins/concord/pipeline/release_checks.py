"""The last looks at a release's tables, as they would leave and before they do."""

from collections.abc import Sequence

import duckdb

from concord.contracts.models import ReleaseProfile
from concord.curation.sql_files import CuratedTable
from concord.curation.verification import verify_actions
from concord.deidentification.zip3 import Zip3Table
from concord.disclosure.artefacts import gathered
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.forms import IDENTIFYING
from concord.disclosure.identifiers import scan_tables
from concord.disclosure.narrowing import LOOKED_AT, narrowed
from concord.duck import quoted, side_by_side
from concord.exceptions import DisclosureRefused
from concord.landing.records import FeedState
from concord.pipeline.county import County
from concord.pipeline.states import person_records
from concord.validation import running, suites
from concord.validation.compiler import compile_suite
from concord.validation.results import summary


def check_release(
    con: duckdb.DuckDBPyConnection,
    county: County,
    profile: ReleaseProfile,
    tables: Sequence[CuratedTable],
    states: Sequence[FeedState],
    zip3_table: Zip3Table,
) -> int:
    """Look at the tables in three ways, side by side.

    Returns how many identifiers the gate, which takes longest, looked for.

    Raises:
        DisclosureRefused: A column is not what its action gives, a curated rule is
            broken, or an identifier of the vault stands in a table.
    """
    scanned, *_ = side_by_side(
        con,
        lambda cursor: _gate(cursor, county, profile, states),
        lambda cursor: _validate(cursor, county, profile, tables),
        lambda cursor: verify_actions(
            cursor, tables, county.registry, profile, zip3_table
        ),
    )
    return int(scanned)


def _validate(
    con: duckdb.DuckDBPyConnection,
    county: County,
    profile: ReleaseProfile,
    tables: Sequence[CuratedTable],
) -> None:
    """Run the curated suites; a broken critical rule stops the release.

    A rule that a standard does without says so (``unless``).
    """
    broken = []
    for table in tables:
        folder = table.path.parent.relative_to(county.settings.include / "sql")
        path = county.settings.expectations / folder / f"{table.name}.json"
        suite = suites.load_suite(path)
        metas = [expectation.meta or {} for expectation in suite.expectations]
        spared = {m["rule"] for m in metas if m.get("unless") == profile.standard}
        described = con.execute(f"DESCRIBE {quoted(table.name)}").fetchall()
        view = f"numbered_{table.name}"
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {view} AS "
            f"SELECT rowid AS _row, * FROM {quoted(table.name)}"
        )
        columns = {name: kind for name, kind, *_ in described}
        compiled = compile_suite(suite, {**columns, "_row": "BIGINT"})
        broken += [
            f"{table.name}: rule '{r.rule}' ({r.unexpected_count} rows)"
            for r in summary(running.run(con, view, compiled))
            if not r.success and r.severity == "critical" and r.rule not in spared
        ]
    if broken:
        raise DisclosureRefused(
            "curated tables break their rules: " + "; ".join(broken) + ". "
            "The suites in expectations/ say each rule's reason"
        )


def _gate(
    con: duckdb.DuckDBPyConnection,
    county: County,
    profile: ReleaseProfile,
    states: Sequence[FeedState],
) -> int:
    """Refuse the release if an identifier of the vault stands in it.

    Returns how many identifiers were looked for.
    """
    persons = person_records(county, states, LOOKED_AT)
    with gathered(con, profile.tables) as texts:
        could_stand = narrowed(con, texts, persons)
        dictionary = Dictionary.from_vault(could_stand)
        scan_tables(con, profile.tables, dictionary, texts)
    return sum(
        table.num_rows - table[column].null_count
        for table in persons
        for column in IDENTIFYING
        if column in table.column_names
    )
