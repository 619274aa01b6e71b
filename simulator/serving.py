"""SQL that every agency's writer shares: ids, times, which rows go out tonight."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from simulator import days
from simulator.days import summer_time_sql
from simulator.rosters import Night
from simulator.store import Store

SOURCE_ID = {
    "police_rms": "police_person_id(seq)",
    "probation": "probation_person_id(seq)",
    "school": "student_id(seq)",
    "hospital": "patient_id(seq)",
}


def macros(night: Night) -> tuple[str, ...]:
    """Give the macros that write ids and times."""
    seed = night.seed
    began = days.history_start(night.first_night)
    opaque = "substr(md5('{kind}' || {seed} || '/' || n), 1, {length})"
    wide = {
        "patient_id": "Patient",
        "encounter_id": "Encounter",
        "condition_id": "Condition",
    }
    numbered = {
        "police_person_id": ("MN", 8), "incident_id": ("IN", 8), "arrest_id": ("AR", 8),
        "probation_person_id": ("PB", 8), "period_id": ("SP", 8),
        "violation_id": ("VI", 8), "student_id": ("SU", 8),
        "discipline_id": ("DI", 8), "action_id": ("DA", 8),
    }  # fmt: skip
    return (
        *(
            f"CREATE OR REPLACE MACRO {name}(n) AS "
            + opaque.format(kind=kind, seed=seed, length=20)
            for name, kind in wide.items()
        ),
        *(
            f"CREATE OR REPLACE MACRO {name}(n) AS "
            f"'{prefix}' || lpad((n + 1)::VARCHAR, {width}, '0')"
            for name, (prefix, width) in numbered.items()
        ),
        f"CREATE OR REPLACE MACRO edfi_id(kind, n) AS md5(kind || {seed} || '/' || n)",
        f"CREATE OR REPLACE MACRO history_start() AS TIMESTAMP '{began} 08:00:00'",
        "CREATE OR REPLACE MACRO on_day(n) AS (DATE '1970-01-01' + n::INTEGER)",
        "CREATE OR REPLACE MACRO at_minute(n, m) AS "
        "(TIMESTAMP '1970-01-01' + to_days(n::INTEGER) + to_minutes(m::BIGINT))",
        "CREATE OR REPLACE MACRO local_text(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S')",
        "CREATE OR REPLACE MACRO offset_text(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S') "
        f"|| CASE WHEN {summer_time_sql('t')} THEN '-05:00' ELSE '-06:00' END",
        "CREATE OR REPLACE MACRO case_number(n, d, m, delay) AS "
        "strftime(at_minute(d, m + delay), '%y') || '-' || "
        "lpad((n + 1)::VARCHAR, 7, '0')",
        "CREATE OR REPLACE MACRO descriptor(kind, code) AS "
        "'uri://ed-fi.org/' || kind || 'Descriptor#' || code",
    )


@dataclass(frozen=True)
class Delivery:
    """One night's files of one feed, written to a staging folder."""

    store: Store
    night: Night
    folder: Path

    @property
    def changed(self) -> str:
        """Give the filter for rows that are new, changed or deleted tonight."""
        return f"rev = {self.night.index}"

    @property
    def upserted(self) -> str:
        """Give the filter for rows that are new or changed tonight and still exist."""
        return f"rev = {self.night.index} AND gone IS NULL"

    @property
    def removed(self) -> str:
        """Give the filter for rows that agencies had and have no longer."""
        index = self.night.index
        return f"gone = {index} AND created < {index}"

    def action(self, table: str) -> str:
        """Give the SQL of a row's action code."""
        index = self.night.index
        return (
            f"CASE WHEN {table}.gone IS NOT NULL THEN 'D' "
            f"WHEN {table}.created = {index} THEN 'I' ELSE 'U' END"
        )

    def stamp(self, table: str, event_time: str) -> str:
        """Give the SQL of a row's last change, as a local timestamp."""
        first = self.night.first_night
        return (
            f"CASE WHEN {table}.rev = 0 THEN least({event_time}, "
            f"TIMESTAMP '{first} 01:30:00') ELSE TIMESTAMP '{first} 00:15:00' "
            f"+ to_days({table}.rev::INTEGER) + to_seconds({table}.rowid % 4500) END"
        )

    def ndjson(self, name: str, select: str) -> None:
        """Write a query's rows as one JSON object a line."""
        path = str(self.folder / name).replace("'", "''")
        self.store.run(f"COPY ({select}) TO '{path}' (FORMAT json)")

    def csv(self, name: str, select: str) -> None:
        """Write a query's rows as RFC 4180 CSV with a header."""
        path = str(self.folder / name).replace("'", "''")
        self.store.run(f"COPY ({select}) TO '{path}' (FORMAT csv, HEADER true)")


def compact(night: date) -> str:
    """Write a night as 20260105."""
    return night.strftime("%Y%m%d")
