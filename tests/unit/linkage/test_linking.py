"""Who is one person and who is not, case by case, amid a simulated county."""

from datetime import date

import pyarrow as pa
import pytest

from concord.linkage.prediction import link
from concord.linkage.settings import PersonModel
from tests.support.linkage_data import PERSON_RECORD
from tests.unit.linkage.conftest import NIGHT

BORN = date(1984, 3, 7)
Fields = dict[str, object]

HOME: Fields = {"street": "quillfeather Ln Apt 3", "zip": "62702"}
PHONE: Fields = {"phone": "217-333-4512"}


ONE_PERSON: dict[str, tuple[Fields, Fields]] = {
    "written alike": ({}, {}),
    "case, accents and marks": (
        {"first_name": "JOSÉ", "last_name": "o'tessler"},
        {"first_name": "Jose", "last_name": "OTESSLER"},
    ),
    "nickname": (
        {"first_name": "Margaret", **HOME},
        {"first_name": "Peggy", "street": "QUILLFEATHER LANE"},
    ),
    "names in the wrong boxes": (
        {"first_name": "Anselm", "last_name": "Vantorre"},
        {"first_name": "VANTORRE", "last_name": "ANSELM"},
    ),
    "surname after marriage": ({"last_name": "Okonbirch", **PHONE}, PHONE),
    "one of two surnames": (
        {"last_name": "Tessmoor-Villagrande"},
        {"last_name": "VILLAGRANDE"},
    ),
    "both names misspelt": (
        {"first_name": "Christopher", "last_name": "Dunsterville"},
        {"first_name": "Christohper", "last_name": "Dunstervile"},
    ),
    "day and month swapped": ({}, {"birth_date": date(1984, 7, 3)}),
    "mistyped year": (HOME, {"birth_date": date(1964, 3, 7), **HOME}),
    "1 January for an unknown day": (PHONE, {"birth_date": date(1984, 1, 1), **PHONE}),
    "birth date not known": (HOME, {"birth_date": date(1900, 1, 1), **HOME}),
    "birth date in the future": (HOME, {"birth_date": date(2031, 5, 17), **HOME}),
    "only an initial": (
        {"first_name": "Bartholomew", **HOME},
        {"first_name": "B", **HOME},
    ),
    "another first name, one SSN": (
        {"first_name": "Robin", "ssn": "212-34-5678"},
        {"first_name": "Dominique", "ssn": "212345678"},
    ),
    "two state ids, one SSN": (
        {"state_id": "IL40291188", "ssn": "331-52-6678"},
        {"state_id": "MO77350643", "ssn": "331-52-6678"},
    ),
    "a medical record number that another agency wrote down": (
        {"first_name": "Odalys", "medical_number": "MRN-553091"},
        {
            "first_name": "Beatrix",
            "last_name": "Hallowmere",
            "medical_number": "mrn553091",
        },
    ),
    "a student number that another agency wrote down": (
        {"last_name": "Okonsmith", "student_number": "SU00559912"},
        {"last_name": "Brynwater", "student_number": "SU00559912"},
    ),
    "two numbers of one hospital": (
        {"medical_number": "MRN-881207", **HOME},
        {"medical_number": "MRN-447790", **HOME},
    ),
    "a state id and a medical record number": (
        {"state_id": "IL55120987", **HOME},
        {"medical_number": "MRN-120987", **HOME},
    ),
    "a digit of the SSN": (
        {"ssn": "331-40-5678", **HOME},
        {"ssn": "331-40-5676", **HOME},
    ),
}

