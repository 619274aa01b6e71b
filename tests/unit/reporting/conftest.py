"""Counties for the report's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.reporting.three_nights import NIGHTS, County, fill


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Three nights, each with its report; tests must not change it."""
    made = County(tmp_path_factory.mktemp("county"))
    fill(made)
    for night in NIGHTS:
        made.write(night)
    yield made
    made.ledger.close()


@pytest.fixture
def empty_county(tmp_path: Path) -> Iterator[County]:
    """A ledger without a night."""
    made = County(tmp_path / "home")
    yield made
    made.ledger.close()
