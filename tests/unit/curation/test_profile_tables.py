"""Tables as one profile has them: SQL of its own, companions of what is passed on."""

import json
from datetime import date, datetime

import duckdb
import pyarrow as pa
import pytest

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.models import ReleaseProfile
from concord.curation.profile_tables import mark_suppressed, tables_of
from concord.curation.running import curate
from concord.curation.sql_files import read_tables, relations_read
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import empty_content
from concord.deidentification.persons import NO_PERSONS, build_keymap
from concord.exceptions import ConfigError
from concord.settings import PROJECT, Settings
from tests.support.deidentified import (
    NIGHT,
    SOURCE_STATES,
    registry,
    tokeniser,
    zip3_table,
)

SQL = Settings().include / "sql"
OLD, YOUNG, LOST = "1" * 32, "2" * 32, "3" * 32
ASKED = (
    "person.zip",
    "person.race",
    "police_rms.arrest.arrest_date",
    "police_rms.arrest.age_at_arrest",
    "police_rms.arrest.disposition_under_18",
)


def profile(**changed: object) -> ReleaseProfile:
    research = registry().profile("research")
    return research.model_copy(
        update={"tables": ("person", "arrest"), "companions": ASKED, **changed}
    )


def arrest(number: str, person: str | None, day: date, age: int | None) -> dict:
    return {
        "record_key": person,
        "arrest_id": number,
        "arrest_date": day,
        "age_at_arrest": age,
    }


@pytest.fixture
def con():
    """Three persons and their arrests, curated with companions."""
    people = [
        {"record_key": OLD, "birth_date": date(1930, 1, 1), "zip": "03601"},
        {"record_key": YOUNG, "birth_date": date(1990, 5, 5), "zip": "62701"},
        {"record_key": LOST, "race": "W", "zip": "6270"},
    ]
    persons = pa.Table.from_pylist(people, schema=NO_PERSONS.schema)
    ids = pa.table({"record_key": [OLD, YOUNG, LOST], "person_id": [OLD, YOUNG, LOST]})
    keymap = build_keymap(
        {"police_rms": persons}, {}, ids, profile(), tokeniser(), zip3_table(), NIGHT
    )
    given = [
        arrest("old", OLD, date(2025, 3, 1), 95),
        arrest("ahead", YOUNG, date(2085, 3, 1), None),
        arrest("young", YOUNG, date(2025, 3, 1), 34),
        arrest("absurd", LOST, date(2025, 3, 1), 130),
        arrest("ancient", LOST, date(1925, 3, 1), None),
    ]
    with duckdb.connect(config={"threads": 1}) as con:
        load_keymap(con, keymap)
        for feed, contract in registry().contracts.items():
            content = empty_content(contract)
            if feed == "police_rms":
                for table, rows in (
                    ("arrest", given),
                    ("person", [{"record_key": key} for key in (OLD, YOUNG, LOST)]),
                ):
                    schema = content[table].schema
                    full = [dict.fromkeys(schema.names) | row for row in rows]
                    content[table] = pa.Table.from_pylist(full, schema)
            deidentify(con, contract, content, keymap, profile(), tokeniser())
        con.execute(SOURCE_STATES)
        yield con


def curated(con, release: ReleaseProfile):
    tables = {t.name: t for t in tables_of(SQL, release) if t.name in release.tables}
    curate(con, list(tables.values()))
    return tables


def test_missing_suppressed_generalised_and_invalid_are_told_apart(con):
    curated(con, profile())
    tokens = {tokeniser().token("arrest", n): n for n in
              ("old", "ahead", "young", "absurd", "ancient")}  # fmt: skip

    found = con.execute(
        "SELECT arrest_id, arrested_on, arrested_on__sdc, age_at_arrest, "
        "age_at_arrest__sdc, disposition_under_18__sdc FROM arrest"
    ).fetchall()

    this_year = date(2025, 1, 1)
    assert {tokens[number]: tuple(rest) for number, *rest in found} == {
        "old": (this_year, "generalised", None, "suppressed", "missing"),
        "ahead": (None, "suppressed", None, "missing", "missing"),
        "young": (this_year, "generalised", "25-34", "generalised", "missing"),
        "absurd": (this_year, "generalised", None, "invalid", "missing"),
        "ancient": (None, "suppressed", None, "missing", "missing"),
    }