STRANGERS: dict[str, tuple[Fields, Fields]] = {
    "twins": (
        {"first_name": "Thomas", **HOME, **PHONE},
        {"first_name": "Andrew", **HOME, **PHONE},
    ),
    "twins with one middle initial": (
        {"first_name": "Emily", "middle_name": "R", "sex": "F", **HOME},
        {"first_name": "Sarah", "middle_name": "R", "sex": "F", **HOME},
    ),
    "Jr and Sr": (
        {"suffix": "Jr", "birth_date": None, **HOME},
        {"suffix": "Sr", "birth_date": None, **HOME},
    ),
    "father and son": (
        {"birth_date": date(2008, 9, 2), **HOME, **PHONE},
        {"birth_date": date(1979, 4, 11), **HOME, **PHONE},
    ),
    "father and son, suffix in the name": (
        {"last_name": "Harbinger Jr", **HOME},
        {"last_name": "Harbinger", "suffix": "SR", **HOME},
    ),
    "brothers with names alike": (
        {"first_name": "Jason", "birth_date": date(2012, 5, 1), **HOME, **PHONE},
        {"first_name": "Mason", "birth_date": date(2015, 8, 9), **HOME, **PHONE},
    ),
    "sisters, one name short for the other": (
        {"first_name": "Makayla", "birth_date": date(2012, 5, 1), **HOME, **PHONE},
        {"first_name": "Kayla", "birth_date": date(2015, 8, 9), **HOME, **PHONE},
    ),
    "placeholders in every number": (
        {"first_name": "Felicity", "last_name": "Unknown", "state_id": "0000000",
         "medical_number": "MRN000000", "phone": "000-000-0000", "birth_date": None},
        {"first_name": "Gregory", "last_name": "Unknown", "state_id": "0000000",
         "medical_number": "MRN000000", "phone": "000-000-0000", "birth_date": None},
    ),
    "nobody born on 1 January 1900": (
        {"first_name": "Jane", "last_name": "Doe", "birth_date": date(1900, 1, 1),
         "ssn": "000-00-0000", **HOME},
        {"first_name": "Jane", "last_name": "Doe", "birth_date": date(1900, 1, 1),
         "ssn": "000-00-0000", **HOME},
    ),
    "SSNs that contradict": (
        {"ssn": "655-12-9087", **HOME, **PHONE},
        {"ssn": "498-71-3302", **HOME, **PHONE},
    ),
    "state ids that contradict": (
        {"state_id": "IL40291187", **HOME, **PHONE},
        {"state_id": "IL77350642", **HOME, **PHONE},
    ),
    "neither name known": (
        {"first_name": "Unknown", "last_name": "Unknown", **HOME},
        {"first_name": "UNKNOWN", "last_name": "UNKNOWN", **HOME},
    ),
    "John and John Doe": (
        {"first_name": "John", "last_name": "Doe"},
        {"first_name": "John", "last_name": "Doe"},
    ),
    "one placeholder for an SSN": (
        {"first_name": "Felix", "last_name": "Abernathyson", "ssn": "999-99-9999"},
        {"first_name": "Grace", "last_name": "Quillonby", "ssn": "999-99-9999",
         "birth_date": date(1991, 12, 30)},
    ),
    "household of one first name": (
        {"first_name": "William", "last_name": "Marshgate", "birth_date": None, **HOME},
        {"first_name": "William", "last_name": "Boydell", "birth_date": None, **HOME},
    ),
}  # fmt: skip


SURNAMES = (
    "Abzolt", "Brindska", "Corvane", "Dusmark", "Elphorn", "Fritzeno", "Gwaldac",
    "Hjortsen", "Ivkovarn", "Jarmund", "Kestrow", "Lunquil", "Mirzoyat", "Nordhak",
    "Oszlani", "Pfilgen", "Quorvet", "Rusmanik", "Stelvoy", "Tarquim", "Umbrecht",
    "Vexholm", "Wurstad", "Xandrik", "Yelvotan", "Zubrisk", "Aquelor", "Bohnstiv",
    "Cravnel", "Dyrholt", "Ensvike", "Fjorgan",
    "Cwmdare", "Drazhnik", "Eskeldun", "Froghamm", "Gulvaine", "Hruskova", "Ilmenrot",
)  # fmt: skip


