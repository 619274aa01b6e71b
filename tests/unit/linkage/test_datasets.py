"""Other data sets: columns, truth and settings are declared, not code."""

import lzma
from datetime import date
from pathlib import Path

import pytest

from concord.exceptions import ConfigError
from concord.linkage.datasets import DATASETS, load_dataset
from concord.linkage.standardise import LINKAGE
from tests.support.linkage_data import SHARED

DECLARED = sorted(path.parent.name for path in DATASETS.glob("*/dataset.yaml"))
SMALL = """
description: "Two columns and a truth."
source: "This test"
licence: "Apache-2.0"
folder: small
record_key: id
person: who
columns: {first_name: given, birth_date: "TRY_STRPTIME(born, '%d.%m.%Y')"}
sets:
  both:
    - {feed: a, file: one.csv}
    - {feed: b, file: two.csv.xz, columns: {first_name: UPPER(given)}}
  late: [{feed: a, file: one.csv, where: "born LIKE '%2001'"}]
"""


@pytest.fixture
def declare(tmp_path: Path):
    """Write two files of a data set; returns what declares it."""
    folder = tmp_path / "small"
    folder.mkdir()
    rows = "id, given, born ,who\n1, Ana ,03.04.2001,p1\n2,,1900,p2\n"
    (folder / "one.csv").write_text(rows, "utf-8")
    (folder / "two.csv.xz").write_bytes(lzma.compress(b"id,given,born,who\n3,Bo,,p1\n"))

    def write(text: str = SMALL):
        home = tmp_path / "declared" / "small"
        home.mkdir(parents=True, exist_ok=True)
        (home / "dataset.yaml").write_text(text, "utf-8")
        return load_dataset("small", tmp_path / "declared")

    return write


def test_columns_are_read_as_declared(declare, tmp_path: Path) -> None:
    records = declare().read(tmp_path).records
    assert records.select(
        ["record_key", "feed", "first_name", "birth_date"]
    ).to_pydict() == {
        "record_key": ["1", "2", "3"],
        "feed": ["a", "a", "b"],
        "first_name": ["Ana", None, "BO"],
        "birth_date": [date(2001, 4, 3), None, None],
    }


def test_the_truth_stands_in_the_rows_or_in_a_file(declare, tmp_path: Path) -> None:
    expected = {"record_key": ["1", "2", "3"], "person": ["p1", "p2", "p1"]}
    assert declare().read(tmp_path, "both").truth.to_pydict() == expected
    (tmp_path / "small" / "truth.csv").write_text("record,who\n1,p9\n", "utf-8")
    rule = "truth: {file: truth.csv, record_key: record, person: who}"
    known = declare(SMALL.replace("person: who", rule)).read(tmp_path)
    assert known.truth.to_pydict() == {"record_key": ["1"], "person": ["p9"]}


def test_a_set_may_be_a_part_of_a_file(declare, tmp_path: Path) -> None:
    known = declare().read(tmp_path, "late")
    assert known.records["record_key"].to_pylist() == ["1"]
    assert known.truth["record_key"].to_pylist() == ["1"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("first_name: given", "nickname: given"), "a person record has no nickname"),
        (("person: who", ""), "give either person or truth"),
        (("licence", "license"), "licen[sc]e"),
    ],
)
def test_a_wrong_declaration_is_named(
    declare, change: tuple[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        declare(SMALL.replace(*change))
    assert "dataset.yaml" in str(caught.value)


def test_a_column_that_cant_be_read_is_named_without_a_value(
    declare, tmp_path: Path
) -> None:
    text = SMALL.replace("TRY_STRPTIME(born, '%d.%m.%Y')", "CAST(born AS DATE)")
    with pytest.raises(ConfigError, match=r"one\.csv can't be read") as caught:
        declare(text).read(tmp_path)
    assert "03.04.2001" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_data_set_set_or_file_that_isnt_there_is_named(
    declare, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"no set 'all'\. There are: both, late"):
        declare().read(tmp_path, "all")
    with pytest.raises(ConfigError, match=r"one\.csv is absent"):
        declare().read(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"There are: .*febrl"):
        load_dataset("febrle")


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_data_set_has_a_trained_model(name: str) -> None:
    declared = load_dataset(name)
    assert (
        declared.model().thresholds.link_weight
        > declared.model().thresholds.review_weight
    )


def test_the_four_agencies_are_linked_with_the_countys_model() -> None:
    assert load_dataset("four_agencies").model_folder == LINKAGE
    assert load_dataset("febrl").model_folder == DATASETS / "febrl"


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_half_of_febrl_is_found_in_all_of_it() -> None:
    known = load_dataset("febrl").read(SHARED, "4 half")
    feeds = known.records["feed"].to_pylist()
    assert (feeds.count("a"), feeds.count("b")) == (2500, 5000)
    assert len(set(known.truth["person"].to_pylist())) == 5000
