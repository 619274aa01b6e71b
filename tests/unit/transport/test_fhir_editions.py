"""One client for every edition of the bulk data specification, by a foreign server."""

import gzip
import json
import lzma
from pathlib import Path

import pytest

from concord.exceptions import ContractError, DataError
from concord.transport.registry import read_spec
from tests.support.bulk_fetching import SPEC, fetch, files, lines
from tests.support.bulk_server import TIME, Bulk

pytestmark = pytest.mark.enable_socket
SAMPLE = Path(__file__).parents[4] / "shared/data/hospital_fhir_bulk_10patients"


@pytest.mark.parametrize(
    ("edition", "kickoff"),
    [
        ("STU1", "get"),
        ("STU2", "get"),
        ("STU2", "post"),
        ("STU3", "get"),
        ("STU3", "post"),
        ("STU4", None),
    ],
)
def test_every_edition_brings_every_row(edition, kickoff):
    bulk = Bulk(files(), lines("Bundle", 2), edition=edition)
    fetched, sink = fetch(bulk, **({"kickoff": kickoff} if kickoff else {}))
    assert fetched.rows_expected == {"Patient": 3, "Encounter": 5}
    assert fetched.cursor == TIME
    assert sink.bytes["Patient/00001.ndjson"] == bulk.files["Patient"]
    assert sink.bytes["Encounter/00001.ndjson"] == bulk.files["Encounter"]
    assert sink.bytes["deleted/00001.ndjson"] == bulk.deleted
    assert bulk.jobs == {}


@pytest.mark.parametrize("edition", ["STU3", "STU4"])
def test_a_manifest_in_parts_is_followed_to_its_end(edition):
    bulk = Bulk(files(), edition=edition, files_a_part=1)
    fetched, sink = fetch(bulk, allowPartialManifests=True)
    assert fetched.rows_expected == {"Patient": 3, "Encounter": 5}
    assert {"manifest/00001.json", "manifest/00002.json"} <= set(sink.bytes)
    assert "allowPartialManifests" in str(bulk.requests[0])


def test_addresses_may_be_relative_and_bodies_plain_and_uncounted():
    bulk = Bulk(files(), relative=True, zipped=False, counts=False)
    assert fetch(bulk)[0].rows_expected == {"Patient": 3, "Encounter": 5}


@pytest.mark.parametrize(
    ("level", "path"),
    [
        ({"level": "system", "group": None}, "/r4/$export"),
        ({"level": "patient", "group": None}, "/r4/Patient/$export"),
        ({}, "/r4/Group/7.a-1/$export"),
    ],
)
def test_the_export_is_of_all_of_patients_or_of_a_group(level, path):
    bulk = Bulk(files())
    fetch(bulk, **level)
    assert bulk.paths("GET")[0].split("?")[0] == path


def test_a_request_by_get_says_all_in_its_query():
    bulk = Bulk(files())
    fetch(bulk, "2026-01-04T02:00:00+01:00", typeFilters=("Patient?active=true",))
    verb, path, headers, _ = bulk.requests[0]
    assert verb == "GET"
    assert path == (
        "/r4/Group/7.a-1/$export?_outputFormat=application%2Ffhir%2Bndjson"
        "&_type=Patient%2CEncounter&_typeFilter=Patient%3Factive%3Dtrue"
        "&_since=2026-01-04T02%3A00%3A00%2B01%3A00"
    )
    assert headers["accept"] == "application/fhir+json"
    assert headers["prefer"] == "respond-async"
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("edition", "types"),
    [("STU3", ["Patient,Encounter"]), ("STU4", ["Patient", "Encounter"])],
)
def test_a_request_by_post_is_a_parameters_resource(edition, types):
    bulk = Bulk(files(), edition=edition)
    fetch(
        bulk,
        "2026-01-04T02:00:00Z",
        kickoff="post",
        typeFilters=("Patient?active=true",),
        allowPartialManifests=True,
    )
    _, path, headers, body = bulk.requests[0]
    assert (path, headers["content-type"]) == (
        "/r4/Group/7.a-1/$export",
        "application/fhir+json",
    )
    assert json.loads(body) == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_outputFormat", "valueString": "application/fhir+ndjson"},
            *({"name": "_type", "valueString": text} for text in types),
            {"name": "_typeFilter", "valueString": "Patient?active=true"},
            {"name": "_since", "valueInstant": "2026-01-04T02:00:00Z"},
            {"name": "allowPartialManifests", "valueBoolean": True},
        ],
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"edition": "STU4", "kickoff": "get"}, "transport.kickoff is 'get'"),
        ({"edition": "STU1", "kickoff": "post"}, "transport.kickoff is 'post'"),
        ({"level": "patient"}, "transport.group is '7.a-1'"),
        ({"group": None}, "transport.group is None"),
        ({"group": "../x"}, "transport.group is '../x'"),
        ({"tokenUrl": "ftp://x"}, "transport.tokenUrl"),
    ],
)
def test_what_does_not_go_together_is_named_with_its_value(wrong, said):
    with pytest.raises(ContractError) as caught:
        read_spec("hospital", {**SPEC, **wrong})
    assert said in str(caught.value)


@pytest.mark.parametrize("where", [-4, 30])
def test_a_gzip_body_that_was_cut_is_not_taken_for_a_whole_one(monkeypatch, where):
    bulk = Bulk(files(), counts=False)
    cut = gzip.compress(bulk.files["Patient"], 1)[:where]
    monkeypatch.setattr(gzip, "compress", lambda *_: cut)
    with pytest.raises(DataError, match="SHORT_BODY"):
        fetch(bulk)


def test_a_gzip_bomb_meets_the_cap():
    bulk = Bulk({**files(), "Encounter": b" " * 2**24})
    with pytest.raises(DataError, match="TOO_LARGE"):
        fetch(bulk, maxBytes=2**20)


def test_deletions_may_be_counted_wrongly_if_the_contract_says_so():
    bulk = Bulk(files(), lines("Bundle", 2), deleted_count=9)
    with pytest.raises(DataError, match="COUNT_MISMATCH"):
        fetch(bulk)
    fetched, _ = fetch(bulk, deletedCounts="ignored")
    assert fetched.rows_expected["Patient"] == 3


@pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"no sample data at {SAMPLE.name}")
def test_a_real_export_of_ten_patients_lands_byte_for_byte():
    truth = json.loads((SAMPLE / "truth_counts.json").read_text())["lines"]
    found = {
        path.name.split(".")[0]: lzma.decompress(path.read_bytes())
        for path in sorted(SAMPLE.glob("[A-Z]*.000.ndjson.xz"))
    }
    fetched, sink = fetch(Bulk(found), types=tuple(found), maxBytes=2**30)
    assert fetched.rows_expected == {
        name.split(".")[0]: count
        for name, count in truth.items()
        if name != "log.ndjson.xz"
    }
    assert fetched.rows_expected["Patient"] == 13
    assert fetched.rows_expected["Encounter"] == 1215
    for type_, body in found.items():
        assert sink.bytes[f"{type_}/00001.ndjson"] == body
