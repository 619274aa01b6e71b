"""De-identify, check and publish a big table, beside DuckDB's bare COPY of the output.

    python benchmarks/releasing.py --rows 10000000

A table of the police contract, widened to 20 columns, and the persons it is about. The
last gate, which looks for the vault's identifiers, is not part of it: see `scan.py`.
"""

import argparse
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import gettempdir

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

import duckdb  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table as Printed  # noqa: E402

from benchmarks.measuring import Figures  # noqa: E402
from concord.contracts.models import Contract, ReleaseProfile  # noqa: E402
from concord.contracts.registry import Registry, load_registry  # noqa: E402
from concord.curation.running import curate  # noqa: E402
from concord.curation.sql_files import CuratedTable, Description  # noqa: E402
from concord.curation.verification import verify_actions  # noqa: E402
from concord.deidentification.content import deidentify, load_keymap  # noqa: E402
from concord.deidentification.content_columns import content_columns  # noqa: E402
from concord.deidentification.persons import Keymap  # noqa: E402
from concord.deidentification.tokens import Tokeniser  # noqa: E402
from concord.deidentification.zip3 import Zip3Table  # noqa: E402
from concord.disclosure.k_anonymity import protect  # noqa: E402
from concord.duck import connect, count, fetch  # noqa: E402
from concord.publication.release import ReleaseContext, publish  # noqa: E402
from concord.sealing import read_table, write_table  # noqa: E402
from concord.settings import Settings  # noqa: E402

COLUMNS, ROWS_A_PERSON, TARGET = 20, 10, 2.0
NIGHT = date(2025, 3, 8)
KEY = bytes(32)
PERSONS = {
    "person_token": "'per_' || lpad(n::VARCHAR, 26, '0')",
    "sex": "['F', 'M'][1 + n % 2]",
    "race": "['W', 'B', 'A', 'I'][1 + n % 4]",
    "ethnicity": "['H', 'N'][1 + n % 2]",
    "birth_year": "1950 + n % 50",
    "zip3": "['021', '022'][1 + n % 2]",
}


def main() -> None:
    """Make the content, publish it, copy the same output, and print the ratio."""
    options = _options()
    root = options.root or Path(gettempdir()) / "concord-releasing"
    shutil.rmtree(root, ignore_errors=True)
    ours, bare = measure(root, options.rows)
    shutil.rmtree(root)
    printed = Printed("way", "stage", "s", "CPU s")
    for figures in (ours, bare):
        for stage in figures.stages:
            printed.add_row(
                figures.contender, stage.name, f"{stage.wall:.1f}", f"{stage.cpu:.1f}"
            )
    console = Console()
    console.print(printed)
    ratio = ours.total("wall") / bare.total("wall")
    console.print(
        f"{options.rows:,} rows x {COLUMNS} columns: {ratio:.2f} x the bare COPY by "
        f"the clock, {ours.total('cpu') / bare.total('cpu'):.2f} by processor time; "
        f"wanted {TARGET}"
    )


def measure(root: Path, rows: int) -> tuple[Figures, Figures]:
    """Publish a table of so many rows below a folder, and copy what came of it."""
    root.mkdir(parents=True)
    settings = Settings()
    registry = load_registry(settings)
    contract = _widened(registry.contract("police_rms"))
    profile = registry.profile("research")
    keymap = _prepare(root, contract, rows)
    ours, bare = Figures("concord"), Figures("duckdb")
    _concord(root, settings, registry, contract, profile, keymap, ours)
    _copy(root, settings, bare)
    return ours, bare


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--root", type=Path, help="scratch folder, removed at the end")
    return parser.parse_args()


def _widened(contract: Contract) -> Contract:
    """Return a contract whose arrests have as many columns as are asked for."""
    arrest = contract.table("arrest")
    code = next(c for c in arrest.columns if c.concept.name == "event.code")
    more = COLUMNS - len(_leaving(contract))
    columns = [
        code.model_copy(update={"name": f"code_{n}", "source": f"code_{n}"})
        for n in range(more)
    ]
    wide = arrest.model_copy(update={"columns": (*arrest.columns, *columns)})
    return contract.model_copy(update={"tables": (wide,)})


def _leaving(contract: Contract) -> tuple[str, ...]:
    """Return the published columns of arrests: all but the technical ones."""
    return tuple(
        "person_token" if c.name == "record_key" else c.name
        for c in content_columns(contract.table("arrest"))
        if not c.concept.startswith("technical.")
    )


