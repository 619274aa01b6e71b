from dataclasses import replace
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest

from concord.contracts.models import ConceptAction, Contract, ReleaseProfile
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import empty_content
from concord.deidentification.persons import Keymap
from concord.exceptions import ContractError, DisclosureRefused, IntegrityError
from tests.support.deidentified import registry, tokeniser
from tests.support.small_release import SmallCounty, small_county

Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def county() -> SmallCounty:
    return small_county(1)


@pytest.fixture(scope="module")
def keymap(county: SmallCounty) -> Keymap:
    return county.keymap()


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def police() -> Contract:
    return registry().contract("police_rms")


def research(**actions: ConceptAction) -> ReleaseProfile:
    profile = registry().profile("research")
    changed = {name.replace("__", "."): action for name, action in actions.items()}
    return profile.model_copy(update={"concepts": {**profile.concepts, **changed}})


def run(con, tables: Tables, keymap: Keymap, profile: ReleaseProfile | None = None):
    return deidentify(con, police(), tables, keymap, profile or research(), tokeniser())


def changed(county: SmallCounty, name: str, table: pa.Table) -> Tables:
    return {**county.content["police_rms"], name: table}


def test_each_table_has_the_columns_that_may_leave(con, county, keymap):
    columns = run(con, county.content["police_rms"], keymap)

    assert columns == {
        "person": ("person_token",),
        "incident": (
            "incident_id",
            "ori",
            "case_number",
            "occurred_at",
            "reported_at",
            "clearance",
            "clearance_date",
            "location_code",
            "place_withheld",
            "place_token",
        ),
        "offense": (
            "incident_id",
            "offense_seq",
            "ucr_code",
            "attempted_completed",
            "weapon_code",
            "bias_code",
        ),
        "involvement": (
            "person_token",
            "incident_id",
            "role",
            "seq",
            "injury_code",
            "relationship_code",
            "age_at_incident",
        ),
        "arrest": (
            "person_token",
            "arrest_id",
            "incident_id",
            "arrest_date",
            "arrest_type",
            "ucr_code",
            "disposition_under_18",
            "age_at_arrest",
        ),
    }
    for table, names in columns.items():
        made = con.execute(f"DESCRIBE police_rms__{table}").fetchall()
        assert tuple(column[0] for column in made) == names


def test_rows_keep_what_they_say_and_lose_who_and_when(con, county, keymap):
    tables = county.content["police_rms"]
    pairs = keymap.person_keys.select(["record_key", "person_token"]).to_pydict()
    people = dict(zip(*pairs.values(), strict=True))
    token = tokeniser().token

    run(con, tables, keymap)

    expected = sorted(
        (
            people[row["record_key"]],
            token("arrest", row["arrest_id"]),
            token("incident", row["incident_id"]),
            row["arrest_date"].replace(month=1, day=1),
            row["ucr_code"],
        )
        for row in tables["arrest"].to_pylist()
    )
    found = con.execute(
        "SELECT person_token, arrest_id, incident_id, arrest_date, ucr_code "
        "FROM police_rms__arrest"
    ).fetchall()
    assert sorted(found) == expected


def test_the_same_number_has_the_same_token_in_every_table_and_feed(
    con, county, keymap
):
    profile = research()
    for feed, contract in registry().contracts.items():
        deidentify(con, contract, county.content[feed], keymap, profile, tokeniser())

    for one, other in (
        ("police_rms__offense.incident_id", "police_rms__incident.incident_id"),
        ("school__discipline_incident.case_number", "police_rms__incident.case_number"),
        ("probation__supervision_period.arrest_number", "police_rms__arrest.arrest_id"),
    ):
        tables = [name.split(".") for name in (one, other)]
        found = con.execute(
            f"SELECT count(*) FROM {tables[0][0]} WHERE {tables[0][1]} NOT IN "
            f"(SELECT {tables[1][1]} FROM {tables[1][0]})"
        ).fetchall()
        assert found == [(0,)]


