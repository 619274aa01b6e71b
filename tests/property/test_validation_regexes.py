"""A pattern written for RE2 matches exactly what Python's own matches."""

import os
import re

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.exceptions import SuiteError
from concord.validation.regexes import to_re2
from tests.support.validation_values import HARD_TEXTS, text

EXAMPLES = 8 * int(os.environ.get("CONCORD_EXAMPLES", "12"))

atoms = st.sampled_from(
    ["a", "b", "7", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", ".", "[a-c]", "[^a]",
     r"[\d_]", r"[^\s]", "é", r"\.", "^", "$", r"\Z", r"\A", "-"]
)  # fmt: skip
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        inner.map(lambda p: f"({p})?"),
        inner.map(lambda p: f"(?:{p}){{1,2}}"),
        inner.map(lambda p: f"(?:{p})*"),
    ),
    max_leaves=6,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(patterns, st.lists(text, max_size=10))
def test_a_translated_pattern_matches_what_python_matches(
    pattern: str, drawn: list[str]
) -> None:
    translated = to_re2(pattern)
    if translated is None:
        return
    values = HARD_TEXTS + drawn
    with duckdb.connect() as con:
        con.register("arrow", pa.table({"value": pa.array(values, pa.string())}))
        found = con.execute(
            "SELECT regexp_matches(value, $1) FROM arrow", [translated]
        ).fetchall()
    assert [row[0] for row in found] == [
        re.search(pattern, value) is not None for value in values
    ]


@pytest.mark.parametrize("pattern", [r"\d", r"\w", r"\s", r"[^\d]", r"[^\w]", r"[^\s]"])
def test_a_category_is_python_s_for_every_character(pattern: str) -> None:
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT list(code) FROM range(1, 1114112) AS codes(code) "
            "WHERE code NOT BETWEEN 55296 AND 57343 "
            "AND regexp_matches(chr(code::INTEGER), $1)",
            [to_re2(pattern)],
        ).fetchone()
    matcher = re.compile(pattern)
    surrogates = range(0xD800, 0xE000)
    assert found is not None
    assert found[0] == [
        code
        for code in range(1, 0x110000)
        if code not in surrogates and matcher.search(chr(code))
    ]


@pytest.mark.parametrize(
    "pattern",
    ["[[:alpha:]]", r"\p{L}", r"\z", "(", r"(?x) a b", "(?a)x", "a++", "a{1001}"],
)
def test_a_pattern_that_gx_reads_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(SuiteError, match="is not usable"):
        to_re2(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        r"(a)\1",
        r"\ba",
        "(?i)k",
        "a$b",
        "(?:a$)*b",
        "(?m)^a",
    ],
)
def test_a_pattern_without_a_twin_is_left_to_gx(pattern: str) -> None:
    assert to_re2(pattern) is None
