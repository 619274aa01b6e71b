"""Linkage measured on known truth: the county of 20,000 and the four agencies."""

from datetime import date

import pytest

from concord.linkage.evaluation import Quality, evaluate
from concord.linkage.prediction import link
from concord.linkage.settings import load_model
from concord.settings import Settings
from simulator.county import County
from tests.support.linkage_data import FOUR_AGENCIES, county, four_agencies

NIGHT = date(2026, 1, 5)
MODEL = load_model(Settings().include / "linkage")
ANY_TWO_RULE_F1 = 2 * 0.974 * 0.987 / (0.974 + 0.987)
EXACT_RULE_F1 = 2 * 1.000 * 0.804 / (1.000 + 0.804)


def measured(records, truth) -> Quality:
    return evaluate(link(records, MODEL, night=NIGHT, threads=2).clusters, truth)


def test_a_county_of_twenty_thousand(tmp_path) -> None:
    County(11, 20_000, first_night=NIGHT).write_night(tmp_path, 0)
    quality = measured(*county(tmp_path, NIGHT.isoformat()))
    assert quality.precision >= 0.995
    assert quality.recall >= 0.95


@pytest.mark.skipif(
    not FOUR_AGENCIES.is_dir(), reason="../shared/data/linkage_four_agencies is absent"
)
def test_the_four_agencies_better_than_both_rules_of_their_readme() -> None:
    quality = measured(*four_agencies())
    f1 = 2 * quality.precision * quality.recall / (quality.precision + quality.recall)
    assert f1 > ANY_TWO_RULE_F1 > EXACT_RULE_F1
    assert f1 >= 0.990
