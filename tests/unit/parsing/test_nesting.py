"""Nested documents become flat rows as the contract says."""

import json

import pytest

from concord.contracts.paths import JsonPath, Pick, read_elements, read_path
from tests.support.small_contract import Reader, column, contract

PATIENT = {
    "id": "p1",
    "identifier": [
        {"system": "urn:mrn", "value": "M1", "type": {"coding": [{"code": "MR"}]}},
        {"system": "urn:ssn", "value": "S1", "type": {"coding": [{"code": "SS"}]}},
        {"system": "urn:ssn", "value": "S2", "type": {"coding": [{"code": "SS"}]}},
    ],
    "extension": [
        {"url": "urn:birthsex", "valueCode": "F"},
        {
            "url": "urn:race",
            "extension": [
                {"url": "text", "valueString": "White"},
                {"url": "omb", "valueCoding": {"code": "2106-3"}},
            ],
        },
    ],
    "given": ["Ada", "Bo"],
    "a.b": {"c d": "odd"},
}


def table(each: str | None = None, **paths: str):
    columns = tuple(column(name, source=path) for name, path in paths.items())
    return {"columns": columns, "each": each, "records": "$.data[*]"}


def loaded(reader: Reader, made, *documents, form: str = "json"):
    text = json.dumps({"data": documents})
    if form == "ndjson":
        text = "\n".join(json.dumps(document) for document in documents)
    result = reader.load(contract(made, format=form), text.encode())
    return result, reader.rows(result)


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_the_first_element_with_a_key_is_picked(reader: Reader, form: str) -> None:
    made = table(
        id="id",
        ssn="identifier[?system='urn:ssn'].value",
        mrn="identifier[?type.coding[0].code='MR'].value",
        race="extension[?url='urn:race'].extension[?url='omb'].valueCoding.code",
        none="identifier[?system='urn:other'].value",
        odd='"a.b"."c d"',
        second="given[1]",
    )
    _, rows = loaded(reader, made, PATIENT, {"id": "p2"}, form=form)
    assert rows == [
        ("p1", "S1", "M1", "2106-3", None, "odd", "Bo"),
        ("p2", *[None] * 6),
    ]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_elements_of_a_list_are_rows(reader: Reader, form: str) -> None:
    made = table("identifier[*]", patient="^.id", number="#", value="value")
    result, rows = loaded(reader, made, PATIENT, {"id": "p2"}, form=form)
    assert rows == [("p1", "1", "M1"), ("p1", "2", "S1"), ("p1", "3", "S2")]
    assert (result.records, result.received, result.unreadable) == (2, 3, 0)


def test_some_elements_of_a_list_are_rows(reader: Reader) -> None:
    made = table("identifier[?system='urn:ssn']", patient="^.id", value="value")
    _, rows = loaded(reader, made, PATIENT)
    assert rows == [("p1", "S1"), ("p1", "S2")]


def test_elements_may_be_texts_and_lists_within_lists(reader: Reader) -> None:
    made = table("given[*]", patient="^.id", name=".")
    assert loaded(reader, made, PATIENT)[1] == [("p1", "Ada"), ("p1", "Bo")]
    made = table("extension[*].extension[*]", patient="^.id", url="url")
    assert loaded(reader, made, PATIENT)[1] == [("p1", "text"), ("p1", "omb")]


def test_of_the_record_around_a_list_an_element_is_picked_too(reader: Reader) -> None:
    made = table("given[*]", ssn="^.identifier[?system='urn:ssn'].value", name=".")
    assert loaded(reader, made, PATIENT)[1] == [("S1", "Ada"), ("S1", "Bo")]


def test_a_reference_may_be_conditional(reader: Reader) -> None:
    prefixes = ("Location/", "Location?identifier=urn:x|")
    made = {
        "columns": (
            column("place", source="location.reference", strip_prefix=prefixes),
        )
    }
    texts = ["Location/1", "Location?identifier=urn:x|2", "Practitioner/3", None]
    lines = [json.dumps({"location": {"reference": text}}) for text in texts]
    result = reader.load(contract(made, format="ndjson"), "\n".join(lines).encode())
    assert reader.rows(result) == [("1",), ("2",), (None,), (None,)]
    assert result.types[0].faults == 1


def test_a_path_is_read() -> None:
    assert read_path("^.a[?b.c='d'].e[0]") == JsonPath(
        True, (Pick("a", "b.c", "d"),), "e[0]"
    )
    assert read_path("a[?b='it\"s']") == JsonPath(False, (Pick("a", "b", 'it"s'),), "")
    assert read_elements("a.b[*]") == "a.b[*]"


@pytest.mark.parametrize(
    "text", ["", "$", "a[*]", "a..b", "a[", "a[?b=c]", "a[?b='c'", "a b", "^.", "a]"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        read_path(text)


@pytest.mark.parametrize("text", ["", "a", "a[0]", "[*]", "$.a[*]", "a[*].b"])
def test_what_names_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no list"):
        read_elements(text)
