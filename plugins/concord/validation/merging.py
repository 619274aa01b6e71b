"""A checked delivery merged into the last good state: the feed's new state."""

from collections.abc import Callable
from functools import partial

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, one, quoted, stream
from concord.landing.records import ColumnCount, RuleCount
from concord.parsing.casting import sql_types
from concord.sealing import KeyRing
from concord.validation import splitting
from concord.validation.brakes import Brakes
from concord.validation.key_changes import KeyFollower
from concord.validation.record_keys import RecordKeys
from concord.validation.relations import load_codes, load_relation
from concord.validation.states import Rows, StagedState, StateStore, StateTables
from concord.zones import Zones

Draw = Callable[[int], list[str]]
BRAKE_FROM = 100  # in a smaller table a few rows are a large share and mean nothing


class StateMerger:
    """Merges one delivery after the other into one feed's state, inside DuckDB."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        contract: Contract,
        zones: Zones,
        keys: KeyRing,
        draw: Draw,
        brakes: Brakes,
    ) -> None:
        self.con = con
        self.contract = contract
        self.brakes = brakes
        self.deleted = 0
        self.store = StateStore(zones, keys, contract.id)
        self.draw = draw
        vault = zones.vault / contract.id
        self.person_keys = RecordKeys(vault / "person_keys", keys.zone_key("vault"))
        self.place_keys = RecordKeys(vault / "place_keys", keys.zone_key("vault"))
        self.keys = KeyFollower(con, contract, self.person_keys, draw)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return the contract's tables."""
        return self.contract.tables

    @property
    def person_tables(self) -> tuple[Table, ...]:
        """Return the tables that describe persons; of one alone, person says it all."""
        return tuple(table for table in self.tables if table.describes_persons)

    def begin(self, previous: str | None) -> None:
        """Load the last good state as ``previous_…``; empty where there is none."""
        if previous is None:
            self._begin_empty()
        else:
            self._begin_from(previous)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE persons_before AS {self._known_persons()}"
        )
        self.remember()

    def remember(self) -> None:
        """Keep the keys of the state so far, for the references of what comes next."""
        for table in self.tables:
            if table.describes_persons:
                original, source = "source_id", f"previous_identity_{table.name}"
            else:
                original = quoted(splitting.content_key(table)[0])
                source = f"previous_{table.name}"
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE previous_keys_{table.name} AS "
                f"SELECT {original} AS original FROM {source}"
            )

    def _begin_empty(self) -> None:
        for keys in ("person_keys", "place_keys"):
            self.con.execute(
                f"CREATE TEMP TABLE {keys} (original VARCHAR, key VARCHAR)"
            )
        for table in self.tables:
            rows, codes = self._empty_rows(table), load_codes(self.con, table)
            query = splitting.content_select(table, rows, codes)
            self.con.execute(f"CREATE TEMP TABLE previous_{table.name} AS {query}")
            if table.describes_persons:
                query = splitting.identity_select(table, rows, codes)
                self.con.execute(
                    f"CREATE TEMP TABLE previous_identity_{table.name} AS {query}"
                )

    def _begin_from(self, previous: str) -> None:
        store = self.store
        for table in self.tables:
            content = store.open_content(previous, table.name)
            load_relation(self.con, f"previous_{table.name}", content)
        for name in store.vault_tables(previous):
            if name != "person":
                rows = store.open_vault(previous, name)
                load_relation(self.con, f"previous_{name}", rows)
        if len(self.person_tables) == 1:
            (table,) = self.person_tables
            columns = splitting.identity_columns(table)
            persons = store.open_vault(previous, "person")
            relation = f"previous_identity_{table.name}"
            load_relation(self.con, relation, persons, columns)

    def follow_keys(self) -> None:
        """Let the state so far follow the keys that a delivery says were changed."""
        if self.keys.follow():
            self.remember()

    def apply(self, whole: bool) -> None:
        """Merge the accepted rows of one delivery; absent from a whole is deleted.

        Raises:
            DeliveryHeld: So much would be deleted that the delivery is in doubt.
        """
        self._assign_keys()
        self.keys.check_reuse(whole)
        for table in self.tables:
            self._apply_table(table, whole)
        self._apply_places()

    def _assign_keys(self) -> None:
        originals = [
            f"SELECT {quoted(t.person.name)} AS original FROM accepted_{t.name}"
            for t in self.tables
            if t.person is not None
        ]
        originals += [
            f"SELECT {quoted(t.person.name)} FROM deleted_{t.name}"
            for t in self.tables
            if t.person is not None and t.deletes and t.person in t.key
        ]
        if originals:
            self.person_keys.assign(
                self.con, " UNION ALL ".join(originals), "person_keys", self.draw
            )
        places = [
            f"SELECT {splitting.place_original(t)} AS original FROM upserts_{t.name}"
            for t in self.tables
            if t.has_place
        ]
        if places:
            self.place_keys.assign(
                self.con, " UNION ALL ".join(places), "place_keys", self.draw
            )

    def _apply_table(self, table: Table, whole: bool) -> None:
        codes = load_codes(self.con, table)
        name, source = table.name, f"upserts_{table.name}"
        con = self.con
        new = splitting.content_select(table, source, codes)
        con.execute(f"CREATE OR REPLACE TEMP TABLE new_{name} AS {new}")
        gone = self._gone(table)
        key = splitting.content_key(table)
        self._merge(f"previous_{name}", f"new_{name}", key, gone, whole)
        if table.describes_persons:
            who = splitting.identity_select(table, source, codes)
            con.execute(f"CREATE OR REPLACE TEMP TABLE new_identity_{name} AS {who}")
            self._merge(
                f"previous_identity_{name}",
                f"new_identity_{name}",
                ["record_key"],
                gone,
                whole,
            )

    def _gone(self, table: Table) -> str | None:
        """Return a query of the content keys that the delivery deletes, if any."""
        person = table.person
        key = [c.name for c in table.key]
        marked = splitting.is_deletion(table)
        if table.deletes is not None:
            source = f"deleted_{table.name}"
        elif marked != "(FALSE)":
            source = f"(FROM accepted_{table.name} WHERE {marked})"
        else:
            return None
        picked, join = [], ""
        for column in key:
            if person is not None and column == person.name:
                picked.append("_person.key AS record_key")
                join = (
                    f"JOIN person_keys AS _person ON _person.original = "
                    f"_gone.{quoted(column)}"
                )
            else:
                picked.append(f"_gone.{quoted(column)}")
        return f"SELECT {', '.join(picked)} FROM {source} AS _gone {join}"

    def _merge(
        self, previous: str, new: str, key: list[str], gone: str | None, whole: bool
    ) -> None:
        con = self.con
        before = count(con, previous)
        if before == 0:
            con.execute(f"DROP TABLE {previous}")
            con.execute(f"ALTER TABLE {new} RENAME TO {previous}")
            return
        keys = ", ".join(map(quoted, key))
        if whole:
            gone = f"SELECT {keys} FROM {previous} EXCEPT SELECT {keys} FROM {new}"
        taken = 0
        if gone is not None:
            taken = count(
                con,
                f"(SELECT {keys} FROM {previous} SEMI JOIN ({gone}) AS _gone "
                f"USING ({keys}))",
            )
            self._brake(previous, before, taken, absent=whole)
        if whole:
            con.execute(f"CREATE OR REPLACE TEMP TABLE {previous} AS FROM {new}")
            return
        if taken:
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {previous} AS SELECT * FROM {previous} "
                f"AS _old ANTI JOIN ({gone}) AS _gone USING ({keys})"
            )
        if count(con, new):
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {previous} AS SELECT * FROM {previous} "
                f"AS _old ANTI JOIN {new} AS _new USING ({keys}) "
                f"UNION ALL BY NAME FROM {new}"
            )

    def _brake(self, relation: str, before: int, taken: int, *, absent: bool) -> None:
        """Count deletions, and stop where they are a large part of the state."""
        name = relation.removeprefix("previous_")
        if not name.startswith("identity_"):
            self.deleted += taken
        limit = self.contract.delivery.max_absent_share
        if before < BRAKE_FROM or taken <= limit * before:
            return
        table = name.removeprefix("identity_")
        remedy = "If they were really removed, exempt the rule in include/exemptions"
        share = f"{table}: {taken} of {before} rows"
        if absent:
            detail = f"{share} are absent from the full snapshot"
            self.brakes.pull("MASS_ABSENCE", f"absent:{table}", detail, remedy)
        else:
            detail = f"{share} are deleted by the delivery"
            self.brakes.pull("MASS_DELETION", f"deleted:{table}", detail, remedy)

    def _apply_places(self) -> None:
        selects = [
            splitting.place_select(t, f"upserts_{t.name}")
            for t in self.tables
            if t.has_place
        ]
        if not selects:
            return
        union = " UNION ALL BY NAME ".join(f"({s})" for s in selects)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE new_place AS {union}")
        if not self._exists("previous_place"):
            self.con.execute("CREATE TEMP TABLE previous_place AS FROM new_place")
            return
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE previous_place AS SELECT * FROM "
            "previous_place AS _old ANTI JOIN new_place AS _new USING (place_key) "
            "UNION ALL BY NAME FROM new_place"
        )

    def finish(self) -> tuple[StateTables, int]:
        """Return the merged state, and how many events went with deleted persons.

        Ages are derived anew; rows stand in a fixed order.
        """
        con = self.con
        orphaned = self._drop_events_of_the_gone()
        self.deleted += orphaned
        for table in self.tables:
            con.execute(
                f"CREATE OR REPLACE TEMP VIEW merged_{table.name} AS "
                f"FROM previous_{table.name}"
            )
            if table.describes_persons:
                con.execute(
                    f"CREATE OR REPLACE TEMP VIEW identity_{table.name} AS "
                    f"FROM previous_identity_{table.name}"
                )
        persons = splitting.merged_persons(self.tables, self.contract.id)
        con.execute(f"CREATE OR REPLACE TEMP TABLE persons AS {persons}")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE person_births AS "
            "SELECT record_key, birth_date FROM persons"
        )
        content = {t.name: self._content(t) for t in self.tables}
        vault = {"person": "FROM persons"}
        if len(self.person_tables) > 1:
            for table in self.person_tables:
                name = f"identity_{table.name}"
                vault[name] = f"FROM {name} ORDER BY record_key"
        if self._exists("previous_place"):
            vault["place"] = "FROM previous_place ORDER BY place_key"
        return StateTables(self._rows(content), self._rows(vault)), orphaned

    def _rows(self, queries: dict[str, str]) -> dict[str, Rows]:
        """Return what runs each query when its rows are wanted."""
        return {name: partial(stream, self.con, sql) for name, sql in queries.items()}

    def find_gone(self) -> int:
        """Make ``persons_gone``: whom the agency deleted; returns how many they are."""
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE persons_gone AS "
            f"FROM persons_before EXCEPT {self._known_persons()}"
        )
        return count(self.con, "persons_gone")

    def _known_persons(self) -> str:
        """Return a query of the agency's numbers of the persons in the state."""
        for table in self.person_tables[:1]:
            return f"SELECT source_id FROM previous_identity_{table.name}"
        return "SELECT NULL::VARCHAR AS source_id WHERE FALSE"

    def _drop_events_of_the_gone(self) -> int:
        """Delete events of persons whom the agency deleted without their events."""
        lead = next((t for t in self.tables if t.describes_persons), None)
        if lead is None:
            return 0
        dropped = 0
        for table in self.tables:
            if table.person is not None and table is not lead:
                before = count(self.con, f"previous_{table.name}")
                self.con.execute(
                    f"DELETE FROM previous_{table.name} WHERE record_key NOT IN "
                    f"(SELECT record_key FROM previous_identity_{lead.name})"
                )
                dropped += before - count(self.con, f"previous_{table.name}")
        return dropped

    def _content(self, table: Table) -> str:
        ages = {age.column for age in table.ages}
        con = self.con
        stored = [c for c in con.table(f"merged_{table.name}").columns if c not in ages]
        source = f"(SELECT {', '.join(map(quoted, stored))} FROM merged_{table.name})"
        query = splitting.with_ages(self.contract, table, source)
        keys = ", ".join(map(quoted, splitting.content_key(table)))
        return f"FROM ({query}) ORDER BY {keys}"

    def implausible_ages(self) -> list[RuleCount]:
        """Count events before their person's birth or 121 years after it, if any.

        They are of the whole state, because a corrected birth date corrects them all.
        """
        found = []
        for table in self.tables:
            for age in table.ages:
                source = f"merged_{table.name}"
                query = splitting.implausible_age(self.contract, table, age, source)
                rows, unknown, wrong = one(self.con, query)
                if wrong:
                    rule = f"age:{age.column}"
                    columns = age.at.rpartition(".")[2]
                    found.append(
                        RuleCount(
                            table.name, rule, "warning", columns, rows, unknown, wrong
                        )
                    )
        return found

    def completeness(self, staged: StagedState) -> list[ColumnCount]:
        """Count the present values of every column; aggregates only."""
        named = dict(staged.content)
        if self.person_tables:
            named["person record"] = staged.vault["person"]
        return [
            ColumnCount(name, column, table.rows, present)
            for name, table in named.items()
            for column, present in table.present.items()
            if column not in ("record_key", "place_key", "feed", "source_id")
        ]

    def _empty_rows(self, table: Table) -> str:
        types = sql_types(table).items()
        columns = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in types)
        return f"(SELECT {columns} WHERE FALSE)"

    def _exists(self, relation: str) -> bool:
        query = "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?"
        return bool(one(self.con, query, [relation])[0])
