"""Code lists that the four agencies use, with how often each code is seen."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OffenseKind:
    """A NIBRS offense and what usually goes with it."""

    ucr: str
    weight: float
    person_crime: bool
    known_offender: float
    weapons: tuple[str, ...]
    locations: tuple[str, ...]


_HOME = ("20", "20", "20", "13", "18")
_SHOP = ("08", "07", "24", "12", "55")
_OPEN = ("13", "18", "20", "50", "25")
_NIGHT = ("20", "20", "13", "03", "18", "53")

OFFENSES: tuple[OffenseKind, ...] = (
    OffenseKind("13B", 150, True, 0.85, ("40", "40", "40", "90", "95", "99"), _NIGHT),
    OffenseKind("13A", 55, True, 0.75, ("12", "20", "30", "40", "11", "90"), _NIGHT),
    OffenseKind("13C", 45, True, 0.80, ("",), _NIGHT),
    OffenseKind("120", 16, True, 0.45, ("12", "20", "40"), _OPEN),
    OffenseKind("11A", 6, True, 0.80, ("40",), ("20", "20", "14")),
    OffenseKind("09A", 1, True, 0.70, ("12", "20", "11"), ("20", "13")),
    OffenseKind("220", 60, False, 0.20, ("",), ("20", "05", "19", "24")),
    OffenseKind("23C", 75, False, 0.55, ("",), _SHOP),
    OffenseKind("23F", 85, False, 0.08, ("",), ("18", "13", "20")),
    OffenseKind("23H", 90, False, 0.18, ("",), _OPEN),
    OffenseKind("23D", 30, False, 0.25, ("",), ("05", "20", "11")),
    OffenseKind("240", 45, False, 0.15, ("",), ("18", "13", "20")),
    OffenseKind("290", 95, False, 0.25, ("",), _OPEN),
    OffenseKind("26A", 35, False, 0.20, ("",), ("20", "58", "24")),
    OffenseKind("26F", 18, False, 0.10, ("",), ("20", "58")),
    OffenseKind("35A", 55, False, 0.97, ("",), ("13", "18", "20")),
    OffenseKind("520", 18, False, 0.95, ("12", "20", "13"), ("13", "18")),
    OffenseKind("90C", 35, False, 0.85, ("",), ("13", "03", "53")),
    OffenseKind("90D", 35, False, 1.0, ("",), ("13",)),
    OffenseKind("90J", 30, False, 0.85, ("",), ("20", "18", "08")),
    OffenseKind("90Z", 50, False, 0.80, ("",), _OPEN),
)
UCR = np.array([kind.ucr for kind in OFFENSES])
RELATIONSHIPS = ("AQ", "BG", "SE", "XS", "XR", "FR", "NE", "PA", "CH", "SB", "OF", "ST", "RU", "OK")  # fmt: skip  # noqa: E501
RELATIONSHIP_WEIGHTS = (20, 12, 8, 4, 6, 7, 5, 4, 3, 5, 4, 10, 8, 8)

# How an assault was done: share, offense, weapon, external cause (ICD-10-CM).
ASSAULT_WAYS: tuple[tuple[float, str, str, str], ...] = (
    (46, "13B", "40", "Y04.0XXA"), (12, "13B", "40", "Y04.2XXA"),
    (7, "13B", "90", "Y08.89XA"), (3, "13C", "", "Y04.8XXA"),
    (8, "13A", "20", "X99.1XXA"), (4, "13A", "20", "X99.9XXA"),
    (9, "13A", "30", "Y00.XXXA"), (5, "13A", "12", "X93.XXXA"),
    (2, "13A", "11", "X95.9XXA"), (4, "13A", "40", "Y04.8XXA"),
)  # fmt: skip
INJURIES: tuple[tuple[float, str], ...] = (
    (14, "S00.83XA"), (10, "S01.81XA"), (7, "S02.2XXA"), (9, "S06.0X0A"),
    (12, "S09.90XA"), (5, "S05.11XA"), (6, "S60.221A"), (5, "S61.419A"),
    (4, "S41.119A"), (3, "S21.119A"), (3, "S31.119A"), (3, "S81.812A"),
    (4, "S62.306A"), (5, "S20.219A"), (3, "S22.39XA"), (4, "S80.01XA"),
)  # fmt: skip

# Ordinary visits: share, class, reason, principal diagnosis.
VISITS: tuple[tuple[float, str, str, str], ...] = (
    (9, "EMER", "Chest pain", "R07.9"), (8, "EMER", "Abdominal pain", "R10.9"),
    (7, "EMER", "Fall", "S93.401A"), (5, "EMER", "Fall", "S52.501A"),
    (6, "EMER", "Respiratory infection", "J06.9"), (4, "EMER", "Headache", "R51.9"),
    (4, "EMER", "Urinary infection", "N39.0"), (4, "EMER", "Back pain", "M54.50"),
    (3, "EMER", "Alcohol intoxication", "F10.129"), (2, "EMER", "Overdose", "T40.2X1A"),
    (3, "IMP", "Pneumonia", "J18.9"), (3, "IMP", "Heart failure", "I50.9"),
    (2, "IMP", "Sepsis", "A41.9"), (2, "IMP", "Depressive episode", "F32.9"),
    (12, "AMB", "Check-up", "Z00.00"), (9, "AMB", "Hypertension", "I10"),
    (7, "AMB", "Diabetes", "E11.9"), (4, "AMB", "Asthma", "J45.909"),
    (3, "AMB", "Anxiety", "F41.9"), (3, "AMB", "Knee pain", "M25.561"),
)  # fmt: skip
SECONDARY = ("I10", "E11.9", "E78.5", "F17.210", "Z79.4", "J45.909", "F32.9", "K21.9")

DISPOSITIONS = ("home", "hosp", "aadvice", "snf", "exp", "oth")
DISPOSITION_WEIGHTS = (86, 4, 4, 3, 0.7, 2.3)

ADMISSIONS = ("COURT_SENTENCE", "RELEASE_FROM_INCARCERATION", "RETURN_FROM_ABSCONSION")
TERMINATIONS = ("DISCHARGE", "EXPIRATION", "REVOCATION", "ABSCONSION", "ADMITTED_TO_INCARCERATION")  # fmt: skip  # noqa: E501
TERMINATION_WEIGHTS = (46, 30, 14, 5, 5)
LEVELS = ("MINIMUM", "LOW_MEDIUM", "MEDIUM", "HIGH", "MAXIMUM", "INTAKE", "UNSUPERVISED")  # fmt: skip  # noqa: E501
LEVEL_WEIGHTS = (26, 14, 28, 14, 4, 6, 8)
SUPERVISION = ("PROBATION", "PAROLE", "INFORMAL_PROBATION", "DUAL")
SUPERVISION_WEIGHTS = (68, 20, 9, 3)
VIOLATIONS = ("TECHNICAL", "MISDEMEANOR", "FELONY", "ABSCONDED", "MUNICIPAL", "LAW")
VIOLATION_WEIGHTS = (58, 16, 7, 9, 5, 5)

ATTENDANCE = ("Unexcused Absence", "Excused Absence", "Tardy", "Early departure", "Partial", "In Attendance")  # fmt: skip  # noqa: E501
ATTENDANCE_WEIGHTS = (30, 34, 24, 5, 3, 4)
BEHAVIORS = ("School Code of Conduct", "School Violation", "State Offense", "Other")
BEHAVIOR_WEIGHTS = (52, 28, 14, 6)
SCHOOL_PLACES = ("Classroom", "Hallway or stairs", "Cafeteria area", "On campus", "School bus", "Parking lot")  # fmt: skip  # noqa: E501
DISCIPLINES = ("In School Suspension", "Out of School Suspension", "Removal from Classroom", "Community Service", "No action for incident", "Expulsion")  # fmt: skip  # noqa: E501
DISCIPLINE_WEIGHTS = (38, 30, 18, 5, 8, 1)
GRADES = (
    "Kindergarten", "First grade", "Second grade", "Third grade", "Fourth grade",
    "Fifth grade", "Sixth grade", "Seventh grade", "Eighth grade", "Ninth grade",
    "Tenth grade", "Eleventh grade", "Twelfth grade",
)  # fmt: skip
