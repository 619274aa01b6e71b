"""The 18 identifiers of 45 CFR 164.514(b)(2)(i), one test each.

For every identifier: no release profile of the standard may let it out, whatever it
says; and of a county in which everybody has one, planted and unlike anything else, it
stands in no table that is made for a release.
"""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.models import Concept, Contract, ReleaseProfile, Table
from concord.contracts.profile_checks import profile_problems
from concord.deidentification.content_columns import content_columns
from concord.exceptions import ContractError
from concord.validation import splitting
from tests.support.deidentified import NIGHT, registry
from tests.support.small_release import CANARY, SmallCounty, small_county

KEEP = ConceptAction(action="keep")
DISCARDED = frozenset(
    name
    for name, concept in registry().concepts.items()
    if concept.zone == "discard" and concept.identity == "direct"
)


@pytest.fixture(scope="module")
def county() -> SmallCounty:
    return small_county(18)


@pytest.fixture(scope="module")
def release(county: SmallCounty) -> Iterator[duckdb.DuckDBPyConnection]:
    with county.release() as con:
        yield con


def research(**changed: ConceptAction) -> ReleaseProfile:
    profile = registry().profile("research")
    actions = {name.replace("__", "."): action for name, action in changed.items()}
    return profile.model_copy(update={"concepts": {**profile.concepts, **actions}})


def check(profile: ReleaseProfile) -> None:
    known = registry()
    for _, problem, remedy in profile_problems(
        profile, known.concepts, known.contracts, known.agreements
    ):
        raise ContractError(f"{problem}. {remedy}")


def refused(concept: str, *actions: ConceptAction) -> None:
    """See that the standard refuses a concept's actions, each of them."""
    for action in actions or (KEEP,):
        with pytest.raises(ContractError, match=f"'{concept}'"):
            check(research(**{concept.replace(".", "__"): action}))


