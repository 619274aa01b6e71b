import math
import random

import h3
import pytest

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.references import References
from concord.deidentification.areas import (
    H3,
    KM_PER_DEGREE,
    Areas,
    Census,
    Squares,
    grid_of,
    is_place,
    peopled,
)
from concord.exceptions import ContractError

SPRINGFIELD = (39.78, -89.65)
TRACTS = {
    "17167000100": 4000,
    "17167000200": 3000,
    "17167000300": 400,
    "17167000400": 200,
    "17031000100": 9000,
}


def areas(action: ConceptAction, population: dict[str, int]) -> Areas:
    return Areas.of(action, References(populations={"county": population}))


def census(minimum: int) -> ConceptAction:
    return ConceptAction(
        action="snap", grid="census", minimum=minimum, population="county"
    )


def test_a_small_area_is_told_by_the_one_around_it():
    found = areas(census(1500), TRACTS)

    assert found.of_area("17031000100") == "17031000100"
    assert found.of_area("17167000300") == "17167"
    assert found.of_area("17167000400") == "17167"


def test_an_area_around_stands_for_enough_people_that_are_not_told_more_finely():
    """The two small tracts have 600 people, so the next smallest joins them."""
    found = areas(census(1500), TRACTS)

    assert found.of_area("17167000200") == "17167"
    assert found.of_area("17167000100") == "17167000100"


def test_an_area_that_nobody_knows_is_empty():
    found = areas(census(1500), TRACTS)

    assert found.of_area("39049000100") is None
    assert found.of_area("nonsense") is None
    assert areas(census(50_000), TRACTS).of_area("17167000100") is None


def stood_for(grid, finest: dict[str, int], given: set[str]) -> dict[str | None, int]:
    """Count the people of each area told, one finest area after the other."""
    counted: dict[str | None, int] = {}
    for area, people in finest.items():
        told: str | None = area
        while told is not None and told not in given:
            told = grid.parent(told)
        counted[told] = counted.get(told, 0) + people
    return counted


@pytest.mark.parametrize("grid", [H3(8), Squares(2)], ids=["h3", "square"])
@pytest.mark.parametrize("minimum", [50, 1500, 20_000])
def test_whatever_the_county_every_area_told_stands_for_enough_people(grid, minimum):
    for seed in range(10):
        chance = random.Random(seed)
        points = [
            (39 + chance.random(), -90 + chance.random())
            for _ in range(chance.randrange(1, 400))
        ]
        finest = {
            str(grid.cell(*point)): int(chance.expovariate(1 / 300)) for point in points
        }

        given = set(peopled(grid, finest, minimum))

        counted = stood_for(grid, finest, given)
        counted.pop(None, None)
        assert all(people >= minimum for people in counted.values())
        assert counted.keys() <= given


def test_h3_is_the_library_s():
    cell = H3(7).cell(*SPRINGFIELD)

    assert cell == h3.latlng_to_cell(*SPRINGFIELD, 7)
    assert H3(7).parent(cell) == h3.cell_to_parent(cell, 6)
    assert H3(7).parent(h3.latlng_to_cell(*SPRINGFIELD, 0)) is None
    assert H3(7).parent("nonsense") is None


def test_squares_are_as_wide_as_they_are_high_and_nest():
    grid = Squares(5)
    area = grid.cell(*SPRINGFIELD)
    _, row, column = area.split("_")
    height = 5 / KM_PER_DEGREE
    width = height / math.cos(math.radians((int(row) + 0.5) * height))

    assert area.startswith("5km_")
    assert int(row) * height <= SPRINGFIELD[0] < (int(row) + 1) * height
    assert int(column) * width <= SPRINGFIELD[1] < (int(column) + 1) * width
    sizes = []
    while area is not None:
        sizes.append(area.split("_")[0])
        area = grid.parent(area)
    assert sizes == ["5km", "10km", "20km", "40km", "80km"]
    assert grid.parent("17167") is None


def test_a_code_of_the_census_lies_in_what_it_begins_with():
    chain, area = [], "170310001001"
    while area is not None:
        chain.append(area)
        area = Census().parent(area)

    assert chain == ["170310001001", "17031000100", "17031", "17"]
    assert Census().parent("1703") is None
    assert Census().cell(*SPRINGFIELD) is None


@pytest.mark.parametrize(
    "point",
    [(0, 0), (91, 0), (-91, 10), (10, 181), (math.nan, 1), (None, 1), (1, None)],
)
def test_what_is_no_place_has_no_area(point):
    cell = H3(7).cell(*SPRINGFIELD)
    action = ConceptAction(
        action="snap", grid="h3:7", minimum=1500, population="county"
    )
    found = areas(action, {cell: 5000})

    assert found.of_point(*point) is None
    assert found.of_point(*SPRINGFIELD) == cell
    assert is_place(*SPRINGFIELD)


@pytest.mark.parametrize("name", [None, "h3", "h3:16", "h3:x", "square:0", "zip"])
def test_a_grid_that_nobody_knows_is_refused(name):
    with pytest.raises(ContractError, match=f"grid '{name}'"):
        grid_of(name)


def test_a_minimum_and_a_population_must_be_named():
    for action in (
        ConceptAction(action="snap", grid="census", population="county"),
        ConceptAction(action="snap", grid="census", minimum=1500, population="other"),
    ):
        with pytest.raises(ContractError, match="needs a minimum of people"):
            areas(action, TRACTS)
