"""How well records were grouped into persons, against known truth."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from concord.duck import one

GROUP_COLUMNS = ("cluster_id", "person_id")


@dataclass(frozen=True)
class Agreement:
    """How much is true, how much was found, and how much of both is the same."""

    true: int
    found: int
    correct: int

    @property
    def precision(self) -> float:
        """Return the share of what was found that is true."""
        return self.correct / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Return the share of what is true that was found."""
        return self.correct / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        both = self.found + self.true
        return 2 * self.correct / both if both else 1.0


@dataclass(frozen=True)
class Quality:
    """Pairwise quality: a pair is two records said, or known, to be one person."""

    records: int
    pairs_true: int
    pairs_found: int
    pairs_correct: int

    @property
    def pairs(self) -> Agreement:
        """Return the pairs alone."""
        return Agreement(self.pairs_true, self.pairs_found, self.pairs_correct)

    @property
    def precision(self) -> float:
        """Return the share of found pairs that are true."""
        return self.pairs.precision

    @property
    def recall(self) -> float:
        """Return the share of true pairs that were found."""
        return self.pairs.recall

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return self.pairs.f1


def evaluate(groups: pa.Table, truth: pa.Table) -> Quality:
    """Compare a grouping of records with the truth, over the records both hold.

    Pairs are counted exactly from group sizes, so that no pair is ever listed.

    Args:
        groups: ``record_key`` with ``cluster_id`` or ``person_id``.
        truth: ``record_key`` and ``person``.
    """
    with judged(groups, truth) as con:
        counted = one(
            con,
            """
            SELECT
                SUM(n),
                SUM(n * (true_size - 1)) // 2,
                SUM(n * (found_size - 1)) // 2,
                SUM(n * (n - 1)) // 2
            FROM cell
            """,
        )
    return Quality(*(int(value or 0) for value in counted))


@contextmanager
def judged(groups: pa.Table, truth: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with the tables that every measure is counted from.

    ``judged`` has a row for each record that both hold. ``cell`` counts the records
    (``n``) that a found group and a true person share, beside the sizes of both.
    """
    found = next(name for name in GROUP_COLUMNS if name in groups.column_names)
    with duckdb.connect() as con:
        con.register("groups", groups.select(["record_key", found]))
        con.register("truth", truth.select(["record_key", "person"]))
        con.execute(
            f"""
            CREATE TABLE judged AS
            SELECT record_key, {found} AS found, person
            FROM groups INNER JOIN truth USING (record_key)
            """
        )
        con.execute(
            """
            CREATE TABLE cell AS
            SELECT
                found,
                person,
                COUNT(*) AS n,
                SUM(COUNT(*)) OVER (PARTITION BY found) AS found_size,
                SUM(COUNT(*)) OVER (PARTITION BY person) AS true_size
            FROM judged GROUP BY found, person
            """
        )
        yield con
