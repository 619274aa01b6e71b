"""Tables of what comes in: nulls, blanks, Unicode, NaN, negative zero, time zones."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

TEXTS = [
    "", " ", "a", "A", "b", "ab", "a b", "a\n", "\n", "a\nb", "7", "42", "IL1234567",
    "é", "e\u0301", "ß", "\u0663", "\u0663\u0664", "\u00a0", "\x1c", "\x0b", "_", "-",
    "it's", 'say "x"', "nan", "None", "\U0001f937\U0001f3fc\u200d\u2642\ufe0f", "İ",
    "ſ", "K", "\ufeff", "\ue000", "\U0010ffff", "%", "\\",
]  # fmt: skip
HARD_TEXTS = [*TEXTS, *(f"{value}\n" for value in TEXTS)]
REALS = [
    0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 2.0, 100.0, 0.1, -273.15, 5e-324, 1e308, -1e308,
    float("inf"), float("-inf"), float("nan"), 2.0**53,
]  # fmt: skip
INTEGERS = [0, 1, -1, 2, 3, 100, 2**31, -(2**31), 2**53 - 1, -(2**53) + 1]
DAYS = [
    dt.date(1, 1, 1), dt.date(1899, 12, 31), dt.date(1900, 1, 1), dt.date(2000, 2, 29),
    dt.date(2026, 1, 5), dt.date(2026, 1, 6), dt.date(9999, 12, 31),
]  # fmt: skip
TIMES = [
    dt.datetime.fromisoformat(moment)
    for moment in (
        "0001-01-01T00:00:00", "1969-12-31T23:59:59.999999", "2026-01-05T00:00:00",
        "2026-01-05T00:00:00.000001", "2026-01-05T23:59:59.999999",
        "2026-03-08T02:30:00", "9999-12-31T23:59:59.999999",
    )
]  # fmt: skip
CHICAGO = dt.timezone(dt.timedelta(hours=-6))
KOLKATA = dt.timezone(dt.timedelta(hours=5, minutes=30))
INSTANTS = [
    dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 5, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 5, tzinfo=CHICAGO), dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 5, 11, 30, tzinfo=KOLKATA),
    dt.datetime(2026, 1, 5, 0, 0, 0, 1, tzinfo=dt.UTC),
]  # fmt: skip

text = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4
)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "text": text,
    "integer": st.sampled_from(INTEGERS) | st.integers(-3, 3),
    "real": st.just(float("nan")) | st.sampled_from(REALS),
    "money": st.decimals(-10, 10, places=2) | st.sampled_from([Decimal("0.10")]),
    "day": st.sampled_from(DAYS),
    "time": st.sampled_from(TIMES),
    "instant": st.sampled_from(INSTANTS),
    "flag": st.booleans(),
}
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "money": pa.decimal128(9, 2),
    "day": pa.date32(),
    "time": pa.timestamp("us"),
    "instant": pa.timestamp("us", "UTC"),
    "flag": pa.bool_(),
}
DUCKDB = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "money": "DECIMAL(9,2)",
    "day": "DATE",
    "time": "TIMESTAMP",
    "instant": "TIMESTAMP WITH TIME ZONE",
    "flag": "BOOLEAN",
    "small": "DOUBLE",
}


HARD: Mapping[str, list[Any]] = {
    "text": HARD_TEXTS,
    "integer": INTEGERS,
    "real": REALS,
    "money": [Decimal("0.10"), Decimal("-9.99"), Decimal("0.00"), Decimal("1.00")],
    "day": DAYS,
    "time": TIMES,
    "instant": INSTANTS,
    "flag": [True, False],
}


def hard_table() -> pa.Table:
    """Every hard value, some of them twice, beside others, itself and nothing."""
    size = 2 * len(HARD_TEXTS)
    columns = {"_row": pa.array(range(size), pa.int64())}
    for kind, values in HARD.items():
        cycle = [*values, None]
        for place in range(3):
            column = [
                cycle[(row + (place if row % 3 else 0)) % len(cycle)]
                for row in range(size)
            ]
            columns[f"{kind}_{place}"] = pa.array(column, ARROW[kind])
    return pa.table(columns)


@st.composite
def tables(draw: st.DrawFn, *kinds: str, most: int = 10) -> pa.Table:
    """A table of numbered rows with three columns of each kind, named kind_0 to _2."""
    size = draw(st.integers(0, most))
    columns = {"_row": pa.array(range(100, 100 + size), pa.int64())}
    for kind in kinds:
        for place in range(3):
            values = draw(
                st.lists(st.none() | VALUES[kind], min_size=size, max_size=size)
            )
            columns[f"{kind}_{place}"] = pa.array(values, ARROW[kind])
    return pa.table(columns)
