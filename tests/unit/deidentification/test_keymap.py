from datetime import date

import pyarrow as pa
import pytest

from concord.contracts.models import ConceptAction, ReleaseProfile
from concord.deidentification.oldest import LIMITS
from concord.deidentification.persons import NO_PERSONS, NO_PLACES, build_keymap
from concord.exceptions import ContractError, IntegrityError
from tests.support.deidentified import (
    NIGHT,
    empty_keymap,
    registry,
    tokeniser,
    zip3_table,
)

ANN, BEN, CARL = "a" * 32, "b" * 32, "c" * 32
FIRST, SECOND, THIRD = "1" * 32, "2" * 32, "3" * 32
SSN = "123-45-6789"


def profile(**actions: ConceptAction) -> ReleaseProfile:
    """Return the research profile with some concepts' actions changed."""
    research = registry().profile("research")
    changed = {name.replace("__", "."): action for name, action in actions.items()}
    return research.model_copy(update={"concepts": {**research.concepts, **changed}})


def persons(*records: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(records), schema=NO_PERSONS.schema)


def assigned(**people: str) -> pa.Table:
    return pa.table(
        {
            "record_key": pa.array(list(people), pa.string()),
            "feed": ["police_rms"] * len(people),
            "person_id": pa.array(list(people.values()), pa.string()),
        }
    )


def keymap(
    feeds: dict[str, pa.Table],
    assignments: pa.Table,
    places: dict[str, pa.Table] | None = None,
    release: ReleaseProfile | None = None,
    former: pa.Table | None = None,
):
    return build_keymap(
        feeds,
        places or {},
        assignments,
        release or profile(),
        tokeniser(),
        zip3_table(),
        NIGHT,
        former=former,
        threads=1,
    )


def successions(former: dict[str, str], **people: str) -> list[tuple[str, str, str]]:
    """Return (former id, id, kind) by way of the tokens."""
    table = pa.table({"record_key": list(former), "person_id": list(former.values())})
    records = persons(*({"record_key": key} for key in people))
    made = keymap({"police_rms": records}, assigned(**people), former=table)
    ids = {tokeniser().token("person", i): i for i in (ANN, BEN, CARL)}
    return sorted(
        (ids[row["former_token"]], ids[row["person_token"]], row["kind"])
        for row in made.successions.to_pylist()
    )


def test_a_token_of_which_all_that_is_left_has_another_is_merged():
    moved = {FIRST: BEN, SECOND: BEN}
    assert successions(moved, **{FIRST: ANN, SECOND: ANN}) == [(BEN, ANN, "merged")]


def test_a_token_that_still_stands_for_somebody_is_split():
    assert successions({FIRST: BEN}, **{FIRST: ANN, SECOND: BEN}) == [
        (BEN, ANN, "split")
    ]


def test_a_token_whose_records_are_two_persons_now_is_split():
    moved = {FIRST: CARL, SECOND: CARL}
    assert successions(moved, **{FIRST: ANN, SECOND: BEN}) == sorted(
        [(CARL, ANN, "split"), (CARL, BEN, "split")]
    )


def test_a_token_of_which_no_record_is_left_is_not_told():
    assert successions({THIRD: CARL}, **{FIRST: ANN}) == []


def test_a_former_id_that_is_not_random_is_refused():
    with pytest.raises(IntegrityError, match="former person keys are not"):
        successions({FIRST: "Ann Lee"}, **{FIRST: ANN})


def test_records_of_one_person_have_one_token():
    made = keymap(
        {
            "police_rms": persons({"record_key": FIRST}, {"record_key": SECOND}),
            "school": persons({"record_key": THIRD}),
        },
        assigned(**{FIRST: ANN, SECOND: BEN, THIRD: ANN}),
    )

    tokens = {key: tokeniser().token("person", key) for key in (ANN, BEN)}
    pairs = made.person_keys.select(["record_key", "person_token"])
    assert pairs.to_pylist() == [
        {"record_key": FIRST, "person_token": tokens[ANN]},
        {"record_key": SECOND, "person_token": tokens[BEN]},
        {"record_key": THIRD, "person_token": tokens[ANN]},
    ]
    assert made.persons["person_token"].to_pylist() == sorted(tokens.values())


def test_a_person_has_the_most_frequent_value_of_each_attribute():
    records = [
        {"record_key": FIRST, "sex": "M", "race": "W", "zip": "62701", "state": "IL"},
        {"record_key": SECOND, "sex": "F", "race": None, "zip": "99999"},
        {"record_key": THIRD, "sex": "F", "race": None, "zip": "62702-1234"},
    ]
    births = [date(1980, 5, 1), date(1980, 1, 5), date(1979, 5, 1)]
    for record, birth in zip(records, births, strict=True):
        record["birth_date"] = birth

    made = keymap(
        {"police_rms": persons(*records)},
        assigned(**{FIRST: ANN, SECOND: ANN, THIRD: ANN}),
    )

    assert made.persons.to_pylist() == [
        {
            "person_token": tokeniser().token("person", ANN),
            "birth_year": 1980,
            "sex": "F",
            "race": "W",
            "ethnicity": None,
            "state": "IL",
            "zip3": "627",
        }
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["as given", "reversed"])
def test_of_equally_frequent_values_the_smallest_wins(order: tuple[int, int]):
    records = [
        {"record_key": FIRST, "race": "W"},
        {"record_key": SECOND, "race": "B"},
    ]

    made = keymap(
        {"police_rms": persons(*(records[at] for at in order))},
        assigned(**{FIRST: ANN, SECOND: ANN}),
    )

    assert made.persons["race"].to_pylist() == ["B"]


