"""How each agency errs when it writes a person down."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.names import GROUPS
from simulator.randomness import Bools, Floats, Ints, chance, choose

# Kinds of error, by field. Zero is always "as it is".
TYPO, NICKNAME, INITIAL, UNKNOWN_NAME = 1, 2, 3, 4
LAST_TYPO, HALF, MAIDEN, RESPACED = 1, 2, 3, 4
DAY_MONTH, YEAR_OFF, DAY_OFF, DOB_BLANK, DOB_PLACEHOLDER, FIRST_OF_JANUARY = range(1, 7)
SSN_BLANK, SSN_DIGIT, SSN_NINES, SSN_ZEROS = 1, 2, 3, 4
MIDDLE_INITIAL, MIDDLE_BLANK = 1, 2
PHONE_BLANK, PHONE_FORMER, PHONE_DIGIT = 1, 2, 3
PLACE_FORMER, PLACE_TYPO, PLACE_BLANK = 1, 2, 3


@dataclass(frozen=True)
class Profile:
    """Shares of records with each error at one agency."""

    first: Mapping[int, float]
    last: Mapping[int, float]
    birth: Mapping[int, float]
    ssn: Mapping[int, float]
    middle: Mapping[int, float]
    phone: Mapping[int, float]
    place: Mapping[int, float]
    swapped_names: float
    suffix_kept: float
    wrong_sex: float
    unknown_race: float
    state_id: float
    email: float
    upper_case: float


PROFILES: Mapping[str, Profile] = {
    "police_rms": Profile(
        first={TYPO: 0.032, NICKNAME: 0.09, INITIAL: 0.006, UNKNOWN_NAME: 0.0015},
        last={LAST_TYPO: 0.032, HALF: 0.30, MAIDEN: 0.22, RESPACED: 0.20},
        birth={
            DAY_MONTH: 0.013, YEAR_OFF: 0.014, DAY_OFF: 0.013, DOB_BLANK: 0.008,
            DOB_PLACEHOLDER: 0.006, FIRST_OF_JANUARY: 0.006,
        },
        ssn={SSN_BLANK: 0.47, SSN_DIGIT: 0.012, SSN_NINES: 0.012, SSN_ZEROS: 0.008},
        middle={MIDDLE_INITIAL: 0.35, MIDDLE_BLANK: 0.30},
        phone={PHONE_BLANK: 0.14, PHONE_FORMER: 0.22, PHONE_DIGIT: 0.02},
        place={PLACE_FORMER: 0.26, PLACE_TYPO: 0.03, PLACE_BLANK: 0.04},
        swapped_names=0.006, suffix_kept=0.55, wrong_sex=0.006, unknown_race=0.03,
        state_id=0.9, email=0.0, upper_case=1.0,
    ),
    "probation": Profile(
        first={TYPO: 0.018, NICKNAME: 0.04, INITIAL: 0.001, UNKNOWN_NAME: 0.0003},
        last={LAST_TYPO: 0.018, HALF: 0.15, MAIDEN: 0.12, RESPACED: 0.15},
        birth={
            DAY_MONTH: 0.005, YEAR_OFF: 0.006, DAY_OFF: 0.006, DOB_BLANK: 0.0,
            DOB_PLACEHOLDER: 0.001, FIRST_OF_JANUARY: 0.001,
        },
        ssn={SSN_BLANK: 0.32, SSN_DIGIT: 0.010, SSN_NINES: 0.005, SSN_ZEROS: 0.003},
        middle={MIDDLE_INITIAL: 0.2, MIDDLE_BLANK: 0.15},
        phone={PHONE_BLANK: 0.08, PHONE_FORMER: 0.16, PHONE_DIGIT: 0.015},
        place={PLACE_FORMER: 0.18, PLACE_TYPO: 0.02, PLACE_BLANK: 0.015},
        swapped_names=0.002, suffix_kept=0.8, wrong_sex=0.002, unknown_race=0.02,
        state_id=0.85, email=0.5, upper_case=0.0,
    ),
    "school": Profile(
        first={TYPO: 0.012, NICKNAME: 0.02, INITIAL: 0.0, UNKNOWN_NAME: 0.0},
        last={LAST_TYPO: 0.012, HALF: 0.08, MAIDEN: 0.0, RESPACED: 0.12},
        birth={
            DAY_MONTH: 0.004, YEAR_OFF: 0.003, DAY_OFF: 0.005, DOB_BLANK: 0.0,
            DOB_PLACEHOLDER: 0.0, FIRST_OF_JANUARY: 0.002,
        },
        ssn={SSN_BLANK: 1.0},
        middle={MIDDLE_INITIAL: 0.15, MIDDLE_BLANK: 0.2},
        phone={PHONE_BLANK: 0.06, PHONE_FORMER: 0.12, PHONE_DIGIT: 0.012},
        place={PLACE_FORMER: 0.10, PLACE_TYPO: 0.018, PLACE_BLANK: 0.008},
        swapped_names=0.002, suffix_kept=0.85, wrong_sex=0.002, unknown_race=0.02,
        state_id=0.0, email=0.0, upper_case=0.0,
    ),
    "hospital": Profile(
        first={TYPO: 0.022, NICKNAME: 0.06, INITIAL: 0.002, UNKNOWN_NAME: 0.0008},
        last={LAST_TYPO: 0.022, HALF: 0.18, MAIDEN: 0.18, RESPACED: 0.18},
        birth={
            DAY_MONTH: 0.007, YEAR_OFF: 0.007, DAY_OFF: 0.008, DOB_BLANK: 0.002,
            DOB_PLACEHOLDER: 0.003, FIRST_OF_JANUARY: 0.002,
        },
        ssn={SSN_BLANK: 0.38, SSN_DIGIT: 0.010, SSN_NINES: 0.010, SSN_ZEROS: 0.004},
        middle={MIDDLE_INITIAL: 0.4, MIDDLE_BLANK: 0.25},
        phone={PHONE_BLANK: 0.08, PHONE_FORMER: 0.18, PHONE_DIGIT: 0.015},
        place={PLACE_FORMER: 0.20, PLACE_TYPO: 0.025, PLACE_BLANK: 0.02},
        swapped_names=0.003, suffix_kept=0.6, wrong_sex=0.002, unknown_race=0.04,
        state_id=0.0, email=0.55, upper_case=0.08,
    ),
}  # fmt: skip
# Names that clerks know less well are misspelt more often.
_HARDER = {
    "hispanic": 1.6, "east_asian": 1.4, "southeast_asian": 1.6, "south_asian": 1.6,
    "arabic": 1.9, "slavic": 1.4, "african": 1.9,
}  # fmt: skip


def draw_errors(
    rng: np.random.Generator, profile: Profile, group: Ints, scale: float = 1.0
) -> dict[str, pa.Array]:
    """Draw, for each record, what goes wrong; ``scale`` 0 writes the truth."""
    count = len(group)
    harder = np.array([_HARDER.get(name, 1.0) for name in GROUPS])[group]

    def kind(shares: Mapping[int, float], factor: float | Floats = scale) -> pa.Array:
        return pa.array(_draw_kind(rng, shares, factor, count).astype(np.uint8))

    def flag(share: float) -> pa.Array:
        return pa.array(chance(rng, share, count))

    return {
        "first_error": kind(profile.first, harder * scale),
        "last_error": pa.array(_last_errors(rng, profile, harder * scale)),
        "birth_error": kind(profile.birth),
        "ssn_error": kind(profile.ssn, 1.0 if scale else 0.0),
        "middle_error": kind(profile.middle),
        "phone_error": kind(profile.phone),
        "place_error": kind(profile.place),
        "names_swapped": flag(profile.swapped_names * scale),
        "suffix_kept": flag(profile.suffix_kept),
        "sex_wrong": flag(profile.wrong_sex * scale),
        "race_unknown": flag(profile.unknown_race * scale),
        "has_state_id": flag(profile.state_id),
        "wants_email": flag(profile.email),
        "is_upper": flag(profile.upper_case),
        "operation": pa.array(choose(rng, range(4), (4, 3, 3, 2), count)),
        "spot": pa.array(rng.integers(0, 1000, count)),
        "letter": pa.array(rng.integers(0, 26, count)),
    }


def _draw_kind(
    rng: np.random.Generator,
    shares: Mapping[int, float],
    factor: float | Floats,
    count: int,
) -> Ints:
    luck = rng.random(count)
    kind = np.zeros(count, dtype=np.int64)
    floor = np.zeros(count)
    for code, share in shares.items():
        ceiling = floor + share * np.asarray(factor)
        kind[(luck >= floor) & (luck < ceiling)] = code
        floor = ceiling
    return kind


def _last_errors(rng: np.random.Generator, profile: Profile, factor: Floats) -> Ints:
    """Draw surname errors; halves and maiden names bite only where there are any."""
    count = len(factor)
    structural = {k: v for k, v in profile.last.items() if k != LAST_TYPO}
    kind = np.zeros(count, dtype=np.uint8)
    live: Bools = np.asarray(factor) > 0
    for code, share in structural.items():
        kind |= np.where(chance(rng, share, count) & live, 1 << code, 0).astype("uint8")
    typo = chance(rng, profile.last[LAST_TYPO] * np.asarray(factor), count)
    return (kind | np.where(typo, 1 << LAST_TYPO, 0)).astype(np.int64)


TYPO_MACRO = """
CREATE OR REPLACE MACRO typo(word, operation, spot, letter) AS
CASE WHEN word IS NULL OR length(word) < 3 THEN word
ELSE CASE operation
  WHEN 0 THEN word[:1 + spot % (length(word) - 1)] || chr((97 + letter)::INTEGER)
    || word[3 + spot % (length(word) - 1):]
  WHEN 1 THEN word[:1 + spot % (length(word) - 1)]
    || word[3 + spot % (length(word) - 1):]
  WHEN 2 THEN word[:1 + spot % (length(word) - 2)]
    || word[3 + spot % (length(word) - 2)]
    || word[2 + spot % (length(word) - 2)]
    || word[4 + spot % (length(word) - 2):]
  ELSE word[:2 + spot % (length(word) - 1)] || word[2 + spot % (length(word) - 1):]
END END
"""
