from pathlib import Path

import pytest

from concord.deidentification.zip3 import Zip3Table
from concord.exceptions import ConfigError


def table(folder: Path, text: str) -> Path:
    path = folder / "zip3.csv"
    path.write_text(text)
    return path


def test_a_prefix_needs_more_than_20000_people(tmp_path: Path):
    path = table(tmp_path, "zip3,population\n036,20000\n627,20001\n000,0\n")

    assert Zip3Table.read(path) == Zip3Table(frozenset({"627"}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r":1: columns are None"),
        ("zip3,pop\n", r":1: columns are \['zip3', 'pop'\]"),
        ("zip3,population\n62,5\n", r":2: '62,5' is not"),
        ("zip3,population\n62a,5\n", r":2: '62a,5' is not"),
        ("zip3,population\n627,-5\n", r":2: '627,-5' is not"),
        ("zip3,population\n627\n", r":2: '627,None' is not"),
        ("zip3,population\n627,5\n627,6\n", r":3: '627' twice"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(
    tmp_path: Path, text: str, problem: str
):
    with pytest.raises(ConfigError, match=problem):
        Zip3Table.read(table(tmp_path, text))
