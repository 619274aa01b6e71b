"""The gate on risk: sets across tables, all of a release together, limits, refusals."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from concord.contracts.risk import KAnonymity, RiskRules
from concord.disclosure.histories import Shown, fingerprints
from concord.disclosure.k_anonymity import protect
from concord.disclosure.measures import measure
from concord.disclosure.population import OfPopulation
from concord.disclosure.risk_gate import Measures, RiskGate
from concord.exceptions import ContractError, RiskRefused

KEYS = {
    "person": ["person_token"],
    "incident": ["incident_id"],
    "involvement": ["incident_id", "person_token"],
    "encounter": ["encounter_id"],
}
CANARY = "zqxlou"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """Twelve people: ten alike, two of whom have a past, and two of another sex."""
    made = duckdb.connect()
    made.execute("""
        CREATE TABLE person AS SELECT
            'per_' || i AS person_token, if(i < 10, 'F', 'M') AS sex,
            'zqxlou' AS race, i < 5 AS in_hospital
        FROM range(12) AS t(i);
        CREATE TABLE incident AS SELECT
            'inc_' || i AS incident_id, make_date(2024 + i::INT, 1, 1) AS occurred_on
        FROM range(2) AS t(i);
        CREATE TABLE involvement AS SELECT * FROM (VALUES
            ('inc_0', 'per_0', 'victim'), ('inc_0', 'per_0', 'witness'),
            ('inc_0', 'per_1', 'victim'), ('inc_1', 'per_1', 'victim'),
            ('inc_1', NULL, 'victim')) AS t(incident_id, person_token, role);
        CREATE TABLE encounter AS SELECT
            'enc_' || i AS encounter_id, 'per_' || i AS person_token,
            DATE '2025-01-01' AS arrived_on
        FROM range(5) AS t(i);
    """)
    return made


def gate(rules: dict[str, Any], reference: Path = Path()) -> RiskGate:
    where = "include/releases/small.yaml"
    return RiskGate(where, RiskRules.model_validate(rules), 5, KEYS, reference)


def one_set(**keys: Any) -> dict[str, Any]:
    return {"sets": [{"id": "first", "quasiIdentifiers": ["sex"], **keys}]}


def measured(con: duckdb.DuckDBPyConnection, rules: dict[str, Any]) -> Measures:
    return gate(rules).measure(con, whole=True)


def test_a_set_takes_columns_of_the_person_and_of_what_a_table_names(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rules = one_set(table="involvement", quasiIdentifiers=["sex", "occurred_on"])

    found = measured(con, rules).by_name["first"]

    assert (found.persons, found.classes, found.k, found.unique) == (2, 2, 1, 1)


def test_sensitive_columns_are_measured_by_persons(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = measured(con, one_set(sensitive={"in_hospital": "nominal"}))

    (values,) = found.by_name["first"].values
    assert (values.l, values.homogeneous) == (1, 2)


def test_joined_is_who_knows_all_that_the_sets_name(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rules = {
        "sets": [
            {"id": "people", "quasiIdentifiers": ["sex"]},
            {"id": "visits", "table": "encounter", "quasiIdentifiers": ["arrived_on"]},
            {"id": "roles", "table": "involvement", "quasiIdentifiers": ["role"]},
        ],
        "joined": {},
    }  # fmt: skip

    found = measured(con, rules).by_name["joined"]

    # Alone: both with a past. Alike: 3 with a visit, 5 women and 2 men with nothing.
    assert (found.persons, found.classes, found.k, found.unique) == (12, 5, 1, 2)
    assert found.at_risk == 7


def test_trajectories_are_dates_of_every_table_also_of_those_that_name_nobody(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = measured(con, {"trajectories": {}}).by_name["trajectories"]

    assert (found.persons, found.unique, found.k) == (5, 2, 1)


def test_the_same_events_in_any_number_have_the_same_fingerprint(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("INSERT INTO encounter VALUES ('enc_9', 'per_3', DATE '2025-01-01')")

    shown = Shown.in_database(con, KEYS)
    found = measure(con, f"({fingerprints(list(shown.dates()))})", ["_fingerprint"], 5)

    assert (found.classes, found.at_risk) == (3, 5)


def test_risk_is_told_before_and_after_persons_are_hidden(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rules = one_set(quasiIdentifiers=["sex", "race"]) | {
        "joined": {"k": 5}, "trajectories": {},
    }  # fmt: skip
    judge = gate(rules)

    before = judge.measure(con, whole=False)
    rule = KAnonymity(k=5, quasiIdentifiers=("sex", "race"), maxSuppressedShare=1)
    protect(con, "person", "person_token", rule)
    after = judge.measure(con, whole=True)
    judge.refuse_above_limits(after)
    summary = judge.summary(before, after)

    assert before.by_name["first"].k == 2
    assert after.by_name["first"].k == 5
    (entry,) = summary["sets"]
    assert (entry["before"]["k"], entry["after"]["k"], entry["k"]) == (2, 5, 5)
    assert summary["joined"]["limits"] == {"k": 5}
    assert "before" not in summary["trajectories"]
    assert CANARY not in json.dumps(summary)


LIMITS = [
    ({"k": 5}, "k is 2, 5 required"),
    ({"atRiskShare": 0.1}, "atRiskShare is 16.67%, 10.00% allowed"),
    ({"l": 2}, "l of in_hospital is 1, limit 2"),
    ({"entropyL": 1.5}, "entropy_l of in_hospital is 1, limit 1.5"),
    ({"t": 0.3}, "t of in_hospital is 0.416667, limit 0.3"),
    ({"delta": 0.5}, "delta of in_hospital is 0.538997, limit 0.5"),
    ({"beta": 0.2}, "beta of in_hospital is 0.714286, limit 0.2"),
]


@pytest.mark.parametrize(("limits", "message"), LIMITS, ids=lambda v: str(v)[:12])
def test_a_set_beyond_a_limit_is_refused(
    con: duckdb.DuckDBPyConnection, limits: dict[str, Any], message: str
) -> None:
    judge = gate(one_set(sensitive={"in_hospital": "nominal"}, limits=limits))

    with pytest.raises(RiskRefused, match=re.escape(f"first: {message}")) as refused:
        judge.refuse_above_limits(judge.measure(con, whole=True))

    assert refused.value.code == "RISK_ABOVE_LIMIT"
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("name", ["joined", "trajectories"])
def test_a_release_that_shows_too_much_together_is_refused(
    con: duckdb.DuckDBPyConnection, name: str
) -> None:
    rules = one_set(table="involvement", quasiIdentifiers=["occurred_on"])
    judge = gate(rules | {name: {"uniqueShare": 0.05}})

    with pytest.raises(RiskRefused, match=rf"{name}: uniqueShare is \d+.\d+%, 5.00%"):
        judge.refuse_above_limits(judge.measure(con, whole=True))


def test_every_measure_beyond_its_limit_is_named(
    con: duckdb.DuckDBPyConnection,
) -> None:
    judge = gate(one_set(limits={"k": 5}) | {"trajectories": {"k": 6}})

    with pytest.raises(RiskRefused, match=r"first: k is 2, .*; trajectories: k is 1"):
        judge.refuse_above_limits(judge.measure(con, whole=True))


def test_a_release_within_its_limits_and_one_without_limits_pass(
    con: duckdb.DuckDBPyConnection,
) -> None:
    within = one_set(
        sensitive={"in_hospital": "nominal"},
        limits={"atRiskShare": 0.2, "uniqueShare": 0, "t": 0.5, "delta": 1, "beta": 1},
    )
    for rules in (within, {}):
        judge = gate(rules)
        judge.refuse_above_limits(judge.measure(con, whole=True))


def test_an_empty_release_is_no_risk(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    con.execute("DELETE FROM person")
    (tmp_path / "county.csv").write_text("sex,persons\nF,900\n")
    limits = {"k": 5, "populationK": 5}
    rules = one_set(population="county.csv", limits=limits)
    judge = gate(rules | {"joined": {"k": 5}}, tmp_path)

    judge.refuse_above_limits(judge.measure(con, whole=True))


def test_persons_are_compared_with_the_population(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "county.csv").write_text("sex,persons\nF,900\nF,100\nM,1\nX,3\n")
    rules = one_set(population="county.csv", limits={"populationK": 11})
    judge = gate(rules, tmp_path)

    found = judge.measure(con, whole=False)

    assert found.of_population["first"] == OfPopulation(k=1, unique=2)
    with pytest.raises(RiskRefused, match="first: populationK is 1, 11 required"):
        judge.refuse_above_limits(found)
    con.execute("UPDATE person SET sex = NULL WHERE sex = 'M'")
    after = judge.measure(con, whole=False)
    assert after.of_population["first"] == OfPopulation(k=1000, unique=0)
    (entry,) = judge.summary(found, after)["sets"]
    assert entry["population_before"] == {"k": 1, "unique": 2}
    assert entry["population_after"] == {"k": 1000, "unique": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such population table"),
        ("sex\nF\n", "no column 'persons'"),
        ("race,persons\nW,3\n", "no column 'sex'"),
        ("sex,persons\nF,3\nM,many\n", "county.csv:3: persons is 'many'"),
    ],
    ids=["missing", "no-count", "no-column", "no-number"],
)
def test_a_wrong_population_table_is_named(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "county.csv").write_text(text)
    judge = gate(one_set(population="county.csv"), tmp_path)

    with pytest.raises(ContractError, match=re.escape(message)):
        judge.measure(con, whole=False)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"table": "incident"}, "'incident' is no published table that names a person"),
        ({"table": "jail"}, "Name one of: person, involvement, encounter"),
        ({"quasiIdentifiers": ["age"]}, "no column 'age' in 'person'"),
        (
            {"table": "encounter", "quasiIdentifiers": ["role"]},
            "no column 'role' in 'encounter' or what is joined to it (person)",
        ),
    ],
    ids=["nobody", "no-table", "no-column", "elsewhere"],
)
def test_a_set_of_columns_that_are_not_there_is_refused(
    con: duckdb.DuckDBPyConnection, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ContractError, match=re.escape(message)) as refused:
        measured(con, one_set(**keys))
    assert "include/releases/small.yaml: set 'first'" in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (one_set(limits={"l": 2}), "limits on values need 'sensitive' columns"),
        (one_set(limits={"populationK": 5}), "'populationK' needs a 'population'"),
        ({"sets": one_set()["sets"] * 2}, "a set's id is used twice"),
        (one_set(id="joined"), "a set's id is used twice, or is joined"),
        (one_set(limits={"k": 4}), "greater than or equal to 5"),
        ({"joined": {}}, "'joined' needs 'sets'"),
    ],
)
def test_rules_that_could_not_be_kept_are_refused(
    rules: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RiskRules.model_validate(rules)
