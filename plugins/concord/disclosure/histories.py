"""What a whole release shows of a person, all tables together.

Tables are joined by the person's token. One that has no person, such as an incident, is
reached through any that names its key. What somebody may know of a person's events is a
set; persons with equal sets share a fingerprint of 64 bits. Two of a million different
sets have the same one by chance in one of 30 million releases.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from concord.duck import literal, quoted
from concord.exceptions import ContractError

PERSONS = "person"
TOKEN = "person_token"  # noqa: S105  a column's name
PERSON = "_person"
FINGERPRINT = "_fingerprint"


@dataclass(frozen=True)
class Shown:
    """The tables of one release: their columns with types, and their keys."""

    columns: Mapping[str, Mapping[str, str]]
    keys: Mapping[str, Sequence[str]]

    @classmethod
    def in_database(
        cls, con: duckdb.DuckDBPyConnection, keys: Mapping[str, Sequence[str]]
    ) -> "Shown":
        """Describe the tables, given by name with their keys, as they stand."""
        described = {
            name: con.execute(f"DESCRIBE {quoted(name)}").fetchall() for name in keys
        }
        return cls(
            {n: {r[0]: r[1] for r in rows} for n, rows in described.items()}, keys
        )

    def rows(self, where: str, table: str, columns: Sequence[str]) -> str:
        """Return the query of a table's rows about persons, with columns joined to it.

        Raises:
            ContractError: The release has no such table of persons, or no such column.
        """
        if TOKEN not in self.columns.get(table, {}):
            raise ContractError(
                f"{where}: '{table}' is no published table that names a person. Name "
                f"one of: {', '.join(self._of_persons())}"
            )
        sources = self._sources(table)
        picked = []
        for column in columns:
            holder = next((s for s in sources if column in self.columns[s]), None)
            if holder is None:
                raise ContractError(
                    f"{where}: no column '{column}' in '{table}' or what is joined to "
                    f"it ({', '.join(sources[1:]) or 'nothing'}). Correct the name"
                )
            picked.append(f"{quoted(holder)}.{quoted(column)}")
        return (
            f"(SELECT {quoted(PERSONS)}.rowid AS {PERSON}, {', '.join(picked)} "
            f"FROM {self._joined(table, sources)})"
        )

    def dates(self) -> Iterator[str]:
        """Yield the queries of all published dates of what happened to persons."""
        for table in self._of_persons():
            sources = self._sources(table)
            facts = [
                _happened(table, source, column)
                for source in sources
                for column, kind in self.columns[source].items()
                if kind == "DATE"
            ]
            if facts:
                yield (
                    f"SELECT {quoted(PERSONS)}.rowid AS {PERSON}, "
                    f"unnest([{', '.join(facts)}]) AS fact "
                    f"FROM {self._joined(table, sources)}"
                )

    def _of_persons(self) -> list[str]:
        return [name for name, columns in self.columns.items() if TOKEN in columns]

    def _sources(self, table: str) -> list[str]:
        """Return the table, the persons, and those without persons that it names."""
        named = [
            other
            for other, columns in self.columns.items()
            if TOKEN not in columns
            and len(self.keys[other]) == 1
            and self.keys[other][0] in self.columns[table]
        ]
        return list(dict.fromkeys([table, PERSONS, *named]))

    def _joined(self, table: str, sources: Sequence[str]) -> str:
        return quoted(table) + "".join(
            f" JOIN {quoted(PERSONS)} USING ({TOKEN})"
            if source == PERSONS
            else f" LEFT JOIN {quoted(source)} USING ({quoted(self.keys[source][0])})"
            for source in sources[1:]
        )


def _happened(table: str, source: str, column: str) -> str:
    """Return SQL for the fact that something happened on a date; NULL without one."""
    date = f"{quoted(source)}.{quoted(column)}"
    what = literal(f"{table} {source}.{column}")
    return f"CASE WHEN {date} IS NOT NULL THEN hash({what}, {date}) END"


def fingerprints(facts: Sequence[str]) -> str:
    """Return the query of each person's fingerprint, made of the facts about them."""
    return (
        f"SELECT {PERSON}, bit_xor(fact) AS {FINGERPRINT} "
        f"FROM ({' UNION '.join(facts)}) WHERE fact IS NOT NULL GROUP BY {PERSON}"
    )
