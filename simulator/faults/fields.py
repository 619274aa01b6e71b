"""Where each feed keeps what a fault of values changes: a table and a path in it.

A feed that is not here, or lacks a field, has no faults of that field's values.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.faults.model import KINDS


@dataclass(frozen=True)
class Field:
    """A column, or a path in a document, of one table."""

    table: str
    path: str
    prefix: str = ""  # what stands before the value itself, such as Patient/


FIELDS: Mapping[str, Mapping[str, Field]] = {
    "police_rms": {
        "name": Field("person", "last_name"),
        "born": Field("person", "birth_date"),
        "ssn": Field("person", "ssn"),
        "key": Field("person", "person_id"),
        "code": Field("person", "sex"),
        "reference": Field("involvement", "person_id"),
        "number": Field("offense", "offense_seq"),
        "moment": Field("incident", "occurred_at"),
    },
    "probation": {
        "name": Field("persons", "name.last"),
        "born": Field("persons", "birth_date"),
        "ssn": Field("persons", "ssn"),
        "key": Field("persons", "person_id"),
        "code": Field("persons", "sex"),
        "reference": Field("supervision-periods", "person_id"),
        "moment": Field("supervision-periods", "start_date"),
    },
    "school": {
        "name": Field("students", "lastSurname"),
        "born": Field("students", "birthDate"),
        "key": Field("students", "studentUniqueId"),
        "code": Field("students", "birthSexDescriptor"),
        "reference": Field(
            "studentSchoolAssociations", "studentReference.studentUniqueId"
        ),
        "number": Field("disciplineActions", "actualDisciplineActionLength"),
        "moment": Field("studentSchoolAttendanceEvents", "eventDate"),
    },
    "hospital": {
        "name": Field("Patient", "name[0].family"),
        "born": Field("Patient", "birthDate"),
        "ssn": Field("Patient", "identifier[1].value"),
        "key": Field("Patient", "id"),
        "code": Field("Patient", "gender"),
        "reference": Field("Encounter", "subject.reference", "Patient/"),
        "moment": Field("Encounter", "period.start"),
    },
    "police_cad": {
        "key": Field("call", "call_id"),
        "code": Field("call", "initial_type"),
        "reference": Field("unit_response", "call_id"),
        "number": Field("call", "response_seconds"),
        "moment": Field("call", "created_at"),
    },
    "complaints": {
        "key": Field("complaint", "complaint_id"),
        "code": Field("complaint", "reason"),
        "reference": Field("allegation", "complaint_id"),
        "day": Field("complaint", "received_date"),
    },
    "parole": {
        "name": Field("persons", "name.last"),
        "born": Field("persons", "birth_date"),
        "ssn": Field("persons", "ssn"),
        "key": Field("persons", "person_id"),
        "code": Field("persons", "sex"),
        "reference": Field("parole-periods", "person_id"),
        "number": Field("parole-periods", "conditions"),
    },
    "survey": {
        "text": Field("response", "q99"),
        "key": Field("response", "response_id"),
        "code": Field("response", "race"),
        "number": Field("response", "q02"),
    },
    "social_services": {
        "name": Field("Client", "LastName"),
        "born": Field("Client", "DOB"),
        "ssn": Field("Client", "SSN"),
        "key": Field("Client", "PersonalID"),
        "code": Field("Client", "Sex"),
        "reference": Field("Enrollment", "PersonalID"),
        "moment": Field("Client", "DateUpdated"),
    },
}


def first(feed: str, *fields: str) -> Field:
    """Return where a feed keeps the first of some fields that it has."""
    return next(FIELDS[feed][field] for field in fields if field in FIELDS[feed])


def knowing(field: str, *kinds: str) -> tuple[str, ...]:
    """Return the feeds of some kinds of which it is known where they keep a field."""
    return tuple(
        feed
        for feed, fields in FIELDS.items()
        if field in fields and KINDS[feed] in kinds
    )
