"""Deliveries that differ from the feed's own past, and what lets them through."""

from datetime import date

import pytest

from concord.contracts.models import Drift
from concord.doctor import examine
from concord.exceptions import DeliveryHeld
from tests.support.small_feed import Clinic, client, night, opened, visit

pytestmark = pytest.mark.xdist_group("drift")
FULL = {"mode": "full", "deleteMode": "none", "drift": {"minNights": 2, "minRows": 20}}
CLIENTS = [client(n) for n in range(3)]


def visits(count: int, start: int = 0, **changes) -> list[dict]:
    return [visit(n, n % 3, **changes) for n in range(start, start + count)]


def usual_nights(clinic: Clinic, count: int = 2, rows: int = 40, step: int = 1) -> None:
    for n in range(count):
        clinic.check(night(n * step), CLIENTS, visits(rows))


def exemption(rule: str, until: date) -> dict:
    return {
        "rule": rule,
        "reason": "The clinic moved to a new system.",
        "owner": "data-office@county.example",
        "expires": until,
    }


@pytest.mark.fault("F37", code="VOLUME_DRIFT", outcome="held")
@pytest.mark.parametrize("rows", [23, 121, 0])
def test_f37_far_fewer_or_more_rows_than_usual_are_held(rows, tmp_path) -> None:
    """A delivery has 40% fewer or three times more rows than usual: held."""
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        before = clinic.state(night(1))
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(2), CLIENTS, visits(rows, 100))
        assert held.value.code == "VOLUME_DRIFT"
        assert f"visit: {rows} rows, 40 are usual" in held.value.detail
        assert "volume:visit" in held.value.detail
        assert "V00100" not in str(held.value)
        assert clinic.state(night(2)) == before, "last good data stay"
        assert clinic.counts(night(2)).quarantined == rows, "every row is kept"


@pytest.mark.parametrize("rows", [24, 40, 120])
def test_a_delivery_within_the_limits_goes_through(rows, tmp_path) -> None:
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        assert clinic.check(night(2), CLIENTS, visits(rows)).published == rows + 3


def test_without_enough_nights_nothing_is_compared(tmp_path) -> None:
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic, 1)
        clinic.check(night(1), CLIENTS, visits(200))


def test_a_held_night_is_no_measure(tmp_path) -> None:
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        for n in (2, 3, 4):
            with pytest.raises(DeliveryHeld, match="VOLUME_DRIFT"):
                clinic.check(night(n), CLIENTS, visits(200, n))


def test_increments_are_compared_with_the_same_weekday(tmp_path) -> None:
    with opened(tmp_path, drift=FULL["drift"]) as clinic:
        usual_nights(clinic, 2, rows=120, step=7)  # two Mondays
        clinic.check(night(12), CLIENTS, visits(1))  # the first Saturday
        with pytest.raises(DeliveryHeld, match="visit: 60 rows, 120 are usual"):
            clinic.check(night(14), CLIENTS, visits(60))


def test_an_increment_after_an_outage_may_be_larger(tmp_path) -> None:
    with opened(tmp_path, drift=FULL["drift"]) as clinic:
        usual_nights(clinic, 2, rows=30, step=7)
        result = clinic.check(night(21), CLIENTS, visits(600))
        assert result.published == 603


@pytest.mark.fault("F37", outcome="accepted")
def test_f37_a_dated_exemption_lets_the_delivery_through(tmp_path) -> None:
    """A person exempts the rule for the night: the delivery goes through, recorded."""
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        with pytest.raises(DeliveryHeld):
            clinic.check(night(2), CLIENTS, visits(200))
        clinic.decide("exemptions", exemption("volume:visit", night(2)))
        clinic.check(night(2), CLIENTS, visits(200))
        (event,) = clinic.events("exempted")
        assert (event["rule"], event["until"]) == ("volume:visit", "2026-01-07")


@pytest.mark.fault("F37", code="VOLUME_DRIFT", outcome="held")
def test_f37_an_expired_exemption_has_no_effect_and_is_reported(tmp_path) -> None:
    """An exemption has expired: the delivery is held, doctor and ledger say why."""
    with opened(tmp_path, **FULL) as clinic:
        clinic.decide("exemptions", exemption("volume:visit", night(1)))
        usual_nights(clinic)
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(2), CLIENTS, visits(200))
        assert "its exemption expired" in held.value.detail
        assert not clinic.events("exempted")
        clinic.check(night(3), CLIENTS, visits(40))
        (event,) = clinic.events("exemption_expired")
        assert event == {"night": night(3), "rule": "volume:visit"}
        found = [f for f in examine(clinic.county.settings) if "exemption" in f.subject]
        assert [f.fine for f in found] == [False]
        assert "expired on 2026-01-06" in found[0].detail


@pytest.mark.fault("F38", code="COLUMN_DRIFT", outcome="held")
def test_f38_a_column_that_is_suddenly_empty_is_held(tmp_path) -> None:
    """A column that was always filled in is empty in every row: held."""
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(2), CLIENTS, visits(40, kind=None))
        assert held.value.code == "COLUMN_DRIFT"
        assert "visit.kind is empty in all 40 rows" in held.value.detail
        clinic.decide("exemptions", exemption("empty:visit.kind", night(9)))
        clinic.check(night(2), CLIENTS, visits(40, kind=None))


@pytest.mark.fault("F38", code="COLUMN_DRIFT", outcome="held")
def test_f38_a_column_that_is_suddenly_constant_is_held(tmp_path) -> None:
    """A column that always varied has one value in every row: held, not shown."""
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(2), CLIENTS, visits(40, came_at="2026-01-02T11:11:11"))
        assert held.value.code == "COLUMN_DRIFT"
        assert "visit.came_at has one and the same value" in held.value.detail
        assert "11:11" not in str(held.value)


def test_a_column_that_never_varied_may_stay_so(tmp_path) -> None:
    with opened(tmp_path, **FULL) as clinic:
        usual_nights(clinic)
        profiles = clinic.history.past("clinic", night(2), 9)[0].columns
        assert not profiles["visit", "clinic"].varied
        assert profiles["visit", "kind"].varied
        clinic.check(night(2), CLIENTS, visits(40))


def test_a_column_that_is_rarely_filled_in_may_be_empty(tmp_path) -> None:
    with opened(tmp_path, **FULL) as clinic:
        for n in range(2):
            rare = [visit(99, 1), *visits(39, kind=None)]
            clinic.check(night(n), CLIENTS, rare)
        clinic.check(night(2), CLIENTS, visits(40, kind=None))


def test_the_defaults_are_those_of_the_documents() -> None:
    drift = Drift()
    assert (drift.nights, drift.min_nights, drift.min_rows) == (28, 5, 100)
    assert (drift.fewer, drift.more) == (0.4, 3)