def _prepare(root: Path, contract: Contract, rows: int) -> Keymap:
    """Write the content, sealed, and make the keymap of its persons."""
    persons = rows // ROWS_A_PERSON
    made = {
        "record_key": f"md5((n % {persons})::VARCHAR)",
        "arrest_id": "'A-2025-' || n",
        "incident_id": "'I-2025-' || n // 2",
        "arrest_date": "DATE '2015-01-01' + (n % 3700)::INTEGER",
        "updated_at": "TIMESTAMP '2025-03-08 01:00:00'",
        "age_at_arrest": "(12 + n % 70)::BIGINT",
    }
    picked = ", ".join(
        f"{made.get(c.name, f'chr((65 + hash(n, {number}) % 20)::INTEGER)')} "
        f"AS {c.name}"
        for number, c in enumerate(content_columns(contract.table("arrest")))
    )
    with duckdb.connect() as con:
        content = con.sql(f"SELECT {picked} FROM range({rows}) AS t(n)")
        write_table(content.to_arrow_table(), root / "arrest.parquet", KEY)
        keys = con.sql(
            f"SELECT md5(n::VARCHAR) AS record_key, {PERSONS['person_token']} AS "
            "person_token, FALSE AS oldest, 1936::SMALLINT AS dates_from, "
            f"2100::SMALLINT AS dates_to FROM range({persons}) AS t(n)"
        ).to_arrow_table()
        columns = ", ".join(f"{sql} AS {name}" for name, sql in PERSONS.items())
        known = con.sql(f"SELECT {columns} FROM range({persons}) AS t(n)")
        places = con.sql("SELECT '' AS place_key, '' AS place_token LIMIT 0")
        none = con.sql("SELECT '' AS former, '' AS person_token LIMIT 0")
        return Keymap(
            keys,
            known.to_arrow_table(),
            places.to_arrow_table(),
            none.to_arrow_table(),
        )


def _concord(
    root: Path,
    settings: Settings,
    registry: Registry,
    contract: Contract,
    profile: ReleaseProfile,
    keymap: Keymap,
    figures: Figures,
) -> None:
    """Take the steps of `PublishStep.publish` without its ledger and last gate."""
    tables = _curated(contract)
    zips = Zip3Table.read(settings.include / "reference" / "zip3_population_2020.csv")
    (root / "work").mkdir()
    with connect(settings, root / "work") as con:
        with figures.stage("read"):
            content = {"arrest": read_table(root / "arrest.parquet", KEY)}
        with figures.stage("de-identify"):
            load_keymap(con, keymap)
            tokeniser = Tokeniser(KEY, profile.id, "1")
            deidentify(con, contract, content, keymap, profile, tokeniser)
        del content
        with figures.stage("curate"):
            curate(con, tables)
        with figures.stage("check"):
            protect(con, "person", "person_token", profile.hiding)
            verify_actions(con, tables, registry, profile, zips)
        with figures.stage("publish"):
            finished = {
                table.name: fetch(con, f"FROM {table.name}") for table in tables
            }
            publish(finished, context=_context(profile), releases=root / "releases")


def _curated(contract: Contract) -> tuple[CuratedTable, ...]:
    """Return the two tables: persons, and arrests with every column that leaves."""
    kinds = {"arrest_date": "DATE"}
    about = {
        "description": "A table of a benchmark.",
        "grain": "One row an arrest or person.",
        "owner": "Benchmark",
        "disclosure": "Never published.",
    }
    made = []
    for name, key, source, columns in (
        ("person", "person_token", "persons", tuple(PERSONS)),
        ("arrest", "arrest_id", "police_rms__arrest", _leaving(contract)),
    ):
        described = {
            column: {
                "type": "BIGINT"
                if column == "birth_year"
                else kinds.get(column, "VARCHAR"),
                "description": "A column of a benchmark.",
                "derived": "As it comes.",
            }
            for column in columns
        }
        made.append(
            CuratedTable(
                name,
                Path(f"{name}.sql"),
                f"SELECT {', '.join(columns)} FROM {source} ORDER BY {key}",
                Description.model_validate(
                    about | {"key": [key], "columns": described}
                ),
                frozenset({source}),
            )
        )
    return tuple(made)


def _context(profile: ReleaseProfile) -> ReleaseContext:
    return ReleaseContext(
        profile=profile.id,
        title=profile.title,
        basis=profile.basis,
        profile_digest="",
        night=NIGHT,
        inputs=(),
        persons_id="",
        code_version="benchmark",
        dictionary_json="{}",
        dictionary_markdown="",
        dictionary_html="",
        created_at=datetime(2025, 3, 8, tzinfo=UTC),
        run_id="benchmark",
    )


def _copy(root: Path, settings: Settings, figures: Figures) -> None:
    """Copy what was published from memory to Parquet, and nothing else."""
    (path,) = (root / "releases").glob("research/CURRENT/arrest/*.parquet")
    (root / "bare").mkdir()
    with connect(settings, root / "bare") as con:
        con.execute(f"CREATE TABLE arrest AS FROM '{path}'")
        figures.rows["arrest"] = count(con, "arrest")
        with figures.stage("copy"):
            con.execute(
                f"COPY arrest TO '{root / 'bare.parquet'}' "
                "(FORMAT parquet, COMPRESSION zstd)"
            )


if __name__ == "__main__":
    main()
