"""What the hospital's FHIR server exports: changed resources and deletions."""

from simulator.defects import served
from simulator.serving import Delivery

RESOURCES = ("Patient", "Encounter", "Condition")
_P = "hospital_person"
_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core"
_CDC = "urn:oid:2.16.840.1.113883.6.238"
_RACE = (
    "CASE race WHEN 'W' THEN '2106-3' WHEN 'B' THEN '2054-5' WHEN 'I' THEN '1002-5' "
    "WHEN 'A' THEN '2028-9' WHEN 'P' THEN '2076-8' ELSE 'UNK' END"
)
_ETHNICITY = (
    "CASE ethnicity WHEN 'H' THEN '2135-2' WHEN 'N' THEN '2186-5' ELSE 'UNK' END"
)
_GENDER = "CASE sex WHEN 'M' THEN 'male' WHEN 'F' THEN 'female' ELSE 'unknown' END"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


def write(delivery: Delivery) -> None:
    """Write new and changed resources, and a bundle for each deletion."""
    for resource, select in selects(delivery).items():
        delivery.ndjson(f"{resource}.ndjson", select)
    delivery.ndjson("deleted.ndjson", _deleted(delivery))


def selects(delivery: Delivery) -> dict[str, str]:
    """Give the query of each resource."""
    return {
        "Patient": _patient(delivery),
        "Encounter": _encounter(delivery),
        "Condition": _condition(delivery),
    }


def _meta(delivery: Delivery, table: str, event_time: str) -> str:
    stamp = f"date_trunc('second', {delivery.stamp(table, event_time)})"
    return f"{{'lastUpdated': offset_text({stamp})}} AS meta"


def _extension(kind: str, code: str) -> str:
    """Write one of the US Core demographic extensions, code at [0].valueCoding."""
    return (
        f"{{'url': '{_CORE}-{kind}', 'extension': [{{'url': 'ombCategory', "
        f"'valueCoding': {{'system': '{_CDC}', 'code': {code}}}}}]}}"
    )


def _patient(d: Delivery) -> str:
    began = "history_start() + to_seconds((seq * 977) % 31000000)"
    mrn = (
        f"{{'type': {{'coding': [{{'system': '{_TERMINOLOGY}/v2-0203', 'code': 'MR'}}]}}, "  # noqa: E501
        "'system': 'urn:springfield:mrn', 'value': 'MRN' || lpad((seq + 1)::VARCHAR, 8, '0')}"  # noqa: E501
    )
    ssn = (
        f"{{'type': {{'coding': [{{'system': '{_TERMINOLOGY}/v2-0203', 'code': 'SS'}}]}}, "  # noqa: E501
        "'system': 'urn:oid:2.16.840.1.113883.4.1', 'value': ssn}"
    )
    phone = "{'system': 'phone', 'value': phone}"
    email = "{'system': 'email', 'value': email}"
    return f"""
      SELECT 'Patient' AS resourceType, patient_id(seq) AS id, {_meta(d, _P, began)},
        [{_extension("race", _RACE)}, {_extension("ethnicity", _ETHNICITY)}]
          AS extension,
        CASE WHEN ssn IS NULL THEN [{mrn}] ELSE [{mrn}, {ssn}] END AS identifier,
        [{{'use': 'official', 'family': last_name,
          'given': list_filter([first_name, middle_name], lambda x: x IS NOT NULL),
          'suffix': CASE WHEN suffix IS NULL THEN [] ELSE [suffix] END}}] AS name,
        CASE WHEN email IS NOT NULL THEN [{phone}, {email}]
          WHEN phone IS NOT NULL THEN [{phone}] ELSE [] END AS telecom,
        {served(_P, "gender", _GENDER)} AS gender,
        {served(_P, "birthDate", "birth_date")} AS birthDate,
        CASE WHEN street IS NULL THEN [] ELSE [{{'line': [street], 'city': city,
          'state': state, 'postalCode': zip}}] END AS address
      FROM {_P} WHERE {d.upserted} ORDER BY seq"""


def _encounter(d: Delivery) -> str:
    t = "encounter"
    begin = "at_minute(day, minute)"
    end = "offset_text(at_minute(day, minute + stay))"
    closed = "at_minute(day, minute + coalesce(stay, 60) + 30)"
    subject = served(t, "subject", "'Patient/' || patient_id(record)")
    return f"""
      SELECT 'Encounter' AS resourceType, encounter_id(seq) AS id,
        {_meta(d, t, closed)}, status,
        {{'system': '{_TERMINOLOGY}/v3-ActCode', 'code': {served(t, "class", "class")}}}
          AS class,
        [{{'text': reason}}] AS type, {{'reference': {subject}}} AS subject,
        {{'start': offset_text({begin}), 'end': {served(t, "period.end", end)}}}
          AS period,
        CASE WHEN disposition IS NOT NULL THEN {{'dischargeDisposition': {{'coding': [
          {{'system': '{_TERMINOLOGY}/discharge-disposition', 'code': disposition}}
        ]}}}} END AS hospitalization
      FROM encounter WHERE {d.upserted} ORDER BY seq"""


def _condition(d: Delivery) -> str:
    t = "condition"
    encounter = served(t, "encounter", "'Encounter/' || encounter_id(encounter)")
    return f"""
      SELECT 'Condition' AS resourceType, condition_id(seq) AS id,
        {_meta(d, t, "at_minute(day, 1410)")},
        {{'coding': [{{'system': '{_TERMINOLOGY}/condition-ver-status',
          'code': verification}}]}} AS verificationStatus,
        {{'coding': [{{'system': 'http://hl7.org/fhir/sid/icd-10-cm',
          'code': {served(t, "code", "condition.code")}}}]}} AS code,
        {{'reference': 'Patient/' || patient_id(record)}} AS subject,
        {{'reference': {encounter}}} AS encounter,
        {served(t, "recordedDate", "on_day(day)::VARCHAR")} AS recordedDate
      FROM condition WHERE {d.upserted} ORDER BY seq"""


def _deleted(d: Delivery) -> str:
    parts = (
        ("Condition", "condition", "condition_id"),
        ("Encounter", "encounter", "encounter_id"),
        ("Patient", _P, "patient_id"),
    )
    every = " UNION ALL ".join(
        f"SELECT {place} AS place, seq, '{name}/' || {macro}(seq) AS url "
        f"FROM {table} WHERE {d.removed}"
        for place, (name, table, macro) in enumerate(parts)
    )
    return f"""
      SELECT 'Bundle' AS resourceType, 'transaction' AS type,
        [{{'request': {{'method': 'DELETE', 'url': url}}}}] AS entry
      FROM ({every}) ORDER BY place, seq"""
