"""The people of the county: the truth that the agencies record, each in its way."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.households import FAMILY, Households, draw_households
from simulator.names import GROUPS, given_names, surnames
from simulator.randomness import Bools, Floats, Ints, chance, generator, pick, scatter

HISPANIC = GROUPS.index("hispanic")
_GROUP_SHARES = (0.60, 0.18, 0.125, 0.014, 0.011, 0.014, 0.011, 0.028, 0.008, 0.005, 0.003)  # fmt: skip  # noqa: E501
_RACES = ("W", "B", "W", "A", "A", "A", "W", "W", "B", "I", "P")
SUFFIXES = ("", "Jr", "Sr", "II", "III")
_SSN_SPACE = 665 * 99 * 9999
_PHONE_SPACE = 2 * 700 * 10000


@dataclass(frozen=True)
class People:
    """One array entry a person; strings are composed only when they are stored."""

    household: Ints
    head: Ints
    birth: Ints
    female: Ints
    group: Ints
    race: Ints
    hispanic: Bools
    given: Ints
    middle: Ints
    surname: Ints
    second_surname: Ints
    hyphen: Bools
    maiden: Ints
    suffix: Ints
    phone: Ints
    place: Ints
    former_place: Ints
    risk: Floats

    def __len__(self) -> int:
        """Count the persons."""
        return len(self.birth)

    def ages(self, day: int) -> Ints:
        """Give everybody's age in whole years on a day."""
        return ((day - self.birth) / 365.25).astype(np.int64)


def draw_people(seed: int, persons: int, today: int) -> People:
    """Draw the whole county as it is on the first night."""
    rng = generator(seed, "people")
    homes = draw_households(rng, persons)
    birth = today - homes.age_days
    female = _sexes(rng, homes)
    group = _groups(rng, homes)
    names = _surnames(rng, homes, group, female)
    given, middle, suffix = _given(rng, homes, group, female, birth)
    hispanic = (group == HISPANIC) ^ chance(rng, 0.012, persons)
    race = np.where((group == HISPANIC) & chance(rng, 0.3, persons), 5, 0)
    race = np.where(race == 5, 5, np.array([_race_code(r) for r in _RACES])[group])
    phone = np.where(homes.age_days < 14 * 365, homes.head, np.arange(persons))
    place = homes.household
    return People(
        household=homes.household, head=homes.head, birth=birth, female=female,
        group=group, race=race, hispanic=hispanic, given=given, middle=middle,
        surname=names[0], second_surname=names[1], hyphen=names[2] > 0,
        maiden=names[3], suffix=suffix, phone=phone, place=place,
        former_place=place + homes.household[-1] + 1,
        risk=rng.lognormal(0.0, 1.0, persons),
    )  # fmt: skip


def _race_code(letter: str) -> int:
    return "WBIAPU".index(letter)


def _sexes(rng: np.random.Generator, homes: Households) -> Ints:
    persons = len(homes.household)
    female = rng.integers(0, 2, persons)
    lone = (homes.kind == 3) & (homes.position == 0)
    female = np.where(lone, chance(rng, 0.8, persons), female)
    female = np.where(homes.spouse, 1 - female[homes.head], female)
    same = homes.spouse & chance(rng, 0.02, persons)
    return np.where(same, female[homes.head], female).astype(np.int64)


def _groups(rng: np.random.Generator, homes: Households) -> Ints:
    persons = len(homes.household)
    own = pick(rng, np.cumsum(_GROUP_SHARES) / sum(_GROUP_SHARES), persons)
    mixed = (homes.spouse & chance(rng, 0.1, persons)) | (
        (homes.kind == 4) & (homes.position > 0)
    )
    return np.where(mixed, own, own[homes.head])


