"""A feed of events alone: checked, split and carried on with no person in it."""

import io
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from concord import pipeline
from concord.landing.archive import Archive
from concord.pipeline.county import County
from concord.pipeline.states import person_records, states_as_of
from concord.settings import PROJECT, Settings
from concord.transport.base import Drop, Fetched, Part
from concord.validation.states import StateStore
from tests.support.feeds import Snapshot, period, person
from tests.support.feeds import land as land_probation

FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: hydrants
name: Hydrant openings
version: 1.0.0
status: active
domain: fire
description: {purpose: Street safety., usage: Nightly., limitations: None known.}
team: {name: Fire, members: [{username: steward@fire.example, role: steward}]}
customProperties:
  - {property: sector, value: fire}
  - {property: agency, value: Springfield Fire Department}
  - {property: timezone, value: America/Chicago}
  - {property: agreement, value: hydrants-2026}
  - {property: connection, value: hydrants}
  - {property: transport, value: {kind: sftp, path: /, tables: [opening]}}
  - {property: delivery, value: {mode: full, format: csv, cron: "0 3 * * *",
     due: "03:00", graceMinutes: 60, deleteMode: snapshot_absence, maxBadShare: 0.05}}
schema:
  - name: opening
    physicalName: opening
    description: One row an opening.
    properties:
      - {name: opening_id, physicalName: id, logicalType: string, primaryKey: true,
         primaryKeyPosition: 1, classification: internal, description: Number of it.,
         customProperties: [{property: concept, value: event.id},
                            {property: entity, value: opening}]}
      - {name: street, physicalName: street, logicalType: string,
         classification: restricted, description: Where it was.,
         customProperties: [{property: concept, value: place.street}]}
"""
AGREEMENT = """
id: hydrants-2026
title: Fire to the partnership
version: "1"
parties: [{name: Fire, role: provider}, {name: County, role: custodian}]
legalBasis: Letter of agreement.
purposes: [Street safety]
feeds: [hydrants]
concepts: [event.id, place.street]
start: 2026-01-01
end: 2027-12-31
retentionDays: 365
minimumCell: 11
"""


class File:
    """A transport that offers one CSV file."""

    def __init__(self, text: str) -> None:
        self.text = text

    def fetch(self, drop, sink):
        part = Part("opening/1.csv", "opening", "rows")
        stored = sink.store(part, io.BytesIO(self.text.encode()))
        rows = self.text.count("\n") - 1
        return Fetched((stored,), {"opening": rows}, drop.night.isoformat(), "a test")


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    for name in ("include", "expectations"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    for path, text in {
        "include/contracts/hydrants.odcs.yaml": CONTRACT,
        "include/agreements/hydrants-2026.yaml": AGREEMENT,
        "expectations/hydrants/opening.json": '{"name": "hydrants.opening", '
        '"expectations": [], "meta": {}}',
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    settings = Settings(project=tmp_path, home=tmp_path / "home")
    with pipeline.open_county(settings) as opened:
        yield opened


def check(county: County, night: date, text: str) -> str:
    contract = county.registry.contracts["hydrants"]
    archive = Archive(county.zones, county.keys, county.ledger)
    agreement = county.registry.agreement_of(contract)
    drop = Drop(night, "a test", "")
    archive.land(contract, agreement, File(text), drop, landed_on=night)
    return pipeline.check(county, "hydrants", night).state_id


def test_events_and_places_are_split_and_the_next_night_builds_on_them(county) -> None:
    store = StateStore(county.zones, county.keys, "hydrants")
    check(county, FIRST, "id,street\nA1,1 Elm St\nA2,\n")
    state = check(county, SECOND, "id,street\nA1,1 Elm St\nA3,2 Oak Ave\n")
    rows = store.read_content(state, "opening").to_pylist()
    assert [row["opening_id"] for row in rows] == ["A1", "A3"]
    assert all(len(row["place_key"]) == 32 for row in rows)
    assert store.read_vault(state, "person").num_rows == 0
    assert store.read_vault(state, "place").num_rows == 2


def test_its_persons_are_none_beside_those_of_other_feeds(county) -> None:
    check(county, FIRST, "id,street\nA1,1 Elm St\n")
    land_probation(county, FIRST, Snapshot(persons=[person(1)], periods=[period(1)]))
    pipeline.check(county, "probation", FIRST)
    states = states_as_of(county, FIRST)
    assert [state.feed for state in states] == ["hydrants", "probation"]
    records = pa.concat_tables(
        person_records(county, states), promote_options="permissive"
    )
    assert records["feed"].to_pylist() == ["probation"]
    assert records.schema.field("birth_date").type == pa.date32()


def test_completeness_says_nothing_of_persons_that_are_none(county) -> None:
    state = check(county, FIRST, "id,street\nA1,1 Elm St\n")
    found = {
        (c.table_name, c.column_name)
        for c in county.ledger.column_counts("hydrants", state)
    }
    assert found == {("opening", "opening_id")}
