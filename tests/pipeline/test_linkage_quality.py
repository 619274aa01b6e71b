"""Linkage measured on known truth: a simulated county, four agencies, other data."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from concord.linkage.datasets import load_dataset
from concord.linkage.evaluation import Quality, evaluate
from concord.linkage.prediction import link
from concord.linkage.settings import load_model
from concord.settings import Settings
from simulator.county import County
from simulator.days import number
from simulator.people import draw_people
from tests.support.linkage_data import FOUR_AGENCIES, SHARED, county, four_agencies

NIGHT = date(2026, 1, 5)
MODEL = load_model(Settings().include / "linkage")
ANY_TWO_RULE_F1 = 2 * 0.974 * 0.987 / (0.974 + 0.987)
EXACT_RULE_F1 = 2 * 1.000 * 0.804 / (1.000 + 0.804)


def measured(records, truth) -> Quality:
    return evaluate(link(records, MODEL, night=NIGHT, threads=2).clusters, truth)


@pytest.fixture(scope="module")
def twenty_thousand(tmp_path_factory) -> tuple[pa.Table, pa.Table]:
    """Return the persons found in a county of 20,000 people, and the true ones."""
    root = tmp_path_factory.mktemp("county")
    County(11, 20_000, first_night=NIGHT).write_night(root, 0)
    records, truth = county(root, NIGHT.isoformat())
    return link(records, MODEL, night=NIGHT, threads=2).clusters, truth


def test_a_county_of_twenty_thousand(twenty_thousand) -> None:
    quality = evaluate(*twenty_thousand)
    assert quality.precision >= 0.997
    assert quality.f1 >= 0.99


def test_nobody_is_missed_more_often_because_of_who_they_are(twenty_thousand) -> None:
    """Recall of sexes, age bands and common name origins: at most 3 points apart."""
    clusters, truth = twenty_thousand
    people = draw_people(11, 20_000, number(NIGHT))
    persons = pa.array(f"P{index:08d}" for index in range(len(people)))
    ages = np.searchsorted([18, 35, 65], people.ages(number(NIGHT)), side="right")
    for groups in (people.female, ages, people.group, people.race):
        recalls = []
        for code in np.unique(groups):
            members = persons.filter(pa.array(groups == code))
            known = truth.filter(pc.is_in(truth["person"], members))
            quality = evaluate(clusters, known)
            if quality.pairs_true >= 150:  # fewer would move by a point for one pair
                recalls.append(quality.recall)
        assert len(recalls) >= 2
        assert max(recalls) - min(recalls) <= 0.03


@pytest.mark.skipif(
    not FOUR_AGENCIES.is_dir(), reason="../shared/data/linkage_four_agencies is absent"
)
def test_the_four_agencies_better_than_both_rules_of_their_readme() -> None:
    quality = measured(*four_agencies())
    assert quality.f1 > ANY_TWO_RULE_F1 > EXACT_RULE_F1
    assert quality.f1 >= 0.990


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(
    ("name", "part", "f1"),
    [
        ("febrl", "1", 0.99),
        ("febrl", "2", 0.98),
        ("febrl", "3", 0.98),
        ("febrl", "4", 0.999),
        ("febrl", "4 half", 0.996),
        ("fake_1000", "all", 0.90),
    ],
)
def test_another_data_set_with_its_own_declaration(
    name: str, part: str, f1: float
) -> None:
    declared = load_dataset(name)
    known = declared.read(SHARED, part)
    clusters = link(known.records, declared.model(), threads=2).clusters
    assert evaluate(clusters, known.truth).f1 >= f1
