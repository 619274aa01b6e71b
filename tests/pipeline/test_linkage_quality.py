"""Linkage measured on known truth: a simulated county, four agencies, other data."""

from datetime import date

import pytest

from concord.linkage.datasets import load_dataset
from concord.linkage.evaluation import Quality, evaluate
from concord.linkage.prediction import link
from concord.linkage.settings import load_model
from concord.settings import Settings
from simulator.county import County
from tests.support.linkage_data import FOUR_AGENCIES, SHARED, county, four_agencies

NIGHT = date(2026, 1, 5)
MODEL = load_model(Settings().include / "linkage")
ANY_TWO_RULE_F1 = 2 * 0.974 * 0.987 / (0.974 + 0.987)
EXACT_RULE_F1 = 2 * 1.000 * 0.804 / (1.000 + 0.804)


def measured(records, truth) -> Quality:
    return evaluate(link(records, MODEL, night=NIGHT, threads=2).clusters, truth)


def test_a_county_of_twenty_thousand(tmp_path) -> None:
    County(11, 20_000, first_night=NIGHT).write_night(tmp_path, 0)
    quality = measured(*county(tmp_path, NIGHT.isoformat()))
    assert quality.precision >= 0.997
    assert quality.f1 >= 0.99


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
