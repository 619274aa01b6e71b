"""Two parts of the night on their own: validation beside plain SQL, and linkage."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.bound import failures_sql
from benchmarks.concord_way import person_records
from benchmarks.measuring import Figures, Stage
from benchmarks.served import NIGHT, Served
from concord import pipeline
from concord.contracts.models import Contract, Table
from concord.duck import connect, count, one
from concord.linkage.prediction import link
from concord.linkage.settings import load_model
from concord.parsing.loading import load
from concord.settings import Settings
from concord.validation import running
from concord.validation.row_checks import TableRules

ROUNDS = 5
BIGGEST = (("school", "attendance_event"), ("hospital", "patient"))


def run(served: Served, home: Path, figures: Figures) -> None:
    """Measure both parts, with the states that a finished night has left."""
    settings = Settings(home=home)
    with pipeline.open_county(settings) as county:
        for feed, name in BIGGEST:
            contract = county.registry.contract(feed)
            _validation(contract, contract.table(name), served, settings, figures)
        model = load_model(settings.include / "linkage")
        records = person_records(county)
        with county.zones.workspace("linkage") as scratch, figures.stage("link"):
            result = link(
                records,
                model,
                night=NIGHT,
                threads=settings.threads,
                memory_limit=settings.memory_limit,
                scratch=scratch,
            )
        figures.facts["link"] = {
            "records": records.num_rows,
            "seconds": dict(result.seconds),
        }


def _validation(
    contract: Contract,
    table: Table,
    served: Served,
    settings: Settings,
    figures: Figures,
) -> None:
    """Time the compiled suite and plain SQL in turn, over one typed table."""
    files = [Path(path) for path in served.paths(contract.id, table.source)]
    name = f"{contract.id}.{table.name}"
    with connect(settings, settings.home, timezone=contract.timezone) as con:
        loaded = load(con, contract, table, files)
        compiled = TableRules(contract, settings.expectations, NIGHT).of(table)
        query = failures_sql(
            contract, table, settings.expectations, loaded.relation, "_row"
        )
        running.run(con, loaded.relation, compiled)  # imports Great Expectations
        found: dict[str, int] = {}

        def suite() -> None:
            outcome = running.run(con, loaded.relation, compiled)
            found["suite"] = count(
                con, f"(SELECT DISTINCT _row FROM {outcome.failures})"
            )

        def plain() -> None:
            con.execute(f"CREATE OR REPLACE TEMP TABLE bad AS {query}")
            found["plain"] = int(one(con, "SELECT count(*) FROM bad")[0])

        measured = [
            (_measured(f"{name} suite", suite), _measured(f"{name} sql", plain))
            for _ in range(ROUNDS)
        ]
        figures.facts[name] = {
            "rows": loaded.received,
            "rules": len(compiled.rules),
            "failing_rows": found,
            "suite_cpu": median(ours.cpu for ours, _ in measured),
            "sql_cpu": median(plain.cpu for _, plain in measured),
            "suite_wall": median(ours.wall for ours, _ in measured),
            "sql_wall": median(plain.wall for _, plain in measured),
        }
        if found["suite"] != found["plain"]:
            raise RuntimeError(f"{name}: failing rows differ: {found}")


def _measured(name: str, work: Callable[[], None]) -> Stage:
    figures = Figures(name)
    with figures.stage(name):
        work()
    return figures.stages[0]
