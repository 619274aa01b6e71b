from datetime import date

import duckdb
import pyarrow as pa
import pytest

from concord.contracts.concept_actions import ConceptAction
from concord.deidentification.shifting import (
    Shift,
    check_shiftable,
    shift_of,
    verify_shift,
)
from concord.exceptions import ContractError, IntegrityError
from tests.support.deidentified import registry, tokeniser

WINDOW = (date(2020, 1, 1), date(2025, 12, 31))
IDS = pa.array([f"{number:032x}" for number in range(5000)])


def action(**changed: object) -> ConceptAction:
    given = {"action": "shift_date", "days": 182, "window": WINDOW, **changed}
    return ConceptAction.model_validate({k: v for k, v in given.items() if v})


@pytest.mark.parametrize(("weekday", "choices"), [(False, 364), (True, 52)])
def test_every_offset_is_as_likely_as_the_others_and_none_is_nought(weekday, choices):
    shift = Shift.of(action(weekday=weekday))

    offsets = shift.offsets(IDS, tokeniser()).to_pylist()

    counts = {offset: offsets.count(offset) for offset in set(offsets)}
    assert 0 not in counts
    assert len(counts) == shift.choices == choices
    assert min(counts) == -max(counts) == -182
    expected = len(IDS) / choices
    chi_squared = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi_squared / (choices - 1) < 1.6
    assert not weekday or all(offset % 7 == 0 for offset in counts)


def test_an_offset_is_of_the_person_and_the_release_alone():
    shift = Shift.of(action())
    other = tokeniser().__class__(bytes(32), "research", "1")

    again = shift.offsets(IDS.take(pa.array([3, 1])), tokeniser()).to_pylist()

    assert again == [shift.offsets(IDS, tokeniser())[n].as_py() for n in (3, 1)]
    assert shift.offsets(IDS, other) != shift.offsets(IDS, tokeniser())


def moved(shift: Shift, day: str, offset: int) -> date | None:
    sql = shift.sql(f"DATE '{day}'", str(offset))
    return duckdb.connect().execute(f"SELECT {sql}").fetchall()[0][0]


@pytest.mark.parametrize(
    ("day", "offset", "became"),
    [
        ("2024-02-29", 365 // 2, date(2024, 8, 29)),
        ("2024-02-28", 1, date(2024, 2, 29)),
        ("2023-03-01", -1, date(2023, 2, 28)),
        ("2020-01-01", 182, date(2020, 7, 1)),  # the first day that may be told
        ("2020-01-01", 181, None),
        ("2020-07-01", -1, None),  # before it, only some offsets are possible
        ("2025-12-31", -182, date(2025, 7, 2)),
        ("2025-12-31", -181, None),
        ("2019-12-31", 182, None),  # outside of the window
        ("2026-01-01", -182, None),
    ],
)
def test_a_day_that_would_tell_its_offset_is_emptied(day, offset, became):
    assert moved(Shift.of(action()), day, offset) == became


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"days": None}, "needs days"),
        ({"window": None}, "needs days"),
        ({"days": 3, "weekday": True}, "Take a week at least"),
        ({"days": 1096}, "less than half"),
    ],
)
def test_a_shift_without_room_is_refused(changed, problem):
    with pytest.raises(ContractError, match=problem):
        Shift.of(action(**changed))


@pytest.mark.parametrize(
    ("feed", "table", "column"),
    [
        ("police_rms", "incident", "occurred_at"),  # of several people
        ("school", "discipline_action", "action_date"),  # one action, many students
        ("police_rms", "arrest", "arrest_date"),  # of one incident
    ],
)
def test_a_date_that_people_share_is_not_shifted(feed, table, column):
    contract = registry().contract(feed)

    with pytest.raises(ContractError, match=f"'{feed}.{table}.{column}' can't be shif"):
        check_shiftable(contract, contract.table(table), column)
    hospital = registry().contract("hospital")
    check_shiftable(hospital, hospital.table("encounter"), "started_at")


def test_a_profile_moves_all_dates_alike():
    profile = registry().profile("research")
    concepts = {
        "event.date": action(),
        "event.time": action(window=(date(2021, 1, 1), WINDOW[1])),
    }
    apart = {**concepts, "event.time": action(days=90)}

    assert shift_of(profile) is None
    assert shift_of(profile.model_copy(update={"concepts": concepts})) is not None
    with pytest.raises(ContractError, match="moved apart"):
        shift_of(profile.model_copy(update={"concepts": apart}))


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (("a", date(2022, 1, 1), date(2022, 1, 8)), False),
        (("a", date(2022, 1, 1), None), False),
        (("a", date(2022, 1, 1), date(2022, 1, 1)), True),  # not moved
        (("a", date(2022, 1, 1), date(2022, 1, 15)), True),  # otherwise than the others
        (("b", date(2022, 1, 1), date(2022, 1, 3)), True),  # no whole week
        (("b", date(2022, 1, 1), date(2022, 7, 9)), True),  # too far
    ],
)
def test_what_was_moved_otherwise_is_found(row, wrong):
    shift = Shift.of(action(weekday=True))
    rows = [("a", date(2021, 5, 1), date(2021, 5, 8)), row]
    names = ("person", "was", "became")
    with duckdb.connect() as con:
        con.register(
            "moved",
            pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows]),
        )
        if wrong:
            with pytest.raises(IntegrityError, match=r"clinic: \d dates were not"):
                verify_shift(con, "moved", "clinic", shift)
        else:
            verify_shift(con, "moved", "clinic", shift)
