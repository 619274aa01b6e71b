import numpy as np
import pyarrow.compute as pc
import pytest

from simulator import days
from simulator.names import given_names, surnames
from simulator.people import People, draw_people, people_table
from simulator.places import draw_places
from simulator.randomness import generator, sample, scatter

TODAY = 20_458


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(7, 30_000, TODAY)


def test_common_surnames_are_common_and_there_is_a_long_tail(people: People) -> None:
    codes, counts = np.unique(people.surname, return_counts=True)
    names = [surnames().text[code] for code in codes[np.argsort(-counts)][:40]]
    assert {"Smith", "Johnson", "Garcia"} <= set(names)
    assert 0.005 < counts.max() / len(people) < 0.02
    assert len(codes) > 4000


def test_given_names_follow_sex_and_generation(people: People) -> None:
    names = np.array(given_names().text)[people.given]
    old = people.ages(TODAY) > 70
    young = people.ages(TODAY) < 15
    assert (names[old] == "Mary").sum() > (names[young] == "Mary").sum()
    assert (names[young] == "Olivia").sum() > (names[old] == "Olivia").sum()
    assert people.female[names == "Barbara"].mean() == 1
    assert people.female[names == "Robert"].mean() == 0


def test_name_and_birth_date_collide_now_and_then() -> None:
    large = draw_people(7, 225_000, TODAY)
    keys = np.stack([large.surname, large.given, large.birth])
    repeated = len(large) - len(np.unique(keys, axis=1)[0])
    assert 0 < repeated < 100


def test_households_share_surname_and_address(people: People) -> None:
    children = people.ages(TODAY) < 16
    same = people.surname[children] == people.surname[people.head[children]]
    assert 0.85 < same.mean() < 1
    assert (people.place == people.household).all()


def test_twins_share_everything_but_the_given_name(people: People) -> None:
    key = np.stack([people.household, people.birth])
    _, first, counts = np.unique(key, axis=1, return_index=True, return_counts=True)
    twins = first[(counts == 2) & (people.ages(TODAY)[first] < 18)]
    assert 0.002 < 2 * len(twins) / len(people) < 0.04
    assert (people.surname[twins] == people.surname[twins + 1]).all()
    assert (people.place[twins] == people.place[twins + 1]).all()
    assert (people.given[twins] != people.given[twins + 1]).all()


def test_some_sons_carry_their_fathers_name(people: People) -> None:
    sons = np.flatnonzero(people.suffix == 1)
    fathers = people.head[sons]
    assert len(sons) > 30
    assert (people.given[sons] == people.given[fathers]).all()
    assert (people.surname[sons] == people.surname[fathers]).all()
    assert ((people.birth[sons] - people.birth[fathers]) / 365.25 > 17).all()


def test_only_hispanic_families_and_joined_names_are_double(people: People) -> None:
    double = people.second_surname >= 0
    assert 0.02 < double.mean() < 0.08
    assert people.hyphen[double].any()
    assert not people.hyphen[double].all()


def test_identifiers_are_unique_and_plausible(people: People) -> None:
    table = people_table(people)
    for column in ("ssn", "state_id"):
        assert len(pc.unique(table[column])) == len(people)
    ssns = table["ssn"].to_pylist()
    assert all(len(ssn) == 11 and ssn[:3] not in ("000", "666") for ssn in ssns)
    assert not any("-555-" in phone for phone in table["phone"].to_pylist())
    adults = people.phone == np.arange(len(people))
    phones = table["phone"].filter(adults)
    assert len(pc.unique(phones)) == adults.sum()


def test_places_lie_in_the_county() -> None:
    places = draw_places(generator(7, "places"), 100, 5000)
    assert places["place"].to_pylist()[:2] == [100, 101]
    assert set(places["zip"].to_pylist()) <= {
        *(str(z) for z in range(62701, 62713)), "62629", "62561", "62684",
    }  # fmt: skip
    latitude = np.array(places["latitude"])
    assert 39.5 < latitude.min() < latitude.max() < 40.1


def test_streams_differ_by_topic_and_night() -> None:
    draws = {
        generator(7, topic, night).integers(1 << 62)
        for topic in ("a", "b")
        for night in (0, 1, 2)
    }
    assert len(draws) == 6


def test_scatter_is_one_to_one() -> None:
    index = np.arange(100_000)
    assert len(np.unique(scatter(index, 665 * 99 * 9999, 3))) == len(index)


def test_sample_never_takes_more_than_there_is() -> None:
    values = np.arange(3)
    assert sorted(sample(generator(1, "x"), values, 10)) == [0, 1, 2]
    assert len(sample(generator(1, "x"), values[:0], 4)) == 0


def test_the_school_calendar_keeps_weekends_and_holidays() -> None:
    def on(text: str) -> bool:
        return days.is_school_day(days.date.fromisoformat(text))

    assert on("2026-01-05")
    assert not on("2026-01-04")
    assert not on("2026-01-19")
    assert not on("2025-11-27")
    assert not on("2025-05-26")
    assert not on("2025-12-23")
    assert not on("2025-07-08")
    assert on("2025-08-18")


def test_no_event_falls_into_the_lost_hour() -> None:
    lost = days.number(days.clock_changes(2025)[0])
    moved = days.existing_minutes(np.array([lost, lost]), np.array([130, 200]))
    assert moved.tolist() == [190, 200]
