"""Public samples of hospitals and schools go through parsing with exact counts."""

import json

import pytest

from tests.support.samples import sample, unpacked
from tests.support.small_contract import Reader, column, columns, contract

HOSPITAL, SCHOOL, EDFI = (
    "hospital_fhir_bulk_10patients",
    "school_sis_csv",
    "school_edfi_openapi53",
)
SYNTHEA = "https://github.com/synthetichealth/synthea"
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
NPI = "http://hl7.org/fhir/sid/us-npi"


def resource(reader: Reader, name: str, each: str | None = None, **paths):
    """Load a resource's file; returns what was counted, and the rows."""
    made = tuple(
        column(key, source=path)
        if isinstance(path, str)
        else column(key, source=path[0], strip_prefix=tuple(path[1:]))
        for key, path in paths.items()
    )
    mode = {"mode": "full", "format": "ndjson"}
    feed = contract({"columns": made, "each": each}, **mode)
    loaded = reader.load(feed, unpacked(HOSPITAL, f"{name}.000.ndjson.xz"))
    assert loaded.unreadable == loaded.rejected == 0
    return loaded, reader.rows(loaded)


def test_every_line_of_every_hospital_file_is_a_row(reader: Reader) -> None:
    truth = json.loads(sample(HOSPITAL, "truth_counts.json").read_text())
    feed = contract({"columns": (column("id"),)}, format="ndjson")
    found = {}
    for name in truth["lines"]:
        loaded = reader.load(feed, unpacked(HOSPITAL, name))
        assert loaded.unreadable == loaded.rejected == 0
        found[name] = loaded.received
    assert found == truth["lines"]


def test_a_patients_elements_are_picked_by_what_they_are(reader: Reader) -> None:
    _, rows = resource(
        reader,
        "Patient",
        id="id",
        ssn="identifier[?system='http://hl7.org/fhir/sid/us-ssn'].value",
        race=f"extension[?url='{RACE}'].extension[?url='ombCategory'].valueCoding.code",
        official="name[?use='official'].family",
        phone="telecom[?system='phone'].value",
        city="address[0].city",
    )
    assert len(rows) == 13
    documents = [
        json.loads(line)
        for line in unpacked(HOSPITAL, "Patient.000.ndjson.xz").splitlines()
    ]
    for row, patient in zip(rows, documents, strict=True):
        ssn = [i["value"] for i in patient["identifier"] if "us-ssn" in i["system"]]
        assert row[:2] == (patient["id"], ssn[0])
        assert row[3] == patient["name"][0]["family"]
        assert all(row)


def test_a_patients_numbers_are_a_table_of_their_own(reader: Reader) -> None:
    loaded, rows = resource(
        reader,
        "Patient",
        "identifier[*]",
        patient="^.id",
        place="#",
        system="system",
        value="value",
    )
    assert (loaded.records, loaded.received) == (13, 59)
    assert len({(row[0], row[1]) for row in rows}) == 59


def test_references_resolve_by_id_and_by_condition(reader: Reader) -> None:
    _, patients = resource(reader, "Patient", id="id")
    _, places = resource(
        reader, "Location", number=f"identifier[?system='{SYNTHEA}'].value"
    )
    _, doctors = resource(
        reader, "Practitioner", npi=f"identifier[?system='{NPI}'].value"
    )
    loaded, rows = resource(
        reader,
        "Encounter",
        patient=("subject.reference", "Patient/"),
        place=(
            "location[0].location.reference",
            "Location/",
            f"Location?identifier={SYNTHEA}|",
        ),
        doctor=(
            "participant[0].individual.reference",
            "Practitioner/",
            f"Practitioner?identifier={NPI}|",
        ),
    )
    assert len(rows) == 1215
    assert [t.faults for t in loaded.types] == [0, 0, 0]
    assert {(row[0],) for row in rows} <= set(patients)
    assert {(row[1],) for row in rows} <= set(places)
    assert {(row[2],) for row in rows} <= set(doctors)


NO_END = {"finalNewline": False}  # as these files have none
COUNTS = {
    "batch1_studentattendance": 12000,
    "batch1_studentdemographics": 100,
    "batch1_studentsectionmark": 1044,
    "batch2_studentattendance": 20,
    "batch2_studentdemographics": 3,
    "batch2_studentsectionmark": 1046,
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_every_row_of_a_school_file_is_read(
    reader: Reader, name: str, count: int
) -> None:
    data = unpacked(SCHOOL, f"{name}.csv.xz")
    header = data.split(b"\n", 1)[0].decode().strip().split(",")
    loaded = reader.load(contract({"columns": columns(header)}, **NO_END), data)
    assert (loaded.received, loaded.unreadable, loaded.rejected) == (count, 0, 0)
    lines = data.decode().splitlines()[1:]
    rows = [tuple(text or None for text in line.split(",")) for line in lines]
    assert reader.rows(loaded) == rows


def test_both_batches_have_their_own_form_of_a_date(reader: Reader) -> None:
    made = (
        column("id"),
        column("attendance_date", type="date", required=True, formats=("%Y-%m-%d",)),
    )
    first = unpacked(SCHOOL, "batch1_studentattendance.csv.xz")
    second = unpacked(SCHOOL, "batch2_studentattendance.csv.xz")
    loaded = reader.load(contract({"columns": made}, **NO_END), first, second)
    assert (loaded.received, loaded.rejected) == (12020, 20)
    both = ("%Y-%m-%d", "%m/%d/%Y")
    made = (made[0], made[1].model_copy(update={"formats": both}))
    loaded = reader.load(contract({"columns": made}, **NO_END), first, second)
    assert (loaded.received, loaded.rejected) == (12020, 0)


def test_school_pages_and_lines_are_rows_and_their_lists_too(reader: Reader) -> None:
    students = unpacked(EDFI, "students.json.xz")
    made = {"columns": (column("id", source="studentUniqueId"),)}
    loaded = reader.load(contract(made, format="json"), students)
    assert loaded.received == len(json.loads(students)) == 500

    other = {
        "columns": (
            column("student", source="^.studentUniqueId"),
            column("kind", source="otherNameTypeDescriptor"),
            column("name", source="firstName"),
        ),
        "each": "otherNames[*]",
    }
    loaded = reader.load(contract(other, format="json"), students)
    expected = [
        (str(s["studentUniqueId"]), n["otherNameTypeDescriptor"], n["firstName"])
        for s in json.loads(students)
        for n in s["otherNames"]
    ]
    assert reader.rows(loaded) == expected
    assert loaded.records == 500

    lines = unpacked(EDFI, "studentSchoolAssociations.json.xz")
    made = {"columns": (column("id", source="studentReference.studentUniqueId"),)}
    loaded = reader.load(contract(made, format="ndjson"), lines)
    assert (loaded.received, loaded.unreadable) == (len(lines.splitlines()), 0)
