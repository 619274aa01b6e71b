"""Invalid values that the county plants in a few rows, and lists in the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.rosters import Night
from simulator.store import Store

ROW_SHARE = 0.003
PERSON_SHARE = 0.001


@dataclass(frozen=True)
class Defect:
    """One way in which a row of a table can be wrong.

    ``value`` is the SQL that stands in place of the served column; ``when`` says to
    which rows it can happen.
    """

    name: str
    column: str
    value: str
    when: str = "true"


_FAR_DAY = "'2031-05-17'"
_NO_SUCH = "(90000000 + rowid)"

DEFECTS: Mapping[str, tuple[Defect, ...]] = {
    "police_rms_person": (
        Defect("future_date", "birth_date", _FAR_DAY),
        Defect("impossible_date", "birth_date", "'1987-02-30'"),
        Defect("unknown_code", "sex", "'Q'"),
    ),
    "probation_person": (
        Defect("future_date", "birth_date", "'20310517'"),
        Defect("impossible_date", "birth_date", "'19870230'"),
        Defect("unknown_code", "sex", "'Q'"),
    ),
    "school_person": (Defect("future_date", "birthDate", _FAR_DAY),),
    "hospital_person": (
        Defect("future_date", "birthDate", _FAR_DAY),
        Defect("unknown_code", "gender", "'q'"),
    ),
    "incident": (
        Defect("future_date", "occurred_at", "'2031-05-17T10:00:00'"),
        Defect("unknown_code", "clearance", "'Q'", "clearance = 'N'"),
        Defect(
            "clearance_before_incident",
            "clearance_date",
            "'2019-03-04'",
            "clearance <> 'N'",
        ),
        Defect("out_of_range", "latitude", "'139.8'"),
        Defect("malformed", "case_number", "'26_00#12'"),
    ),
    "offense": (
        Defect("unknown_code", "ucr_code", "'99Z'"),
        Defect("unknown_code", "attempted_completed", "'X'"),
        Defect("orphan", "incident_id", f"'IN' || {_NO_SUCH}"),
    ),
    "involvement": (
        Defect("unknown_code", "role", "'bystander'", "role = 'witness'"),
        Defect("orphan", "person_id", f"'MN' || {_NO_SUCH}"),
    ),
    "arrest": (
        Defect("future_date", "arrest_date", _FAR_DAY),
        Defect("unknown_code", "arrest_type", "'Z'"),
        Defect("unknown_code", "ucr_code", "'99Z'"),
    ),
    "period": (
        Defect("end_before_start", "end_date", "'2019-03-04'", "end_day IS NOT NULL"),
        Defect("unknown_code", "level", "'SUPER'"),
        Defect("orphan", "person_id", f"'PB' || {_NO_SUCH}"),
    ),
    "violation": (
        Defect("unknown_code", "type", "'RUDENESS'"),
        Defect("future_date", "violation_date", _FAR_DAY),
        Defect("orphan", "period_id", f"'SP' || {_NO_SUCH}"),
    ),
    "enrollment": (
        Defect(
            "exit_before_entry",
            "exitWithdrawDate",
            "'2019-03-04'",
            "exit_day IS NOT NULL",
        ),
        Defect(
            "unknown_code",
            "entryGradeLevelDescriptor",
            "'uri://ed-fi.org/GradeLevelDescriptor#Grade 42'",
        ),
        Defect("orphan", "studentUniqueId", f"'SU' || {_NO_SUCH}"),
    ),
    "attendance": (
        Defect(
            "unknown_code",
            "attendanceEventCategoryDescriptor",
            "'uri://ed-fi.org/AttendanceEventCategoryDescriptor#Asleep'",
        ),
        Defect("future_date", "eventDate", _FAR_DAY),
        Defect("out_of_range", "eventDuration", "-1.0"),
        Defect("orphan", "studentUniqueId", f"'SU' || {_NO_SUCH}"),
    ),
    "discipline": (
        Defect("future_date", "incidentDate", _FAR_DAY),
        Defect(
            "unknown_code",
            "behaviorDescriptor",
            "'uri://ed-fi.org/BehaviorDescriptor#Sulking'",
        ),
    ),
    "action": (
        Defect("future_date", "disciplineDate", _FAR_DAY),
        Defect(
            "unknown_code",
            "disciplineDescriptor",
            "'uri://ed-fi.org/DisciplineDescriptor#Stare'",
        ),
        Defect("orphan", "studentUniqueId", f"'SU' || {_NO_SUCH}"),
    ),
    "encounter": (
        Defect(
            "end_before_start",
            "period.end",
            "'2019-03-04T10:00:00-06:00'",
            "stay IS NOT NULL",
        ),
        Defect("unknown_code", "class", "'SPA'"),
        Defect("orphan", "subject", f"'Patient/' || {_NO_SUCH}"),
    ),
    "condition": (
        Defect("malformed", "code", "'??'"),
        Defect("future_date", "recordedDate", _FAR_DAY),
        Defect("orphan", "encounter", f"'Encounter/' || {_NO_SUCH}"),
    ),
}


def served(table: str, column: str, expression: str) -> str:
    """Give the SQL of a served column: its value, or the defect planted in it."""
    cases = [
        f"WHEN {code} THEN {defect.value}"
        for code, defect in enumerate(DEFECTS[table], start=1)
        if defect.column == column
    ]
    if not cases:
        raise ValueError(f"no defect is planned for {table}.{column}")
    return f"CASE {table}.defect {' '.join(cases)} ELSE {expression} END".replace(
        "rowid", f"{table}.rowid"
    )


def plant_defects(store: Store, night: Night, persons: int) -> None:
    """Spoil a small share of the rows that are new tonight."""
    for table, defects in DEFECTS.items():
        rng = night.rng(f"defects {table}")
        of_person = table.endswith("_person")
        others = f"AND person < {persons}" if of_person else ""
        rows = store.column(
            f"SELECT rowid FROM {table} WHERE created = {night.index} {others} "
            "ORDER BY rowid"
        )
        share = PERSON_SHARE if of_person else ROW_SHARE
        hit = rows[rng.random(len(rows)) < share]
        code = rng.integers(1, len(defects) + 1, len(hit))
        possible = " ".join(
            f"WHEN {number} THEN {defect.when}"
            for number, defect in enumerate(defects, start=1)
        )
        store.run(
            f"UPDATE {table} SET defect = spoiled.code FROM spoiled "
            f"WHERE {table}.rowid = spoiled.place "
            f"AND CASE spoiled.code {possible} END",
            spoiled=pa.table(
                {"place": pa.array(hit), "code": pa.array(code.astype(np.uint8))}
            ),
        )
