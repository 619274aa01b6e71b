"""Fixtures of the tests that raise faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from concord import pipeline
from concord.duck import connect
from concord.settings import Settings
from tests.support.police_nights import FEED, Police
from tests.support.small_contract import Reader
from tests.support.small_county import County as Served
from tests.support.workers import Start, workers


@pytest.fixture
def worker() -> Iterator[Start]:
    """Start workers that the test may kill or stop; they end with it."""
    with workers() as start:
        yield start


@pytest.fixture
def concord(tmp_path: Path) -> Iterator[pipeline.County]:
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def police(county: Served, concord: pipeline.County) -> Police:
    return Police(county, concord.registry.contract(FEED))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Read files as the check of a delivery does."""
    with connect(Settings(), tmp_path, timezone="America/New_York") as con:
        yield Reader(con, tmp_path)
