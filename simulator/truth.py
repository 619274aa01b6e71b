"""The truth of a night, for tests and evaluation only; it is never served."""

import json
from pathlib import Path
from typing import Any

from simulator.agencies import AGENCIES
from simulator.defects import DEFECTS, served
from simulator.rosters import Night
from simulator.serving import SOURCE_ID
from simulator.store import FEEDS, Store

# Feed, served table and key of every event table; keys as they are served.
EVENTS: dict[str, tuple[str, str, str]] = {
    "incident": ("police_rms", "incident", "incident_id(seq)"),
    "offense": (
        "police_rms", "offense",
        "("
        + served("offense", "incident_id", "incident_id(incident)")
        + ") || '|' || number",
    ),
    "involvement": (
        "police_rms", "involvement",
        "incident_id(incident) || '|' || ("
        + served("involvement", "person_id", "police_person_id(record)")
        + ") || '|' || ("
        + served("involvement", "role", "role")
        + ")",
    ),
    "arrest": ("police_rms", "arrest", "arrest_id(seq)"),
    "period": ("probation", "supervision-periods", "period_id(seq)"),
    "violation": ("probation", "violations", "violation_id(seq)"),
    "enrollment": (
        "school", "studentSchoolAssociations",
        "edfi_id('studentSchoolAssociations', seq)",
    ),
    "attendance": (
        "school", "studentSchoolAttendanceEvents",
        "edfi_id('studentSchoolAttendanceEvents', seq)",
    ),
    "discipline": (
        "school", "disciplineIncidents", "edfi_id('disciplineIncidents', seq)",
    ),
    "action": ("school", "disciplineActions", "edfi_id('disciplineActions', seq)"),
    "encounter": ("hospital", "Encounter", "encounter_id(seq)"),
    "condition": ("hospital", "Condition", "condition_id(seq)"),
}  # fmt: skip
_PERSON_TABLES = {
    "police_rms": "person",
    "probation": "persons",
    "school": "students",
    "hospital": "Patient",
}
# Households can share a house; it has one entry. Flats have none of their own.
_ADDRESSES = """
  SELECT 'A' || lpad(min(place)::VARCHAR, 8, '0') AS gazetteer_id,
    house || ' ' || street_name AS street, any_value(city ORDER BY place) AS city,
    'IL' AS state, zip, any_value(latitude ORDER BY place) AS latitude,
    any_value(longitude ORDER BY place) AS longitude
  FROM place GROUP BY house, street_name, zip ORDER BY gazetteer_id"""
_DAYS = {"period": "start_day", "enrollment": "entry_day"}
_NO_DAY = ("offense", "involvement")
_HAPPENINGS = ("incident", "discipline", "encounter")