def test_only_what_the_profile_lets_out_is_in_the_keymap():
    release = profile(
        person__race=ConceptAction(action="drop"),
        person__zip=ConceptAction(action="keep"),
        place__zip=ConceptAction(action="drop"),
    )
    record = dict.fromkeys(NO_PERSONS.column_names, SSN) | {
        "record_key": FIRST,
        "birth_date": NIGHT,
        "zip": "62701",
    }

    made = keymap(
        {"school": persons(record)}, assigned(**{FIRST: ANN}), release=release
    )

    assert made.person_keys.column_names == ["record_key", "person_token", *LIMITS]
    assert made.persons.column_names == [
        "person_token",
        "birth_year",
        "sex",
        "ethnicity",
        "state",
        "zip",
    ]
    assert made.place_keys.column_names == ["place_key", "place_token", "state"]


def test_a_concept_that_the_profile_does_not_name_is_dropped():
    research = registry().profile("research")
    concepts = {k: v for k, v in research.concepts.items() if k != "person.sex"}

    made = keymap(
        {}, assigned(), release=research.model_copy(update={"concepts": concepts})
    )

    assert "sex" not in made.persons.column_names


def test_places_leave_as_token_state_and_zip3():
    places = pa.Table.from_pylist(
        [
            {"place_key": SECOND, "street": "1 Elm", "zip": "62701", "state": "IL"},
            {"place_key": FIRST, "street": "2 Elm", "zip": "03601", "latitude": 1.5},
        ],
        schema=NO_PLACES.schema,
    )

    made = keymap({}, assigned(), places={"police_rms": places})

    def token(key: str) -> str:
        return tokeniser().token("place", key)

    assert made.place_keys.to_pylist() == [
        {"place_key": FIRST, "place_token": token(FIRST), "state": None, "zip3": "000"},
        {
            "place_key": SECOND,
            "place_token": token(SECOND),
            "state": "IL",
            "zip3": "627",
        },
    ]


def test_without_any_feed_the_keymap_is_empty_and_typed():
    made = empty_keymap()

    assert made.persons.num_rows == made.person_keys.num_rows == 0
    assert made.persons.schema.field("birth_year").type == pa.int64()
    assert made.place_keys.schema.field("zip3").type == pa.string()


def test_records_without_person_id_are_refused_by_count():
    feeds = {"school": persons({"record_key": FIRST}, {"record_key": SECOND})}

    with pytest.raises(IntegrityError, match="1 of 2 person records have no person id"):
        keymap(feeds, assigned(**{FIRST: ANN}))


def test_a_record_key_that_occurs_twice_is_refused():
    record = persons({"record_key": FIRST})
    twice = pa.concat_tables([assigned(**{FIRST: ANN}), assigned(**{FIRST: BEN})])

    with pytest.raises(IntegrityError, match="a record key occurs twice"):
        keymap({"school": record}, twice)
    with pytest.raises(IntegrityError, match="a record key occurs twice"):
        keymap({"school": record, "hospital": record}, assigned(**{FIRST: ANN}))


def test_a_place_key_that_occurs_twice_is_refused():
    place = pa.Table.from_pylist([{"place_key": FIRST}], schema=NO_PLACES.schema)

    with pytest.raises(IntegrityError, match="2 places have 1 place keys"):
        keymap({}, assigned(), places={"police_rms": place, "school": place})


def test_an_identifier_is_never_made_a_token():
    with pytest.raises(IntegrityError, match="1 person keys are not 32 hex") as person:
        keymap({"school": persons({"record_key": FIRST})}, assigned(**{FIRST: SSN}))
    place = pa.Table.from_pylist([{"place_key": "1 Elm"}], schema=NO_PLACES.schema)
    with pytest.raises(IntegrityError, match="1 place keys are not 32 hex") as address:
        keymap({}, assigned(), places={"police_rms": place})

    assert SSN not in str(person.value)
    assert "Elm" not in str(address.value)


@pytest.mark.parametrize(
    ("concept", "action"),
    [
        ("person__last_name", ConceptAction(action="keep")),
        ("person__ssn", ConceptAction(action="tokenise")),
        ("person__source_id", ConceptAction(action="tokenise")),
        ("person__birth_date", ConceptAction(action="keep")),
        ("person__birth_date", ConceptAction(action="generalise_date", unit="month")),
        ("person__sex", ConceptAction(action="zip3")),
        ("place__latitude", ConceptAction(action="keep")),
    ],
)
def test_an_action_that_would_let_an_identity_out_is_refused(
    concept: str, action: ConceptAction
):
    name = concept.replace("__", ".")

    with pytest.raises(ContractError, match=f"'{name}' can't be '{action.action}'"):
        keymap({}, assigned(), release=profile(**{concept: action}))


def test_a_profile_without_person_tokens_is_refused():
    release = profile(person__reference=ConceptAction(action="drop"))

    with pytest.raises(ContractError, match=r"'person\.reference' is not token"):
        keymap({}, assigned(), release=release)


def test_a_database_error_in_the_vault_tells_no_value():
    broken = NO_PERSONS.set_column(
        NO_PERSONS.column_names.index("birth_date"),
        "birth_date",
        pa.array([], pa.string()),
    )
    rows = pa.Table.from_pylist(
        [{"record_key": FIRST, "birth_date": SSN}], schema=broken.schema
    )

    with pytest.raises(IntegrityError, match="make the keymap") as caught:
        keymap({"school": rows}, assigned(**{FIRST: ANN}))

    assert SSN not in str(caught.value)
    assert caught.value.__context__ is None
