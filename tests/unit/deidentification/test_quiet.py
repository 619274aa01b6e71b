import logging
import traceback

import duckdb
import pyarrow as pa
import pytest

from concord.deidentification.quiet import quietly
from concord.exceptions import IntegrityError

SECRET = "123-45-6789"


def chain(error: BaseException) -> str:
    """Return everything that any log could say of an error."""
    parts = ["".join(traceback.format_exception(error))]
    for other in (error.__cause__, error.__context__):
        if other is not None:
            parts.append(chain(other))
    return "".join(parts)


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        (
            "ConversionException",
            lambda: duckdb.execute("SELECT $1::INTEGER", [SECRET]).fetchall(),
        ),
        ("ArrowInvalid", lambda: pa.array([SECRET]).cast(pa.int64())),
    ],
)
def test_a_database_error_tells_its_kind_and_no_value(kind, work):
    with pytest.raises(IntegrityError, match=f"a step: .* {kind}") as caught:
        quietly("a step", work)

    told = chain(caught.value)
    assert SECRET not in told
    assert SECRET not in logging.Formatter().formatException(caught._excinfo)


def test_other_errors_and_results_pass():
    assert quietly("a step", int, "7") == 7
    with pytest.raises(ValueError, match="seven"):
        quietly("a step", int, "seven")
