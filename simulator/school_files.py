"""What the school district's Ed-Fi ODS serves: changed items and deletes."""

from dataclasses import dataclass

from simulator import codes
from simulator.defects import served
from simulator.school import SCHOOL_BASE
from simulator.serving import Delivery

_DISTRICT = 255901
_P = "school_person"
_SCHOOL = f"{{'schoolId': {SCHOOL_BASE} + school}}"
_RACE = (
    "CASE race WHEN 'W' THEN 'White' WHEN 'B' THEN 'Black - African American' "
    "WHEN 'A' THEN 'Asian' WHEN 'I' THEN 'American Indian - Alaska Native' "
    "WHEN 'P' THEN 'Native Hawaiian - Pacific Islander' "
    "ELSE 'Choose Not to Respond' END"
)
_SEX = "CASE sex WHEN 'M' THEN 'Male' WHEN 'F' THEN 'Female' ELSE 'Not Selected' END"


def _listed(values: tuple[str, ...], position: str) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"([{quoted}])[{position} + 1]"


def _session() -> str:
    return (
        "CASE WHEN month(on_day(day)) >= 8 THEN 'Fall ' ELSE 'Spring ' END "
        "|| year(on_day(day))"
    )


@dataclass(frozen=True)
class Resource:
    """An Ed-Fi resource: its rows, their columns and their natural key."""

    table: str
    fields: tuple[str, ...]
    key: tuple[tuple[str, str], ...]
    changed_at: str


_CATEGORY = (
    f"descriptor('AttendanceEventCategory', {_listed(codes.ATTENDANCE, 'category')})"
)
_GRADE = f"descriptor('GradeLevel', {_listed(codes.GRADES, 'grade')})"
_BEGAN = "history_start()"


def _student(table: str, record: str = "record") -> str:
    if any(table == name for name in ("discipline", _P)):
        return f"student_id({record})"
    return served(table, "studentUniqueId", f"student_id({record})")


