"""Places of victims: by what the agency recorded, whether or not it leaves."""

import random
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest

from concord.contracts.models import ReleaseProfile
from concord.contracts.profile_checks import with_victim_rules
from concord.contracts.victims import VictimRule, Withheld, read_victims
from concord.deidentification.content import deidentify
from concord.deidentification.content_columns import empty_content
from concord.deidentification.persons import NO_PERSONS, NO_PLACES, build_keymap
from concord.deidentification.victims import check_victim_rules, withhold_followers
from concord.exceptions import ContractError
from concord.settings import Settings
from tests.support.deidentified import NIGHT, registry, tokeniser, zip3_table

RULES = read_victims(Settings().include / "victims.yaml")
CHANCE = random.Random(3)
PERSON = f"{CHANCE.getrandbits(128):032x}"
HOME, FLATS, MILL = (f"{CHANCE.getrandbits(128):032x}" for _ in range(3))
THEN = datetime(2025, 5, 1, 23, 30)  # noqa: DTZ001


def profile(*names: str) -> ReleaseProfile:
    research = registry().profile("research")
    bare = research.model_copy(update={"victims": names, "victim_rules": {}})
    return with_victim_rules(bare, RULES)


def rows(feed: str, table: str, *given: dict[str, object]) -> pa.Table:
    schema = empty_content(registry().contract(feed))[table].schema
    return pa.Table.from_pylist(
        [dict.fromkeys(schema.names) | r for r in given], schema
    )


def incident(number: str, place: str = MILL, **more: object) -> dict[str, object]:
    return {
        "incident_id": number,
        "case_number": f"C{number}",
        "occurred_at": THEN,
        "place_key": place,
        "location_code": "13",
        **more,
    }


def released(release: ReleaseProfile, **tables: list[dict]) -> dict[str, bool]:
    """Return incidents and calls, each with whether its place is told."""
    persons = pa.Table.from_pylist([{"record_key": PERSON}], schema=NO_PERSONS.schema)
    places = pa.Table.from_pylist(
        [{"place_key": key} for key in (HOME, FLATS, MILL)], schema=NO_PLACES.schema
    )
    assigned = pa.table({"record_key": [PERSON], "person_id": [PERSON]})
    keymap = build_keymap(
        {"police_rms": persons},
        {"police_rms": places},
        assigned,
        release,
        tokeniser(),
        zip3_table(),
        NIGHT,
        threads=1,
    )
    tables["person"] = [{"record_key": PERSON}]
    told: dict[str, bool] = {}
    with duckdb.connect(config={"threads": 1}) as con:
        for feed in ("police_rms", "police_cad"):
            contract = registry().contract(feed)
            content = {
                name: rows(feed, name, *tables.get(name, ()))
                for name in empty_content(contract)
            }
            deidentify(con, contract, content, keymap, release, tokeniser())
        withhold_followers(con, release)
        named = {
            tokeniser().token(entity, row[key]): row[key]
            for entity, key, table in (
                ("incident", "incident_id", "incident"),
                ("call", "call_id", "call"),
            )
            for row in tables.get(table, ())
        }
        for query in (
            "SELECT incident_id, place_token IS NOT NULL FROM police_rms__incident",
            "SELECT call_id, place_token IS NOT NULL FROM police_cad__call",
        ):
            told |= {
                named[token]: is_told
                for token, is_told in con.execute(query).fetchall()
            }
    return told


def offense(number: str, code: str) -> dict[str, object]:
    return {"incident_id": number, "offense_seq": 1, "ucr_code": code}


def involved(number: str, **more: object) -> dict[str, object]:
    return {"incident_id": number, "record_key": PERSON, "role": "victim", **more}


def test_the_place_of_a_sensitive_offense_is_withheld():
    codes = ("100", "11A", "11B", "11C", "11D", "13C", "36A", "36B", "64A", "64B")
    harmless = ("220", "13A", "240", "35A")

    told = released(
        profile("sensitive_offense"),
        incident=[incident(code) for code in (*codes, *harmless)],
        offense=[offense(code, code) for code in (*codes, *harmless)],
    )

    assert told == dict.fromkeys(codes, False) | dict.fromkeys(harmless, True)