def pairs(
    cases: dict[str, tuple[Fields, Fields]], prefix: str, first: int
) -> list[Fields]:
    """Return two records a case; a case shares nothing with another one."""
    rows: list[Fields] = []
    for number, (name, sides) in enumerate(cases.items(), start=first):
        for side, fields in zip("ab", sides, strict=True):
            row: Fields = {
                "record_key": f"{prefix}:{name}:{side}",
                "first_name": "Harold",
                "last_name": SURNAMES[number],
                "birth_date": BORN,
                "sex": "M",
                **fields,
            }
            if isinstance(born := row["birth_date"], date) and 1900 < born.year < 2026:
                row["birth_date"] = born.replace(year=born.year - number)
            if "street" in row:
                row["street"] = (
                    f"{100 + 137 * number} {SURNAMES[number]}{row['street']}"
                )
            if "phone" in row:
                row["phone"] = f"217-{300 + 11 * number}-{1000 + 211 * number}"
            rows.append(row)
    return rows


@pytest.fixture(scope="module")
def cluster_of(
    springfield: tuple[pa.Table, pa.Table], model: PersonModel
) -> dict[str, str]:
    """Link all cases at once, among the records of the county."""
    rows = pairs(ONE_PERSON, "same", 0)
    rows += pairs(STRANGERS, "other", len(ONE_PERSON)) + CHAIN + PLACEHOLDERS
    cases = pa.Table.from_pylist(rows, schema=PERSON_RECORD)
    records = pa.concat_tables([springfield[0], cases])
    clusters = link(records, model, night=NIGHT, threads=2).clusters
    columns = clusters.to_pydict()
    return dict(zip(columns["record_key"], columns["cluster_id"], strict=True))


CHAIN: list[Fields] = [
    {"record_key": f"chain:{name}", "first_name": name, "last_name": "Quirkendall",
     "birth_date": BORN, "street": "88 Chain St", "zip": "62702"}
    for name in ("Jeremy", "Jonathan", "J", "Jon")
]  # fmt: skip


PLACEHOLDERS: list[Fields] = [
    {"record_key": f"nobody:{number}", "feed": "police_rms", "birth_date": born,
     "first_name": first, "last_name": last, "ssn": "000-00-0000", "sex": "M",
     "phone": "000-000-0000", "street": "UNKNOWN", "zip": "00000",
     "email": "none@none.com"}
    for number, (first, last, born) in enumerate(
        [("JOHN", "DOE", date(1900, 1, 1))] * 20
        + [("Jane", "Doe", date(1901, 1, 1))] * 20
        + [("UNKNOWN", "UNKNOWN", None)] * 20
        + [("Baby Boy", "Unknown", date(1900, 1, 1))] * 20
    )
]  # fmt: skip


@pytest.mark.parametrize("case", ONE_PERSON)
def test_records_of_one_person_are_linked(
    case: str, cluster_of: dict[str, str]
) -> None:
    assert cluster_of[f"same:{case}:a"] == cluster_of[f"same:{case}:b"]


@pytest.mark.parametrize("case", STRANGERS)
def test_records_of_two_persons_are_not_linked(
    case: str, cluster_of: dict[str, str]
) -> None:
    assert cluster_of[f"other:{case}:a"] != cluster_of[f"other:{case}:b"]


def test_an_initial_does_not_join_twins(cluster_of: dict[str, str]) -> None:
    twins = {cluster_of["chain:Jeremy"], cluster_of["chain:Jonathan"]}
    assert len(twins) == 2
    assert cluster_of["chain:J"] in twins
    assert cluster_of["chain:Jon"] == cluster_of["chain:Jonathan"]


def test_placeholder_people_are_linked_to_nobody(cluster_of: dict[str, str]) -> None:
    nobody = [row["record_key"] for row in PLACEHOLDERS]
    assert [cluster_of[str(key)] for key in nobody] == nobody


def test_no_case_is_linked_to_another_or_to_the_county(
    cluster_of: dict[str, str],
) -> None:
    for key, cluster in cluster_of.items():
        if key.startswith(("same:", "other:")):
            assert cluster.rpartition(":")[0] == key.rpartition(":")[0]
        elif key.startswith("nobody:"):
            assert cluster == key
        else:
            assert cluster.startswith("chain:") == key.startswith("chain:")
