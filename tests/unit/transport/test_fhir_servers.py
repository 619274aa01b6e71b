"""FHIR servers as they are found: how they label, end and mark what they send."""

import pytest

from concord.contracts.registry import load_registry
from concord.duck import connect
from concord.exceptions import DataError
from concord.parsing.loading import load
from concord.settings import Settings
from tests.support.bulk_fetching import fetch, files, lines
from tests.support.bulk_server import Bulk

pytestmark = pytest.mark.enable_socket
ALL = {"Patient": 3, "Encounter": 5}


@pytest.mark.parametrize(
    "media_type",
    [
        "application/fhir+ndjson; charset=utf-8",
        "application/ndjson",
        "application/x-ndjson",
        "application/fhir+json;fhirVersion=4.0",
        "application/json",
        "application/octet-stream",
        "binary/octet-stream",
        "text/plain; charset=UTF-8",
        None,
    ],
)
def test_a_file_may_be_labelled_as_object_stores_do(media_type):
    bulk = Bulk(files(), lines("Bundle", 1), media_type=media_type)
    assert fetch(bulk)[0].rows_expected == ALL


@pytest.mark.parametrize("media_type", ["text/html", "application/xhtml+xml"])
def test_a_page_for_people_is_no_file(media_type):
    with pytest.raises(DataError, match="NOT_DATA"):
        fetch(Bulk(files(), media_type=media_type))


@pytest.mark.parametrize(
    "type_", ["application/fhir+json", "application/json;charset=UTF-8"]
)
def test_a_manifest_may_be_marked_and_labelled_otherwise(type_):
    bulk = Bulk(files(), manifest_type=type_, mark=b"\xef\xbb\xbf")
    assert fetch(bulk)[0].rows_expected == ALL


def test_a_server_that_says_nothing_while_it_works_is_asked_again():
    bulk = Bulk(files(), polls=3, polite=False)
    assert fetch(bulk)[0].rows_expected == ALL
    assert sum("/status/" in path for path in bulk.paths("GET")) == 4


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_may_be_empty(zipped):
    bulk = Bulk(dict.fromkeys(ALL, b""), zipped=zipped)
    assert fetch(bulk)[0].rows_expected == {"Patient": 0, "Encounter": 0}


def test_an_export_may_list_no_file():
    """Nothing has changed since the last."""
    fetched, sink = fetch(Bulk(dict.fromkeys(ALL, b""), lists_empty=False))
    assert fetched.rows_expected == {"Patient": 0, "Encounter": 0}
    assert [part.role for part in sink.parts] == ["manifest"]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: body.removesuffix(b"\n"),
        lambda body: body + b"\n\n",
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.replace(b'{"resourceType"', b'{ "resourceType"'),
    ],
    ids=["crlf", "no-end", "blank-lines", "marked", "spaced"],
)
def test_lines_end_as_the_server_ends_them(change, tmp_path):
    """What arrives is counted, and read, as the same rows."""
    bulk = Bulk({**files(), "Patient": change(lines("Patient", 3))}, counts=False)
    fetched, sink = fetch(bulk)
    assert fetched.rows_expected == ALL
    path = tmp_path / "Patient.ndjson"
    path.write_bytes(sink.bytes["Patient/00001.ndjson"])
    hospital = load_registry(Settings()).contract("hospital")
    with connect(Settings(), tmp_path, timezone="America/Chicago") as con:
        loaded = load(con, hospital, hospital.table("patient"), [path])
        assert (loaded.records, loaded.unreadable) == (3, 0)
