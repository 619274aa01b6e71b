"""A declared data set reads as person records, truth and traits."""

from datetime import date
from pathlib import Path

import pytest

from concord.exceptions import ConfigError
from concord.linkage.datasets import load_dataset
from simulator.county import County
from tests.support.linkage_data import PERSON_RECORD, county

NIGHT = date(2026, 1, 5)
DECLARED = """
description: "People of a test."
source: "This test"
licence: "none"
folder: people
record_key: id
person: who
columns: {first_name: name, birth_date: "TRY_STRPTIME(born, '%Y%m%d')"}
traits: {file: traits.csv, person: who, columns: {name origin: origin}}
sets:
  all:
    - feed: one
      file: one.csv
      beside: {home: home.ndjson}
      from: source_row LEFT JOIN home ON id = home.record
      where: id <> '3'
      columns: {phone: home.telecom.phone}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sets" / "people").mkdir(parents=True)
    (tmp_path / "sets" / "people" / "dataset.yaml").write_text(DECLARED)
    data = tmp_path / "people"
    data.mkdir()
    (data / "one.csv").write_text(
        "id, name,born,who\n1, Ann ,20010203,a\n2,,,b\n3,,,c\n"
    )
    (data / "home.ndjson").write_text('{"record": "1", "telecom": {"phone": "555"}}\n')
    (data / "traits.csv").write_text("who,origin\na,north\nb,\n")
    return tmp_path


def test_files_beside_one_another_and_traits_are_read(folder: Path) -> None:
    known = load_dataset("people", folder / "sets").read(folder)
    seen = ("record_key", "feed", "first_name", "birth_date", "phone")
    assert known.records.select(list(seen)).to_pylist() == [
        dict(zip(seen, ("1", "one", "Ann", date(2001, 2, 3), "555"), strict=True)),
        dict(zip(seen, ("2", "one", None, None, None), strict=True)),
    ]
    assert known.truth.to_pydict() == {"record_key": ["1", "2"], "person": ["a", "b"]}
    assert known.traits is not None
    assert known.traits.to_pydict() == {
        "person": ["a", "b"],
        "name origin": ["north", None],
    }


def test_a_wrong_column_is_named_without_a_value(folder: Path) -> None:
    path = folder / "sets" / "people" / "dataset.yaml"
    path.write_text(DECLARED.replace("name,", "CAST(name AS INT),", 1))
    with pytest.raises(ConfigError, match=r"one\.csv can't be read") as raised:
        load_dataset("people", folder / "sets").read(folder)
    assert "Ann" not in str(raised.value)
    assert raised.value.__context__ is None


def test_an_absent_file_and_an_unknown_set_are_named(folder: Path) -> None:
    declared = load_dataset("people", folder / "sets")
    with pytest.raises(ConfigError, match="There are: all"):
        declared.read(folder, "some")
    (folder / "people" / "traits.csv").unlink()
    with pytest.raises(ConfigError, match=r"traits\.csv is absent"):
        declared.read(folder)
    with pytest.raises(ConfigError, match="There are: people"):
        load_dataset("persons", folder / "sets")


def test_the_simulated_county_reads_as_it_was_written(tmp_path: Path) -> None:
    County(3, 600, first_night=NIGHT).write_night(tmp_path, 0)
    known = load_dataset("simulator").read(tmp_path)
    records, truth = county(tmp_path, NIGHT.isoformat())
    shared = [n for n in PERSON_RECORD.names if n not in ("source_id", "feed")]
    assert (
        known.records.select(shared).sort_by("record_key").to_pylist()
        == records.select(shared).sort_by("record_key").to_pylist()
    )
    assert sorted(known.truth.to_pylist(), key=str) == sorted(
        truth.to_pylist(), key=str
    )
    assert known.traits is not None
    assert known.traits.column_names == [
        "person", "race", "sex", "age band", "name origin",
    ]  # fmt: skip
    assert known.traits.num_rows == 600
