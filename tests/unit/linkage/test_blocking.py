"""Rules that can find nothing are not asked."""

import duckdb
import pytest

from concord.linkage.blocking import fruitful

RULES = ["l.ssn = r.ssn", "l.student_number = r.student_number", "l.dob = r.dob AND 1"]


@pytest.mark.parametrize(
    ("numbers", "kept"),
    [
        ([("1", "7"), ("1", "8")], [RULES[0], RULES[2]]),
        ([("1", None), ("2", None)], [RULES[2]]),
        ([("1", "7"), ("2", "7")], RULES[1:]),
        ([], [RULES[2]]),
    ],
)
def test_a_number_that_no_two_records_share_finds_no_pair(numbers, kept) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE node (ssn VARCHAR, student_number VARCHAR)")
        for row in numbers:
            con.execute("INSERT INTO node VALUES (?, ?)", row)
        assert fruitful(con, "node", RULES) == kept
