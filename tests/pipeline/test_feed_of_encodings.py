"""An agency that may not send names takes part in linkage, to the person ids."""

import io
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from concord import pipeline
from concord.exceptions import DeliveryHeld
from concord.landing.archive import Archive
from concord.pipeline.county import County
from concord.pprl.columns import Columns
from concord.pprl.encoder import Encoder
from concord.pprl.files import encode_file
from concord.pprl.keys import create_key, load_key
from concord.sealing import read_table
from concord.settings import PROJECT, Settings
from concord.transport.base import Drop, Fetched, Part
from tests.support.feeds import Snapshot, period, person
from tests.support.feeds import land as land_probation

NIGHT = date(2026, 1, 5)
CLIENTS = """client,first,last,born,street,city,zip
C1,Adda,Numberone,1990-04-17,1 Elm Street,Springfield,62701
C2,Zoe,Elsewhere,1971-01-02,9 Far Rd,Springfield,62701
"""
COLUMNS = Columns(
    record_id="client",
    fields={
        "given_name": "first", "surname": "last", "birth_date": "born",
        "postcode": "zip",
    },
)  # fmt: skip
TEXT = "logicalType: string, classification: restricted"
CONTRACT = f"""
apiVersion: v3.1.0
kind: DataContract
id: shelter
name: Shelter clients
version: 1.0.0
status: active
domain: social_services
description: {{purpose: Who is served., usage: Nightly., limitations: No names.}}
team: {{name: Shelter, members: [{{username: steward@shelter.example, role: steward}}]}}
customProperties:
  - {{property: sector, value: social_services}}
  - {{property: agency, value: Springfield Shelter}}
  - {{property: timezone, value: America/Chicago}}
  - {{property: agreement, value: shelter-2026}}
  - {{property: connection, value: shelter}}
  - {{property: transport, value: {{kind: sftp, path: /, tables: [client]}}}}
  - {{property: delivery, value: {{mode: full, format: csv, cron: "0 3 * * *",
     due: "03:00", graceMinutes: 60, deleteMode: snapshot_absence, maxBadShare: 0.05,
     minBadRows: 1}}}}
schema:
  - name: client
    physicalName: client
    description: One row a client.
    properties:
      - {{name: client_id, physicalName: record_id, {TEXT}, primaryKey: true,
         primaryKeyPosition: 1, description: Number of the client.,
         customProperties: [{{property: concept, value: person.source_id}}]}}
      - {{name: encoding, physicalName: encoding, {TEXT}, required: true,
         logicalTypeOptions: {{pattern: "^LABEL$"}}, description: Label of the key.,
         customProperties: [{{property: concept, value: person.encoding}}]}}
      - {{name: encoding_birth, physicalName: encoding_birth, {TEXT},
         logicalTypeOptions: {{pattern: "^[A-Za-z0-9+/]{{171}}=$"}},
         description: Comparable within a date of birth.,
         customProperties: [{{property: concept, value: person.encoding_birth}}]}}
      - {{name: encoding_name, physicalName: encoding_name, {TEXT},
         logicalTypeOptions: {{pattern: "^[A-Za-z0-9+/]{{171}}=$"}},
         description: Comparable within a name's sound and postcode.,
         customProperties: [{{property: concept, value: person.encoding_name}}]}}
"""
AGREEMENT = """
id: shelter-2026
title: Shelter to the partnership
version: "1"
parties: [{name: Shelter, role: provider}, {name: County, role: custodian}]
legalBasis: Letter of agreement.
purposes: [Street safety]
feeds: [shelter]
concepts: [person.source_id, person.encoding, person.encoding_birth,
           person.encoding_name]
start: 2026-01-01
end: 2027-12-31
retentionDays: 365
minimumCell: 11
"""


class File:
    """A transport that offers one CSV file."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def fetch(self, drop, sink):
        part = Part("client/1.csv", "client", "rows")
        stored = sink.store(part, io.BytesIO(self.body))
        rows = self.body.count(b"\n") - 1
        return Fetched((stored,), {"client": rows}, drop.night.isoformat(), "a test")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    create_key(tmp_path / "linkage.key")
    return tmp_path / "linkage.key"


@pytest.fixture
def county(tmp_path: Path, key: Path) -> Iterator[County]:
    label = load_key(key).label(COLUMNS.mode, tuple(COLUMNS.fields))
    for name in ("include", "expectations"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    for path, text in {
        "include/contracts/shelter.odcs.yaml": CONTRACT.replace("LABEL", label),
        "include/agreements/shelter-2026.yaml": AGREEMENT,
        "expectations/shelter/client.json": '{"name": "shelter.client", '
        '"expectations": [], "meta": {}}',
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    settings = Settings(project=tmp_path, home=tmp_path / "home", linkage_key=key)
    with pipeline.open_county(settings) as opened:
        yield opened


def encodings(folder: Path, key: Path) -> bytes:
    """Encode the shelter's clients as the shelter does."""
    (folder / "clients.csv").write_text(CLIENTS)
    encoder = Encoder(load_key(key), COLUMNS.mode, COLUMNS.sources)
    target = folder / "encodings.csv"
    encode_file(folder / "clients.csv", target, COLUMNS, encoder)
    return target.read_bytes()


def deliver(county: County, body: bytes) -> None:
    contract = county.registry.contracts["shelter"]
    archive = Archive(county.zones, county.keys, county.ledger)
    agreement = county.registry.agreement_of(contract)
    drop = Drop(NIGHT, "a test", "")
    archive.land(contract, agreement, File(body), drop, landed_on=NIGHT)
    pipeline.check(county, "shelter", NIGHT)


def persons(county: County) -> dict[str, set[str]]:
    """Link, and return the feeds of each person."""
    folder = county.zones.vault / "persons" / pipeline.link(county, NIGHT)
    rows = read_table(folder / "assignments.parquet", county.keys.zone_key("vault"))
    found: dict[str, set[str]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["person_id"], set()).add(row["feed"])
    return found


def test_a_client_of_the_shelter_is_the_person_on_probation(county, tmp_path, key):
    home = {"street": "1 Elm St", "city": "Springfield", "state": "IL", "zip": "62701"}
    name = {"first": "Ada", "middle": None, "last": "Numberone"}
    other = {"first": "Beatrix", "middle": None, "last": "Ostrander"}
    known = [
        person(1, address=home, name=name),
        person(2, address=home, name=other, birth_date="19550811"),
    ]
    land_probation(county, NIGHT, Snapshot(persons=known, periods=[period(1)]))
    pipeline.check(county, "probation", NIGHT)
    deliver(county, encodings(tmp_path, key))
    found = sorted(map(sorted, persons(county).values()))
    assert found == [["probation"], ["probation", "shelter"], ["shelter"]]
    measured = county.ledger.linkage_as_of(NIGHT).measures["encoded"]
    assert measured == {
        "shelter": {"records": 2, "comparable": 2, "joined": 1, "near": 0}
    }


def test_a_delivery_under_another_key_is_held(county, tmp_path):
    create_key(tmp_path / "other.key")
    with pytest.raises(DeliveryHeld) as caught:
        deliver(county, encodings(tmp_path, tmp_path / "other.key"))
    assert caught.value.code == "TOO_MANY_BAD_ROWS"
