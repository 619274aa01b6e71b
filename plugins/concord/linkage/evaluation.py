"""How well records were grouped into persons, against known truth."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

GROUP_COLUMNS = ("cluster_id", "person_id")


@dataclass(frozen=True)
class Quality:
    """Pairwise quality: a pair is two records said, or known, to be one person."""

    records: int
    pairs_true: int
    pairs_found: int
    pairs_correct: int

    @property
    def precision(self) -> float:
        """Return the share of found pairs that are true."""
        return self.pairs_correct / self.pairs_found if self.pairs_found else 1.0

    @property
    def recall(self) -> float:
        """Return the share of true pairs that were found."""
        return self.pairs_correct / self.pairs_true if self.pairs_true else 1.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        both = self.pairs_found + self.pairs_true
        return 2 * self.pairs_correct / both if both else 1.0


def evaluate(groups: pa.Table, truth: pa.Table) -> Quality:
    """Compare a grouping of records with the truth, over the records both hold.

    Pairs are counted exactly from group sizes, so that no pair is ever listed.

    Args:
        groups: ``record_key`` with ``cluster_id`` or ``person_id``.
        truth: ``record_key`` and ``person``.
    """
    found = next(name for name in GROUP_COLUMNS if name in groups.column_names)
    con = duckdb.connect()
    con.register("groups", groups.select(["record_key", found]))
    con.register("truth", truth.select(["record_key", "person"]))
    row = con.execute(
        f"""
        WITH cell AS (
            SELECT {found} AS found, person, COUNT(*) AS n
            FROM groups INNER JOIN truth USING (record_key)
            GROUP BY ALL
        ),
        found_size AS (SELECT SUM(n) AS n FROM cell GROUP BY found),
        true_size AS (SELECT SUM(n) AS n FROM cell GROUP BY person)
        SELECT
            (SELECT SUM(n) FROM cell),
            (SELECT SUM(n * (n - 1) / 2) FROM true_size),
            (SELECT SUM(n * (n - 1) / 2) FROM found_size),
            (SELECT SUM(n * (n - 1) / 2) FROM cell)
        """
    ).fetchall()[0]
    con.close()
    return Quality(*(int(value or 0) for value in row))