def write_truth(
    store: Store, night: Night, folder: Path, canaries: list[dict[str, Any]]
) -> None:
    """Write who is who, what hangs together, what is wrong and who is planted."""
    folder.mkdir(parents=True, exist_ok=True)
    _parquet(store, folder / "record_person.parquet", _record_person())
    _parquet(store, folder / "person.parquet", _person(night))
    _parquet(store, folder / "place.parquet", _incident_places())
    _parquet(store, folder / "events.parquet", _events())
    _parquet(store, folder / "assault.parquet", _assaults())
    _parquet(store, folder / "defects.parquet", _defects(night))
    for name, content in (
        ("canaries.json", canaries),
        ("counts.json", counts(store, night)),
    ):
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def write_gazetteer(store: Store, path: Path) -> None:
    """Write every address of the county once, as a site's own address file would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = str(path).replace("'", "''")
    store.run(f"COPY ({_ADDRESSES}) TO '{text}' (FORMAT csv, HEADER)")


def counts(store: Store, night: Night) -> dict[str, dict[str, int]]:
    """Count, for each table, rows that exist and rows that changed tonight."""
    found: dict[str, dict[str, int]] = {}
    tables = {f"{feed}_person": (feed, _PERSON_TABLES[feed], "") for feed in FEEDS}
    for table, (feed, name, _) in (tables | EVENTS).items():
        k = night.index
        found[f"{feed}/{name}"] = {
            label: store.number(f"SELECT count(*) FROM {table} WHERE {where}")
            for label, where in (
                ("existing", "gone IS NULL"),
                ("new", f"created = {k}"),
                ("changed", f"rev = {k} AND created < {k} AND gone IS NULL"),
                ("deleted", f"gone = {k}"),
            )
        }
    return found


def _parquet(store: Store, path: Path, select: str) -> None:
    text = str(path).replace("'", "''")
    store.run(f"COPY ({select}) TO '{text}' (FORMAT parquet)")


def _record_person() -> str:
    """List every record ever served, also the deleted ones (``existing`` false)."""
    records = {
        feed: f"SELECT {source_id} AS source_id, person, gone IS NULL AS existing "
        f"FROM {feed}_person ORDER BY seq"
        for feed, source_id in SOURCE_ID.items()
    }
    records |= {
        feed: f"SELECT source_id, person, existing FROM ({agency.persons}) "
        "ORDER BY source_id"
        for feed, agency in AGENCIES.items()
        if agency.persons is not None
    }
    return " UNION ALL ".join(
        f"(SELECT '{feed}' AS feed, source_id, 'P' || lpad(person::VARCHAR, 8, '0') "
        f"AS person, existing FROM ({query}))"
        for feed, query in records.items()
    )


def _person(night: Night) -> str:
    """List what every person of the county is, in the groups that are compared."""
    return f"""
      SELECT 'P' || lpad(person::VARCHAR, 8, '0') AS person, sex, race, ethnicity,
        CASE WHEN age < 18 THEN 'under 18' WHEN age < 35 THEN '18-34'
          WHEN age < 65 THEN '35-64' ELSE '65 and over' END AS age_band,
        name_origin
      FROM (SELECT *, date_sub('year', birth, DATE '{night.date}') AS age FROM truth)
      ORDER BY person"""


def _incident_places() -> str:
    """List the address in the gazetteer where each incident happened."""
    return f"""
      SELECT 'police_rms' AS feed, incident_id(seq) AS source_key, gazetteer_id
      FROM (SELECT seq, place FROM incident WHERE gone IS NULL) JOIN place USING (place)
      JOIN ({_ADDRESSES}) AS g ON g.street = house || ' ' || street_name
        AND g.zip = place.zip
      ORDER BY seq"""


def _events() -> str:
    """List every existing event but attendance, with person and happening."""
    parts = []
    for table, (feed, name, key) in EVENTS.items():
        if table == "attendance":
            continue
        of_person = table not in ("incident", "offense", "discipline")
        person = "'P' || lpad(p.person::VARCHAR, 8, '0')" if of_person else "NULL"
        join = (
            f"JOIN (SELECT seq AS record, person FROM {feed}_person) p USING (record)"
            if of_person
            else ""
        )
        day = "NULL::DATE" if table in _NO_DAY else f"on_day({_DAYS.get(table, 'day')})"
        happening = "happening" if table in _HAPPENINGS else "NULL::INTEGER"
        parts.append(
            f"(SELECT '{feed}' AS feed, '{name}' AS \"table\", {key} AS source_key, "
            f"{day} AS event_date, {person} AS person, {happening} AS happening "
            f"FROM (SELECT *, rowid FROM {table} WHERE gone IS NULL) {table} {join} "
            "ORDER BY rowid)"
        )
    return " UNION ALL ".join(parts)


def _assaults() -> str:
    """List the first visit of each assault that the police know of, with incident."""
    return """
      SELECT encounter_id(v.seq) AS encounter_id, incident_id(i.seq) AS incident_id
      FROM (SELECT happening, min_by(seq, day) AS seq FROM encounter
        WHERE gone IS NULL AND happening IS NOT NULL GROUP BY happening) AS v
      JOIN (SELECT happening, seq FROM incident WHERE gone IS NULL) AS i
        USING (happening)
      ORDER BY ALL"""


def _defects(night: Night) -> str:
    """List the invalid values in existing rows, and when each was served."""
    people = {
        f"{feed}_person": (feed, _PERSON_TABLES[feed], source_id)
        for feed, source_id in SOURCE_ID.items()
    }
    parts = []
    for table, (feed, name, key) in (people | EVENTS).items():
        for code, defect in enumerate(DEFECTS[table], start=1):
            parts.append(
                f"(SELECT '{feed}' AS feed, '{name}' AS \"table\", "
                f"{key} AS source_key, '{defect.column}' AS \"column\", "
                f"'{defect.name}' AS defect, "
                f"DATE '{night.first_night}' + rev::INTEGER AS served "
                f"FROM {table} WHERE defect = {code} AND gone IS NULL ORDER BY rowid)"
            )
    return " UNION ALL ".join(parts)