def _surnames(
    rng: np.random.Generator, homes: Households, group: Ints, female: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Give surname, second surname (-1 none), hyphen flag and name before marriage."""
    persons = len(group)
    own = surnames().draw(rng, group)
    other = surnames().draw(rng, group)
    family = own[homes.head]
    takes = homes.spouse & (female == 1) & chance(rng, 0.74, persons)
    keeps = homes.spouse & ~takes
    fathers = homes.child & (homes.kind == 3) & chance(rng, 0.3, persons)[homes.head]
    shares = takes | (homes.child & ~fathers) | (homes.grandparent & (female == 0))
    shared = np.where(fathers, other[homes.head], np.where(shares, family, own))
    spouse_row = np.minimum(homes.head + 1, persons - 1)
    double = (group == HISPANIC) & chance(rng, 0.36, persons)[homes.head]
    joined = keeps & (female == 1) & (group != HISPANIC) & chance(rng, 0.25, persons)
    mothers = np.where(homes.kind == FAMILY, own[spouse_row], other[homes.head])
    second = np.where(double, np.where(homes.child, mothers, other), -1)
    second = np.where(joined, family, second)
    second = np.where(second == shared, -1, second)
    hyphen = joined | (double & chance(rng, 0.45, persons)[homes.head])
    maiden = np.where((takes | joined) & (own != shared), own, -1)
    return shared, second, hyphen.astype(np.int64), maiden


def _given(
    rng: np.random.Generator,
    homes: Households,
    group: Ints,
    female: Ints,
    birth: Ints,
) -> tuple[Ints, Ints, Ints]:
    """Give given and middle names; some sons share their father's (Jr and Sr)."""
    persons = len(group)
    years = 1970 + (birth / 365.2425).astype(np.int64)
    given = given_names().draw(rng, group, female, years)
    for _ in range(3):
        again = _repeats(homes, given)
        given[again] = given_names().draw(rng, group, female, years)[again]
    middle = given_names().draw(rng, np.zeros_like(group), female, years - 10)
    middle[chance(rng, 0.14, persons)] = -1
    suffix = np.where(chance(rng, 0.004, persons) & (female == 0), 3, 0)
    last = np.r_[homes.household[1:] != homes.household[:-1], True]
    oldest = homes.child & (homes.kind == FAMILY) & last & (female == 0)
    junior = oldest & (female[homes.head] == 0) & chance(rng, 0.09, persons)
    father = homes.head[junior]
    given[junior], middle[junior] = given[father], middle[father]
    suffix[junior], suffix[father] = 1, 2
    return given, middle, suffix


def _repeats(homes: Households, given: Ints) -> Ints:
    """Find persons whose given name an earlier one in the household has already."""
    order = np.lexsort((homes.position, given, homes.household))
    home, name = homes.household[order], given[order]
    same = (home[1:] == home[:-1]) & (name[1:] == name[:-1])
    again: Ints = order[1:][same]
    return again


def phone_text(index: Ints) -> pa.Array:
    """Write telephone numbers; 555 is left to the planted identities."""
    code = scatter(index, _PHONE_SPACE, 91_733)
    area = np.where(code >= 700 * 10000, 447, 217)
    exchange = 201 + (code // 10000) % 700
    exchange = np.where(exchange == 555, 901, exchange)
    parts = (area, exchange, code % 10000)
    texts = [
        pc.utf8_lpad(pa.array(p).cast(pa.string()), w, "0")
        for p, w in zip(parts, (3, 3, 4), strict=True)
    ]
    return pc.binary_join_element_wise(*texts, "-")


def ssn_text(index: Ints) -> pa.Array:
    """Write social security numbers of the valid form, one for each person."""
    code = scatter(index, _SSN_SPACE, 318_001)
    parts = (code // (99 * 9999) + 1, code // 9999 % 99 + 1, code % 9999 + 1)
    texts = [
        pc.utf8_lpad(pa.array(p).cast(pa.string()), w, "0")
        for p, w in zip(parts, (3, 2, 4), strict=True)
    ]
    return pc.binary_join_element_wise(*texts, "-")


def people_table(people: People) -> pa.Table:
    """Compose the strings: one row a person."""
    count = len(people)
    last = pa.array([*surnames().text, ""])
    first = pa.array([*given_names().text, ""])
    number = np.arange(count)

    def text(values: pa.Array, codes: Ints) -> pa.Array:
        return values.take(pa.array(np.where(codes < 0, len(values) - 1, codes)))

    return pa.table(
        {
            "person": pa.array(number),
            "first_name": text(first, people.given),
            "middle_name": text(first, people.middle),
            "surname": text(last, people.surname),
            "second_surname": text(last, people.second_surname),
            "hyphen": pa.array(people.hyphen),
            "maiden": text(last, people.maiden),
            "suffix": pa.array(SUFFIXES).take(pa.array(people.suffix)),
            "birth": pa.array(people.birth.astype(np.int32)).cast(pa.date32()),
            "sex": pa.array(("M", "F")).take(pa.array(people.female)),
            "race": pa.array(tuple("WBIAPU")).take(pa.array(people.race)),
            "name_origin": pa.array(GROUPS).take(pa.array(people.group)),
            "ethnicity": pa.array(("N", "H")).take(
                pa.array(people.hispanic.astype(np.int64))
            ),
            "ssn": ssn_text(number),
            "state_id": pa.array(10_000_000 + scatter(number, 89_000_000, 7)),
            "phone": phone_text(people.phone),
            "former_phone": phone_text(people.phone + count),
            "place": pa.array(people.place),
            "former_place": pa.array(people.former_place),
            "fingerprinted": pa.array(people.risk > 1.4),
            "has_email": pa.array(people.phone == number),
        }
    )