def test_a_person_s_attributes_say_too_how_they_came_to_be(con):
    tables = curated(con, profile())
    names = {tokeniser().token("person", key): key for key in (OLD, YOUNG, LOST)}
    query = "SELECT person_token, zip3, zip3__sdc, race, race__sdc FROM person"

    found = {names[token]: tuple(rest) for token, *rest in con.sql(query).fetchall()}
    assert found == {
        OLD: ("000", "suppressed", None, "missing"),
        YOUNG: ("627", "generalised", None, "missing"),
        LOST: ("000", "invalid", "W", "ok"),
    }

    con.execute("UPDATE person SET race = NULL, zip3 = NULL WHERE race = 'W'")
    mark_suppressed(con, list(tables.values()))
    found = {names[token]: tuple(rest) for token, *rest in con.sql(query).fetchall()}
    assert found[LOST] == (None, "invalid", None, "suppressed")
    assert found[OLD] == ("000", "suppressed", None, "missing")


def test_a_companion_is_described_and_follows_its_column(con):
    tables = curated(con, profile())

    names = list(tables["arrest"].about.columns)
    assert names[names.index("arrested_on") + 1] == "arrested_on__sdc"
    assert "missing" in tables["arrest"].about.columns["arrested_on__sdc"].description
    assert [c[0] for c in con.execute("DESCRIBE arrest").fetchall()] == names


def test_without_companions_the_tables_are_the_county_s():
    plain = {t.name: t for t in tables_of(SQL, registry().profile("research"))}

    assert plain == {table.name: table for table in read_tables(SQL / "curated")}


def test_a_profile_s_own_table_stands_in_for_the_one_of_its_name():
    limited = {t.name: t for t in tables_of(SQL, registry().profile("limited"))}

    assert limited["place"].path.parent.name == "limited"
    assert list(limited["place"].about.columns) == [
        "place_token",
        "state",
        "city",
        "zip",
    ]
    assert limited["incident"].path.parent.name == "curated"


def test_an_action_of_one_column_wins_over_its_concept_s(con):
    month = ConceptAction(action="generalise_date", unit="month")
    changed = profile(columns={"police_rms.incident.reported_at": month})
    content = empty_content(registry().contract("police_rms"))
    schema = content["incident"].schema
    moment = datetime(2025, 6, 30, 23, 30)  # noqa: DTZ001
    row = dict.fromkeys(schema.names) | {"reported_at": moment, "occurred_at": moment}
    content["incident"] = pa.Table.from_pylist([row], schema)
    keymap = build_keymap(
        {}, {}, pa.table({"record_key": pa.array([], pa.string()),
                          "person_id": pa.array([], pa.string())}),
        changed, tokeniser(), zip3_table(), NIGHT,
    )  # fmt: skip
    with duckdb.connect() as fresh:
        deidentify(
            fresh, registry().contract("police_rms"), content, keymap, changed,
            tokeniser(),
        )  # fmt: skip
        found = fresh.execute(
            "SELECT occurred_at, reported_at FROM police_rms__incident"
        )

        assert found.fetchall() == [(date(2025, 1, 1), date(2025, 6, 1))]


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT current_date AS x", "current_date"),
        ("SELECT NOW() AS x", "now"),
        ("SELECT a FROM t WHERE b < today()", "today"),
        ("WITH c AS (SELECT localtimestamp AS x) SELECT x FROM c", "localtimestamp"),
        ("SELECT date_diff('year', a, b) AS x FROM t", "date_diff"),
        ("SELECT DATEDIFF('months', a, b) AS x FROM t", "datediff"),
        ("SELECT date_sub(unit, a, b) AS x FROM t", "date_sub"),
        ("SELECT age(a, b) AS x FROM t", "age"),
        ("SELECT random() AS x", "random"),
    ],
)
def test_sql_that_reads_the_clock_or_counts_turns_of_the_year_is_refused(
    tmp_path, sql: str, word: str
):
    with (
        duckdb.connect() as con,
        pytest.raises(ConfigError, match=rf"t\.sql:1: '{word}'"),
    ):
        relations_read(con, tmp_path / "t.sql", sql)


def test_sql_about_ages_and_days_of_today_by_name_only_is_not_refused(tmp_path):
    sql = "SELECT t.age, a - b AS days, date_diff('minute', c, d) AS lag FROM t"

    with duckdb.connect() as con:
        assert relations_read(con, tmp_path / "t.sql", sql) == {"t"}


def rule_queries() -> list[tuple[str, str]]:
    """Return every query of every suite of expectations."""
    return [
        (str(path), expectation["kwargs"]["unexpected_rows_query"])
        for path in sorted((PROJECT / "expectations").rglob("*.json"))
        for expectation in json.loads(path.read_text())["expectations"]
        if "unexpected_rows_query" in expectation["kwargs"]
    ]


def test_no_sql_and_no_rule_of_the_county_reads_the_clock_or_counts_turns_of_the_year():
    files = [(str(path), path.read_text()) for path in sorted(SQL.rglob("*.sql"))]
    rules = rule_queries()

    assert len(files) > 25
    assert len(rules) > 50
    with duckdb.connect() as con:
        for name, text in (*files, *rules):
            relations_read(con, PROJECT / name, text.replace("{batch}", "batch"))
