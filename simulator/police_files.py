"""What the police RMS drops on its SFTP server each night, and manifests as it does."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from concord.transport.streams import RecordCounter
from simulator.agencies.agency import file_name
from simulator.defects import served
from simulator.rosters import Night
from simulator.serving import Delivery

TABLES = ("person", "incident", "offense", "involvement", "arrest")
ORI = "IL0840100"
_ZONE = ZoneInfo("America/Chicago")
_SAID = {
    "13": "{v} said that {o} had struck and threatened them",
    "12": "{v} stated that {o} took property by force",
    "22": "It was found that {o} had broken in and taken items of {v}",
    "23": "{v} reported that {o} took property",
    "24": "{v} reported that {o} drove off in their vehicle",
    "29": "It was found that {o} had damaged property of {v}",
    "26": "{v} stated that {o} obtained money under false pretences",
}


def write(delivery: Delivery) -> None:
    """Write the night's five tables."""
    for table, select in selects(delivery).items():
        delivery.csv(file_name("police_rms", table, delivery.night), select)


def selects(delivery: Delivery) -> dict[str, str]:
    """Give the query of each table."""
    d = delivery
    return {
        "person": _person(d),
        "incident": _incident(d),
        "offense": f"""
          SELECT {served("offense", "incident_id", "incident_id(incident)")}
              AS incident_id, number AS offense_seq,
            {served("offense", "ucr_code", "offense.ucr")} AS ucr_code,
            {served("offense", "attempted_completed", "completed")}
              AS attempted_completed,
            weapon AS weapon_code, bias AS bias_code,
            local_text({d.stamp("offense", _reported("incident"))}) AS updated_at,
            {d.action("offense")} AS action
          FROM offense JOIN incident ON incident.seq = offense.incident
          WHERE offense.{d.changed} {_known(d, "offense")} ORDER BY offense.rowid""",
        "involvement": f"""
          SELECT incident_id(incident) AS incident_id,
            {served("involvement", "person_id", "police_person_id(record)")}
              AS person_id,
            {served("involvement", "role", "role")} AS role, number AS seq,
            injury AS injury_code, relationship AS relationship_code,
            local_text({d.stamp("involvement", _reported("incident"))}) AS updated_at,
            {d.action("involvement")} AS action
          FROM involvement JOIN incident ON incident.seq = involvement.incident
          WHERE involvement.{d.changed} {_known(d, "involvement")}
          ORDER BY involvement.rowid""",
        "arrest": f"""
          SELECT arrest_id(seq) AS arrest_id, incident_id(incident) AS incident_id,
            police_person_id(record) AS person_id,
            {served("arrest", "arrest_date", "on_day(day)::VARCHAR")} AS arrest_date,
            {served("arrest", "arrest_type", "kind")} AS arrest_type,
            {served("arrest", "ucr_code", "ucr")} AS ucr_code,
            juvenile AS disposition_under_18,
            local_text({d.stamp("arrest", "at_minute(day, 1380)")}) AS updated_at,
            {d.action("arrest")} AS action
          FROM arrest WHERE {d.changed} {_known(d, "arrest")} ORDER BY seq""",
    }  # fmt: skip


def _known(delivery: Delivery, table: str) -> str:
    """Leave out rows that came and went between two extracts."""
    index = delivery.night.index
    return f"AND NOT ({table}.gone IS NOT NULL AND {table}.created = {index})"


def _reported(table: str) -> str:
    return f"at_minute({table}.day, {table}.minute + {table}.delay + 240)"


def _person(d: Delivery) -> str:
    t = "police_rms_person"
    began = "history_start() + to_seconds((seq * 977) % 31000000)"
    return f"""
      SELECT police_person_id(seq) AS person_id, last_name, first_name, middle_name,
        suffix, {served(t, "birth_date", "birth_date")} AS birth_date, ssn,
        {served(t, "sex", "sex")} AS sex, race, ethnicity, street, city, state, zip,
        phone, state_id, local_text({d.stamp(t, began)}) AS updated_at,
        {d.action(t)} AS action
      FROM {t} WHERE {d.changed} {_known(d, t)} ORDER BY seq"""


