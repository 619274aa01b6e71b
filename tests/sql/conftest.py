"""Empty tables as the curated SQL reads them; what a test writes is rolled back."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.support.deidentified import empty_inputs


@pytest.fixture(scope="module")
def inputs() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_inputs() as con:
        yield con


@pytest.fixture
def con(inputs: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    inputs.execute("BEGIN")
    yield inputs
    inputs.execute("ROLLBACK")
