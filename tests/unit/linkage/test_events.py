"""Assaults that the hospital and the police both know, linked without names."""

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from concord.linkage.evaluation import Agreement
from concord.linkage.events import compare_events, link_assaults
from simulator.county import County

NIGHT = date(2026, 1, 5)
GOLDEN = Path(__file__).parents[2] / "sql" / "linked" / "events"
TIMES = {"started_at", "occurred_at"}
NUMBERS = {"age_at_arrival", "age_at_incident", "seq"}


def read(path: Path) -> pa.Table:
    casts = ", ".join(
        [f"{name}::TIMESTAMP AS {name}" for name in TIMES]
        + [f"{name}::INT AS {name}" for name in NUMBERS]
    )
    with duckdb.connect() as con:
        header = path.read_text().splitlines()[0].split(",")
        kept = ", ".join(c for c in casts.split(", ") if c.split(" AS ")[1] in header)
        replaced = f"* REPLACE ({kept})" if kept else "*"
        return con.sql(
            f"SELECT {replaced} FROM read_csv("
            f"'{path}', header = true, all_varchar = true)"
        ).to_arrow_table()


def test_golden_events() -> None:
    inputs = {path.stem: read(path) for path in GOLDEN.glob("*.csv")}
    expected = inputs.pop("expected")
    assert (
        link_assaults(inputs).pairs.select(["encounter_id", "incident_id"]).to_pylist()
        == expected.to_pylist()
    )


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, pa.Table], pa.Table]:
    """Return a county's content as the split makes it, and the true pairs."""
    root = tmp_path_factory.mktemp("county")
    County(11, 12_000, first_night=NIGHT).write_night(root, 0)
    return content(root), true_pairs(root)


def content(root: Path) -> dict[str, pa.Table]:
    police = root / "served" / "police_rms" / "20260105"
    hospital = root / "served" / "hospital" / "2026-01-05"
    with duckdb.connect() as con:
        con.execute("LOAD icu; SET TimeZone = 'America/Chicago'")
        for name in ("person", "incident", "offense", "involvement"):
            con.execute(
                f"CREATE VIEW {name} AS FROM read_csv("
                f"'{police}/police_rms_{name}_*.csv', all_varchar = true)"
            )
        for name in ("Patient", "Encounter", "Condition"):
            con.execute(
                f"CREATE VIEW {name} AS FROM read_json('{hospital}/{name}.ndjson', "
                "format = 'newline_delimited', sample_size = -1, "
                "timestampformat = 'none', dateformat = 'none')"
            )
        return {
            name: con.sql(query).to_arrow_table() for name, query in QUERIES.items()
        }


QUERIES = {
    "hospital__encounter": """
        SELECT id AS encounter_id, class.code AS class, status,
            'h' || SUBSTR(subject.reference, 9) AS record_key,
            TRY_CAST(period.start AS TIMESTAMPTZ) AS started_at,
            DATE_SUB('year', TRY_CAST(p.birthDate AS DATE),
                LEFT(period.start, 10)::DATE) AS age_at_arrival
        FROM Encounter LEFT JOIN (SELECT id AS pid, birthDate FROM Patient) AS p
        ON subject.reference = 'Patient/' || pid""",
    "hospital__condition": """
        SELECT SUBSTR(encounter.reference, 11) AS encounter_id,
            code.coding[1].code AS diagnosis,
            verificationStatus.coding[1].code AS verification FROM Condition""",
    "police_rms__incident": """
        SELECT incident_id, TRY_CAST(occurred_at AS TIMESTAMP)::TIMESTAMPTZ
            AS occurred_at, street || '|' || zip AS place_key FROM incident""",
    "police_rms__offense": "FROM offense",
    "police_rms__involvement": """
        SELECT i.incident_id, 'p' || i.person_id AS record_key, role, seq::INT AS seq,
            DATE_SUB('year', TRY_CAST(p.birth_date AS DATE),
                LEFT(e.occurred_at, 10)::DATE) AS age_at_incident
        FROM involvement AS i LEFT JOIN person AS p USING (person_id)
        LEFT JOIN incident AS e ON i.incident_id = e.incident_id""",
    "trait": """
        SELECT 'p' || person_id AS record_key, sex, zip FROM person UNION ALL
        SELECT 'h' || id, CASE gender WHEN 'male' THEN 'M' WHEN 'female' THEN 'F' END,
            address[1].postalCode FROM Patient""",
    "spot": "SELECT DISTINCT street || '|' || zip AS place_key, zip FROM incident",
}


def true_pairs(root: Path) -> pa.Table:
    """Return visits and reports of one happening; follow-ups are no visits of it."""
    return pq.read_table(root / "truth" / "2026-01-05" / "assault.parquet")


def test_a_countys_assaults_are_linked(served) -> None:
    inputs, truth = served
    linked = link_assaults(inputs)
    assert linked.visits > linked.pairs.num_rows < linked.incidents
    found = compare_events(linked.pairs, truth)
    assert found.true > 25
    assert found.precision >= 0.9
    assert found.recall >= 0.8


def test_no_event_is_linked_twice_and_order_does_not_matter(served) -> None:
    inputs, _ = served
    pairs = link_assaults(inputs).pairs
    for name in ("encounter_id", "incident_id"):
        values = pairs[name].to_pylist()
        assert len(set(values)) == len(values) > 0
    turned = {
        name: table.take(list(range(table.num_rows))[::-1])
        for name, table in inputs.items()
    }
    assert link_assaults(turned).pairs.equals(pairs)


def test_what_is_compared_are_pairs() -> None:
    pairs = pa.table({"encounter_id": ["a", "b"], "incident_id": ["1", "2"]})
    truth = pa.table({"encounter_id": ["a", "b", "c"], "incident_id": ["1", "3", "2"]})
    assert compare_events(pairs, truth) == Agreement(3, 2, 1)