def test_a_never_delivered_feed_gives_empty_typed_tables(con, keymap):
    run(con, empty_content(police()), keymap)

    described = con.execute("DESCRIBE police_rms__incident").fetchall()
    types = {name: kind for name, kind, *_ in described}
    assert types["occurred_at"] == "DATE"
    assert types["place_token"] == "VARCHAR"
    assert con.execute("SELECT count(*) FROM police_rms__incident").fetchall() == [(0,)]


def test_nothing_of_content_or_keymap_stays_in_the_connection(con, county, keymap):
    load_keymap(con, keymap)
    run(con, county.content["police_rms"], keymap)

    names = {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    made = {f"police_rms__{table.name}" for table in police().tables}
    assert names == made | {"persons", "places", "successions"}
    places = con.execute("DESCRIBE places").fetchall()
    assert [name for name, *_ in places] == ["place_token", "state", "zip3"]


def test_nothing_stays_in_the_connection_after_a_refusal(con, county, keymap):
    stranger = county.content["police_rms"]["person"].set_column(
        0, "record_key", pa.array(["f" * 32] * 40)
    )

    with pytest.raises(IntegrityError):
        run(con, changed(county, "person", stranger), keymap)

    names = {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    assert not [name for name in names if name.startswith("_")]


@pytest.mark.parametrize("column", ["last_name", "narrative", "beat_notes", "street"])
def test_a_column_that_content_should_not_have_is_refused(
    con, county, keymap, column: str
):
    table = county.content["police_rms"]["incident"]
    extra = table.append_column(column, pa.array(["zqx secret"] * table.num_rows))

    with pytest.raises(DisclosureRefused, match=f"column {column} is not") as caught:
        run(con, changed(county, "incident", extra), keymap)

    assert "secret" not in str(caught.value)
    assert con.execute("SHOW TABLES").fetchall() == []


def test_a_table_that_the_contract_does_not_know_is_refused(con, county, keymap):
    tables = changed(county, "field_interview", county.content["police_rms"]["arrest"])

    with pytest.raises(DisclosureRefused, match="table field_interview is not"):
        run(con, tables, keymap)


def test_a_missing_table_column_or_another_type_is_refused(con, county, keymap):
    tables = county.content["police_rms"]
    incident, arrest = tables["incident"], tables["arrest"]

    with pytest.raises(IntegrityError, match="table incident is missing"):
        run(con, {k: v for k, v in tables.items() if k != "incident"}, keymap)
    with pytest.raises(IntegrityError, match="column ori is missing"):
        run(con, changed(county, "incident", incident.drop_columns(["ori"])), keymap)
    twice = arrest.append_column("ucr_code", arrest["ucr_code"])
    with pytest.raises(IntegrityError, match="column occurs twice"):
        run(con, changed(county, "arrest", twice), keymap)
    at = arrest.column_names.index("arrest_date")
    text = arrest.set_column(at, "arrest_date", arrest[at].cast(pa.string()))
    with pytest.raises(IntegrityError, match=r"'arrest_date' is string, but .* date"):
        run(con, changed(county, "arrest", text), keymap)


def test_a_moment_with_a_time_zone_is_refused_because_its_day_would_shift(
    con, county, keymap
):
    incident = county.content["police_rms"]["incident"]
    at = incident.column_names.index("occurred_at")
    zoned = incident["occurred_at"].cast(pa.timestamp("us", tz="UTC"))

    with pytest.raises(IntegrityError, match=r"'occurred_at' is timestamp.*UTC"):
        run(
            con,
            changed(county, "incident", incident.set_column(at, "occurred_at", zoned)),
            keymap,
        )


def test_narrow_and_coded_columns_are_taken(con, county, keymap):
    arrest = county.content["police_rms"]["arrest"]
    at, code = (arrest.column_names.index(n) for n in ("age_at_arrest", "arrest_type"))
    narrow = arrest.set_column(at, "age_at_arrest", arrest[at].cast(pa.int16()))
    coded = narrow.set_column(code, "arrest_type", arrest[code].dictionary_encode())

    run(con, changed(county, "arrest", coded), keymap)

    assert con.execute("SELECT count(*) FROM police_rms__arrest").fetchall() == [(40,)]


def test_rows_of_a_person_since_deleted_by_the_agency_are_left_out(con, county, keymap):
    arrest = county.content["police_rms"]["arrest"]
    keys = ["f" * 32, *arrest["record_key"].to_pylist()[1:]]
    at = arrest.column_names.index("record_key")

    run(
        con,
        changed(county, "arrest", arrest.set_column(at, "record_key", pa.array(keys))),
        keymap,
    )

    made = con.execute("SELECT count(*), count(person_token) FROM police_rms__arrest")
    assert made.fetchall() == [(39, 39)]


def test_a_keymap_of_other_states_is_refused(con, county):
    other = small_county(2).keymap()
    ours = county.keymap()
    places = replace(ours, place_keys=other.place_keys)
    twice = replace(ours, person_keys=pa.concat_tables([ours.person_keys] * 2))
    tables = county.content["police_rms"]

    with pytest.raises(IntegrityError, match="police_rms__person: 40 rows became 0"):
        run(con, tables, other)
    with pytest.raises(IntegrityError, match="places of the content are not in"):
        run(duckdb.connect(), tables, places)
    with pytest.raises(IntegrityError, match="police_rms__person: 40 rows became 80"):
        run(duckdb.connect(), tables, twice)


def test_what_the_profile_does_not_name_is_dropped(con, county, keymap):
    profile = registry().profile("research")
    concepts = {k: v for k, v in profile.concepts.items() if k != "event.code"}

    columns = run(
        con,
        county.content["police_rms"],
        keymap,
        profile.model_copy(update={"concepts": concepts}),
    )

    assert columns["offense"] == ("incident_id", "offense_seq")


def test_a_table_of_which_nothing_may_leave_is_not_created(con, county, keymap):
    profile = registry().profile("research")
    only_people = profile.model_copy(
        update={"concepts": {"person.reference": ConceptAction(action="tokenise")}}
    )

    columns = run(con, county.content["police_rms"], keymap, only_people)

    assert set(columns) == {"person", "incident", "involvement", "arrest"}
    assert "offense" not in columns


@pytest.mark.parametrize(
    ("concept", "action", "where"),
    [
        ("event__code", ConceptAction(action="generalise_date", unit="year"), "string"),
        ("event__date", ConceptAction(action="age_band", bands=(0,)), "date"),
        ("event__sequence", ConceptAction(action="tokenise"), "integer"),
        ("event__date", ConceptAction(action="birth_year", top=90), "date"),
        ("event__code", ConceptAction(action="zip3"), "string"),
    ],
)
def test_an_action_that_does_not_fit_the_column_is_refused(
    con, county, keymap, concept: str, action: ConceptAction, where: str
):
    name = concept.replace("__", ".")

    with pytest.raises(
        ContractError, match=f"'{name}' can't be '{action.action}' .* a {where}"
    ):
        run(
            con,
            county.content["police_rms"],
            keymap,
            research(**{concept: action}),
        )


def test_months_leave_where_the_profile_says_month(con, county, keymap):
    profile = research(
        event__time=ConceptAction(action="generalise_date", unit="month")
    )

    run(con, county.content["police_rms"], keymap, profile)

    found = {
        day
        for (day,) in con.execute(
            "SELECT occurred_at FROM police_rms__incident"
        ).fetchall()
    }
    moments: list[datetime] = county.content["police_rms"]["incident"][
        "occurred_at"
    ].to_pylist()
    assert found == {moment.date().replace(day=1) for moment in moments}