def cells(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Return every value of every table of a release, as text."""
    found: set[str] = set()
    for table in registry().profile("research").tables:
        for row in con.execute(f"FROM {table}").fetchall():
            found |= {str(value) for value in row if value is not None}
    return found


def absent(
    con: duckdb.DuckDBPyConnection, county: SmallCounty, *attributes: str
) -> None:
    """See that what the vault has of some attributes stands in no cell."""
    planted = {
        value
        for table in county.persons.values()
        for attribute in attributes
        for value in table[attribute].to_pylist()
        if value
    }
    assert len(planted) > 100
    assert all(CANARY in value for value in planted)
    published = "\n".join(cells(con))
    assert not [value for value in planted if value in published]


def never_split(concept: str) -> None:
    """See that a column of a concept goes neither to the vault nor to content."""
    assert concept in DISCARDED
    contract = registry().contract("police_rms")
    table = _with_column(contract.table("person"), registry().concepts[concept])
    events = _with_column(contract.table("incident"), registry().concepts[concept])

    made = " ".join(
        (
            splitting.content_select(table, "rows", {}),
            splitting.identity_select(table, "rows", {}),
            splitting.place_select(events, "rows"),
            splitting.content_select(events, "rows", {}),
            splitting.merged_persons([table], "police_rms"),
        )
    )
    assert "planted_column" not in made
    assert "planted_column" not in [c.name for c in content_columns(table)]


def _with_column(table: Table, concept: Concept) -> Table:
    planted = table.columns[-1].model_copy(
        update={"name": "planted_column", "concept": concept, "codelist": None}
    )
    return table.model_copy(update={"columns": (*table.columns, planted)})


def test_a_names(release, county):
    names = ("first_name", "middle_name", "last_name", "suffix")
    for name in names:
        refused(f"person.{name}")
    absent(release, county, *names)


def test_b_places_smaller_than_a_state_but_for_three_digits_of_the_zip_code(
    release, county
):
    for concept in ("place.street", "person.street"):
        refused(concept)
    for concept in ("person.city", "place.city", "person.zip", "place.zip"):
        refused(concept)
    for concept in ("place.latitude", "place.longitude"):
        refused(concept, KEEP, ConceptAction(action="snap", grid="h3:7", minimum=1500))
    refused("place.beat")
    absent(release, county, "street", "city")
    places = release.execute("SELECT zip3 FROM place UNION SELECT zip3 FROM person")
    assert {zip3 for (zip3,) in places.fetchall()} <= {"627", "000", None}
    full = {z for t in county.persons.values() for z in t["zip"].to_pylist()}
    assert not full & cells(release)


def test_c_dates_but_for_the_year_and_ages_from_90_on(release, county):
    for unit in ("quarter", "month", "week", "day"):
        finer = ConceptAction(action="generalise_date", unit=unit)
        refused("event.date", finer)
        refused("event.time", finer)
    for concept in ("event.date", "event.time", "technical.updated_at"):
        refused(concept)
    window = (date(2020, 1, 1), NIGHT)
    refused("event.date", ConceptAction(action="shift_date", days=182, window=window))
    refused("person.birth_date", ConceptAction(action="birth_year", top=91))
    days = {
        str(day)
        for tables in county.content.values()
        for table in tables.values()
        for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if str(kind) in ("date32[day]", "timestamp[us]")
        for day in table[name].cast("date32").to_pylist()
        if day is not None and (day.month, day.day) != (1, 1)
    }
    # What the coverage says of feeds is no date of a person.
    assert not (days - {str(NIGHT)}) & cells(release)
    (told,) = release.execute(
        "SELECT count(*) FROM involvement JOIN police_rms__involvement AS made "
        "USING (person_token) JOIN persons USING (person_token) "
        f"WHERE birth_year <= {NIGHT.year - 90} AND made.age_at_incident IS NOT NULL"
    ).fetchone()
    assert told == 0
    oldest = [
        birth
        for table in county.persons.values()
        for birth in table["birth_date"].to_pylist()
        if birth.year < NIGHT.year - 90
    ]
    (first,) = release.execute("SELECT min(birth_year) FROM persons").fetchone()
    assert oldest
    assert first == NIGHT.year - 90


def test_d_telephone_numbers(release, county):
    refused("person.phone")
    absent(release, county, "phone")


def test_e_fax_numbers():
    refused("person.fax")
    never_split("person.fax")


def test_f_email_addresses(release, county):
    refused("person.email")
    absent(release, county, "email")


def test_g_social_security_numbers(release, county):
    refused("person.ssn")
    absent(release, county, "ssn")


def test_h_medical_record_numbers(release, county):
    refused("person.medical_number")
    refused("person.source_id")
    absent(release, county, "medical_number", "source_id")


def test_i_health_plan_beneficiary_numbers():
    refused("person.plan_number")
    never_split("person.plan_number")


def test_j_account_numbers():
    refused("person.account_number")
    never_split("person.account_number")


def test_k_certificate_and_license_numbers():
    refused("person.license_number")
    never_split("person.license_number")


def test_l_vehicle_identifiers_and_plates():
    refused("person.vehicle")
    never_split("person.vehicle")


def test_m_device_identifiers():
    refused("person.device")
    never_split("person.device")


def test_n_urls():
    refused("person.url")
    never_split("person.url")


def test_o_ip_addresses():
    refused("person.ip_address")
    never_split("person.ip_address")


def test_p_biometric_identifiers():
    refused("person.biometric")
    never_split("person.biometric")


def test_q_photographs():
    refused("person.photo")
    never_split("person.photo")


def test_r_any_other_number_or_code(release, county):
    """Numbers of events leave as tokens; those of people and staff don't leave."""
    for concept in ("person.state_id", "person.student_number", "staff.id"):
        refused(concept)
    refused("text.narrative", KEEP, ConceptAction(action="tokenise"))
    never_split("person.other_number")
    absent(release, county, "state_id", "student_number")
    numbers = {
        value
        for tables in county.content.values()
        for table in tables.values()
        for column in table.column_names
        for value in table[column].to_pylist()
        if isinstance(value, str) and CANARY in value
    }
    assert len(numbers) > 100
    assert not [value for value in cells(release) if CANARY in value]


def test_every_contract_is_of_concepts_that_these_tests_know():
    direct = {
        column.concept.name
        for contract in registry().contracts.values()
        for column in _columns(contract)
        if column.concept.identity == "direct"
    }
    for concept in sorted(direct - {"person.reference"}):
        refused(concept)


def _columns(contract: Contract):
    return [column for table in contract.tables for column in table.columns]
