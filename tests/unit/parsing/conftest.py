"""What tests of parsing share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from concord.duck import connect
from concord.settings import Settings
from tests.support.small_contract import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Read files as the check of a delivery does."""
    with connect(Settings(), tmp_path, timezone="America/New_York") as con:
        yield Reader(con, tmp_path)