RESOURCES: dict[str, Resource] = {
    "students": Resource(
        _P,
        (
            "student_id(seq) AS studentUniqueId",
            "first_name AS firstName",
            "middle_name AS middleName",
            "last_name AS lastSurname",
            "suffix AS generationCodeSuffix",
            f"{served(_P, 'birthDate', 'birth_date')} AS birthDate",
            f"descriptor('Sex', {_SEX}) AS birthSexDescriptor",
        ),
        (("studentUniqueId", "student_id(seq)"),),
        _BEGAN,
    ),
    "studentEducationOrganizationAssociations": Resource(
        _P,
        (
            f"{{'educationOrganizationId': {_DISTRICT}}} "
            "AS educationOrganizationReference",
            "{'studentUniqueId': student_id(seq)} AS studentReference",
            f"descriptor('Sex', {_SEX}) AS sexDescriptor",
            "ethnicity = 'H' AS hispanicLatinoEthnicity",
            f"[{{'raceDescriptor': descriptor('Race', {_RACE})}}] AS races",
            "CASE WHEN street IS NULL THEN [] ELSE [{"
            "'addressTypeDescriptor': descriptor('AddressType', 'Home'), "
            "'streetNumberName': street, 'city': city, "
            "'stateAbbreviationDescriptor': descriptor('StateAbbreviation', state), "
            "'postalCode': zip}] END AS addresses",
            "CASE WHEN phone IS NULL THEN [] ELSE [{"
            "'telephoneNumberTypeDescriptor': descriptor('TelephoneNumberType', 'Home'), "  # noqa: E501
            "'telephoneNumber': phone}] END AS telephones",
        ),
        (
            ("educationOrganizationId", str(_DISTRICT)),
            ("studentUniqueId", "student_id(seq)"),
        ),
        _BEGAN,
    ),
    "studentSchoolAssociations": Resource(
        "enrollment",
        (
            "on_day(entry_day) AS entryDate",
            f"{_SCHOOL} AS schoolReference",
            f"{{'studentUniqueId': {_student('enrollment')}}} AS studentReference",
            f"{served('enrollment', 'entryGradeLevelDescriptor', _GRADE)} "
            "AS entryGradeLevelDescriptor",
            f"{served('enrollment', 'exitWithdrawDate', 'on_day(exit_day)::VARCHAR')} "
            "AS exitWithdrawDate",
            "descriptor('ExitWithdrawType', exit_type) AS exitWithdrawTypeDescriptor",
            "{'schoolYear': year} AS schoolYearTypeReference",
        ),
        (
            ("entryDate", "on_day(entry_day)"),
            ("schoolId", f"{SCHOOL_BASE} + school"),
            ("studentUniqueId", _student("enrollment")),
        ),
        "at_minute(entry_day, 960)",
    ),
    "studentSchoolAttendanceEvents": Resource(
        "attendance",
        (
            f"{served('attendance', 'attendanceEventCategoryDescriptor', _CATEGORY)} "
            "AS attendanceEventCategoryDescriptor",
            f"{served('attendance', 'eventDate', 'on_day(day)::VARCHAR')} AS eventDate",
            f"{_SCHOOL} AS schoolReference",
            f"{{'schoolId': {SCHOOL_BASE} + school, 'schoolYear': year, "
            f"'sessionName': {_session()}}} AS sessionReference",
            f"{{'studentUniqueId': {_student('attendance')}}} AS studentReference",
            f"{served('attendance', 'eventDuration', 'duration / 4.0')} "
            "AS eventDuration",
        ),
        (
            (
                "attendanceEventCategoryDescriptor",
                served("attendance", "attendanceEventCategoryDescriptor", _CATEGORY),
            ),
            ("eventDate", served("attendance", "eventDate", "on_day(day)::VARCHAR")),
            ("schoolId", f"{SCHOOL_BASE} + school"),
            ("schoolYear", "year"),
            ("sessionName", _session()),
            ("studentUniqueId", _student("attendance")),
        ),
        "at_minute(day, 1000)",
    ),
    "disciplineIncidents": Resource(
        "discipline",
        (
            "discipline_id(seq) AS incidentIdentifier",
            f"{_SCHOOL} AS schoolReference",
            f"{served('discipline', 'incidentDate', 'on_day(day)::VARCHAR')} "
            "AS incidentDate",
            "descriptor('IncidentLocation', location) AS incidentLocationDescriptor",
            "reported AS reportedToLawEnforcement",
            "(SELECT case_number(i.seq, i.day, i.minute, i.delay) FROM incident i "
            "WHERE i.seq = discipline.incident) AS caseNumber",
            "[{'behaviorDescriptor': "
            + served(
                "discipline",
                "behaviorDescriptor",
                "descriptor('Behavior', behavior)",
            )
            + "}] AS behaviors",
        ),
        (
            ("incidentIdentifier", "discipline_id(seq)"),
            ("schoolId", f"{SCHOOL_BASE} + school"),
        ),
        "at_minute(day, 1000)",
    ),
    "disciplineActions": Resource(
        "action",
        (
            "action_id(seq) AS disciplineActionIdentifier",
            f"{served('action', 'disciplineDate', 'on_day(day)::VARCHAR')} "
            "AS disciplineDate",
            f"{{'studentUniqueId': {_student('action')}}} AS studentReference",
            "[{'disciplineDescriptor': "
            + served("action", "disciplineDescriptor", "descriptor('Discipline', kind)")
            + "}] AS disciplines",
            "length AS actualDisciplineActionLength",
            f"{_SCHOOL} AS responsibilitySchoolReference",
            "[{'studentDisciplineIncidentBehaviorAssociationReference': "
            "{'incidentIdentifier': discipline_id(discipline)}}] "
            "AS studentDisciplineIncidentBehaviorAssociations",
        ),
        (
            ("disciplineActionIdentifier", "action_id(seq)"),
            (
                "disciplineDate",
                served("action", "disciplineDate", "on_day(day)::VARCHAR"),
            ),
            ("studentUniqueId", _student("action")),
        ),
        "at_minute(day, 1010)",
    ),
}
# Change versions leave room for every resource of a night.
_VERSIONS_A_NIGHT = 1_000_000_000
_VERSIONS_A_RESOURCE = 50_000_000


def write(delivery: Delivery) -> None:
    """Write each resource's new and changed items and its deletes."""
    for place, name in enumerate(RESOURCES):
        base = delivery.night.index * _VERSIONS_A_NIGHT
        base += 2 * place * _VERSIONS_A_RESOURCE
        delivery.ndjson(f"{name}.ndjson", items(delivery, name, base))
        deletes = deleted(delivery, name, base + _VERSIONS_A_RESOURCE)
        delivery.ndjson(f"{name}.deletes.ndjson", deletes)


def items(delivery: Delivery, name: str, base: int) -> str:
    """Give the query of a resource's new and changed items."""
    resource = RESOURCES[name]
    t = resource.table
    stamp = f"({delivery.stamp(t, resource.changed_at)}) + INTERVAL 6 HOUR"
    return f"""
      SELECT edfi_id('{name}', seq) AS id, {", ".join(resource.fields)},
        md5('{name}' || seq || '/' || rev) AS _etag,
        strftime({stamp}, '%Y-%m-%dT%H:%M:%SZ') AS _lastModifiedDate,
        {base} + seq + 1 AS _changeVersion
      FROM (SELECT *, rowid FROM {t} WHERE {delivery.upserted} ORDER BY seq) {t}"""


def deleted(delivery: Delivery, name: str, base: int) -> str:
    """Give the query of a resource's deletes."""
    resource = RESOURCES[name]
    t = resource.table
    key = ", ".join(f"'{column}': {value}" for column, value in resource.key)
    return f"""
      SELECT edfi_id('{name}', seq) AS id, {base} + seq + 1 AS changeVersion,
        {{{key}}} AS keyValues
      FROM (SELECT *, rowid FROM {t} WHERE {delivery.removed} ORDER BY seq) {t}"""