def test_the_place_of_partners_and_relatives_is_withheld():
    domestic = ("SE", "CS", "PA", "SB", "CH", "IL", "OF", "BG", "BF", "CF", "XS", "XR")
    others = ("AQ", "FR", "NE", "RU", "ST", "EE")

    told = released(
        profile("domestic"),
        incident=[incident(code) for code in (*domestic, *others)],
        involvement=[
            involved(code, relationship_code=code) for code in (*domestic, *others)
        ],
        call=[
            {"call_id": "told", "place_key": MILL, "final_type": "THEFT"},
            {"call_id": "marked", "place_key": MILL, "domestic": True},
            {"call_id": "typed", "place_key": MILL, "initial_type": "DOMESTIC"},
            {"call_id": "ended", "place_key": MILL, "final_type": "DOMESTIC"},
        ],
    )

    hidden = dict.fromkeys((*domestic, "marked", "typed", "ended"), False)
    assert told == hidden | dict.fromkeys((*others, "told"), True)


@pytest.mark.parametrize("role", ["victim", "offender", "witness", "arrestee"])
def test_the_place_of_whoever_was_a_juvenile_is_withheld(role: str):
    told = released(
        profile("juvenile"),
        incident=[
            incident(number) for number in ("17", "18", "unknown", "held", "grown")
        ],
        involvement=[
            involved("17", role=role, age_at_incident=17),
            involved("18", role=role, age_at_incident=18),
            involved("unknown", role=role),
        ],
        arrest=[
            {"arrest_id": "A1", "incident_id": "held", "age_at_arrest": 12},
            {"arrest_id": "A2", "incident_id": "grown", "age_at_arrest": 40},
        ],
    )

    assert told == {
        "17": False, "18": True, "unknown": True, "held": False, "grown": True,
    }  # fmt: skip


def test_a_home_is_told_only_where_so_many_incidents_are_that_it_is_no_household():
    flats = [incident(f"F{n}", FLATS, location_code="20") for n in range(11)]
    home = [incident(f"H{n}", HOME, location_code="20") for n in range(10)]
    street = [incident("S1", HOME), incident("S2", HOME, location_code=None)]

    told = released(profile("home"), incident=[*flats, *home, *street])

    assert told == (
        {row["incident_id"]: True for row in flats}
        | {row["incident_id"]: False for row in home}
        | {"S1": True, "S2": True}
    )


def test_a_call_follows_its_report_and_nothing_else_does():
    told = released(
        profile("sensitive_offense", "same_event"),
        incident=[incident("1"), incident("2")],
        offense=[offense("1", "11A"), offense("2", "220")],
        call=[
            {"call_id": "of 1", "place_key": MILL, "report_number": "C1"},
            {"call_id": "of 2", "place_key": MILL, "report_number": "C2"},
            {"call_id": "of none", "place_key": MILL},
        ],
    )

    assert told == {"1": False, "2": True, "of 1": False, "of 2": True, "of none": True}


def test_without_rules_every_place_is_told():
    told = released(profile(), incident=[incident("1")], offense=[offense("1", "11A")])

    assert told == {"1": True}


def test_the_rules_see_what_the_release_drops():
    dropped = profile("domestic")
    concepts = dict(dropped.concepts)
    concepts["event.sensitive_code"] = concepts["person.ssn"]
    dropped = dropped.model_copy(update={"concepts": concepts})

    told = released(
        dropped,
        incident=[incident("1")],
        involvement=[involved("1", relationship_code="SE")],
    )

    assert told == {"1": False}


def test_the_county_s_rules_are_of_columns_that_there_are():
    for name in ("research", "limited", "school"):
        check_victim_rules(registry().profile(name), registry().contracts)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"placeOf": "jail.stay", "when": "x", "is": ["1"]}, "table of no contract"),
        ({"placeOf": "police_rms.stay", "when": "x", "is": ["1"]}, "of no contract"),
        ({"placeOf": "police_rms.arrest", "when": "x", "is": ["1"]}, "has no place"),
        (
            {"placeOf": "police_rms.incident", "when": "sort", "is": ["1"]},
            "'police_rms.incident' has no column 'sort' of content",
        ),
        (
            {"placeOf": "police_rms.incident", "when": "street", "is": ["1"]},
            "has no column 'street' of content",
        ),
        (
            {"placeOf": "police_rms.incident", "when": "person.sex", "is": ["F"]},
            "'police_rms.person' refers to no 'incident'",
        ),
        (
            {
                "placeOf": "police_cad.call",
                "number": "call_id",
                "follows": "police_rms.incident.case_number",
            },
            "never join",
        ),
    ],
)
def test_a_rule_of_what_no_contract_has_is_refused(rule, problem):
    made = VictimRule(why="for a reason", withhold=(Withheld.model_validate(rule),))
    broken = profile().model_copy(update={"victim_rules": {"broken": made}})

    with pytest.raises(ContractError, match=problem):
        check_victim_rules(broken, registry().contracts)