def _incident(d: Delivery) -> str:
    served_clearance = served("incident", "clearance", "clearance")
    cleared = "CASE WHEN clearance <> 'N' THEN on_day(day + clearance_lag)::VARCHAR END"
    case = served("incident", "case_number", "case_number(seq, day, minute, delay)")
    return f"""
      SELECT incident_id(seq) AS incident_id, '{ORI}' AS ori, {case} AS case_number,
        {served("incident", "occurred_at", "local_text(at_minute(day, minute))")}
          AS occurred_at,
        local_text(at_minute(day, minute + delay)) AS reported_at,
        {served_clearance} AS clearance,
        {served("incident", "clearance_date", cleared)} AS clearance_date,
        upper(street_line(place.house, street_name, place.unit)) AS street,
        upper(place.city) AS city, 'IL' AS state, place.zip AS zip,
        {served("incident", "latitude", "place.latitude::VARCHAR")} AS latitude,
        place.longitude AS longitude, beat, location_code,
        {_narrative()} AS narrative,
        local_text({d.stamp("incident", _reported("incident"))}) AS updated_at,
        {d.action("incident")} AS action
      FROM incident JOIN place ON place.place = incident.place
      LEFT JOIN (SELECT seq AS victim, first_name AS v_first, last_name AS v_last,
        phone AS v_phone FROM police_rms_person) USING (victim)
      LEFT JOIN (SELECT seq AS offender, first_name AS o_first, last_name AS o_last
        FROM police_rms_person) USING (offender)
      WHERE {d.changed} {_known(d, "incident")} ORDER BY seq"""


def _narrative() -> str:
    """Compose free text that names people, as officers do."""
    victim = "coalesce(v_first || ' ' || v_last, 'the complainant')"
    offender = "coalesce(o_first || ' ' || o_last, 'an unknown person')"
    cases = " ".join(
        f"WHEN '{prefix}' THEN '" + said.format(
            o=f"' || {offender} || '", v=f"' || {victim} || '"
        ) + "'" for prefix, said in _SAID.items()
    )  # fmt: skip
    return f"""
      'Officers met ' || {victim} || ' at ' ||
      street_line(place.house, street_name, place.unit) || ' about ' ||
      strftime(at_minute(day, minute), '%H:%M') || '. ' ||
      CASE ucr[:2] {cases}
        ELSE 'They spoke with ' || {offender} || ' at the scene' END || '.'
      || CASE WHEN v_phone IS NOT NULL AND seq % 3 = 0
        THEN ' Call back at ' || v_phone || '.' ELSE '' END
      || CASE WHEN token IS NOT NULL THEN ' Ref "' || token || '".' ELSE '' END
      || CASE WHEN seq % 5 = 0 THEN ' Body camera on, report to follow.' ELSE '' END"""


def manifest(
    folder: Path,
    night: Night,
    feed: str = "police_rms",
    tables: Sequence[str] = TABLES,
    *,
    full: bool = False,
) -> dict[str, Any]:
    """Describe the files in a folder: the last thing that an agency writes."""
    at = datetime.combine(night.date, time(2), _ZONE)
    window: dict[str, Any] = {"full": True}
    if night.index and not full:
        before = datetime.combine(night.date - timedelta(days=1), time(2), _ZONE)
        window = {"from": before.isoformat(), "to": at.isoformat()}
    name = f"concord-county/{night.seed}/{night.date}"
    if feed != "police_rms":
        name += f"/{feed}"
    return {
        "source": feed,
        "schema_version": "1.0.0",
        "extract_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "generated_at": at.isoformat(),
        "window": window,
        "delete_mode": "snapshot_absence" if full else "action_code",
        "files": [
            describe(folder / file_name(feed, table, night), table) for table in tables
        ],
    }


def describe(path: Path, table: str) -> dict[str, Any]:
    """Give a file's entry in the manifest."""
    digest, rows, size = hashlib.sha256(), RecordCounter("csv"), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            rows.feed(block)
            size += len(block)
    return {
        "name": path.name,
        "table": table,
        "rows": rows.records,
        "bytes": size,
        "sha256": digest.hexdigest(),
    }


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write the manifest under a temporary name, then rename it."""
    temporary = folder / ".manifest.json.part"
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(folder / "manifest.json")
