"""One small simulated county and the committed model, shared by the linkage tests."""

from datetime import date

import pyarrow as pa
import pytest

from concord.linkage.settings import PersonModel, load_model
from concord.linkage.standardise import LINKAGE
from simulator.county import County
from tests.support.linkage_data import county

NIGHT = date(2026, 1, 5)


@pytest.fixture(scope="session")
def model() -> PersonModel:
    return load_model(LINKAGE)


@pytest.fixture(scope="session")
def springfield(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[pa.Table, pa.Table]:
    """Return person records and truth of 3,000 people."""
    root = tmp_path_factory.mktemp("county")
    County(seed=5, persons=3000, events=3000, first_night=NIGHT).write_night(root, 0)
    return county(root, NIGHT.isoformat())
