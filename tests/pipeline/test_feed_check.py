"""One feed through check and split: what becomes of each kind of row."""

from collections.abc import Iterator
from datetime import date

import pytest

from concord import pipeline
from concord.exceptions import DeliveryHeld, DeliveryNotReady
from concord.pipeline.county import County
from concord.settings import Settings
from concord.validation.states import StateStore
from tests.support.feeds import Snapshot, land, period, person

FIRST, SECOND, THIRD = (date(2026, 1, day) for day in (5, 6, 7))
pytestmark = pytest.mark.xdist_group("feed-check")


@pytest.fixture
def county(tmp_path) -> Iterator[County]:
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        yield opened


def check(county: County, night: date, **resources):
    land(county, night, Snapshot(**resources))
    return pipeline.check(county, "probation", night)


def content(county: County, state: str, table: str) -> list[dict]:
    store = StateStore(county.zones, county.keys, "probation")
    return store.read_content(state, table).to_pylist()


def vault(county: County, state: str) -> list[dict]:
    store = StateStore(county.zones, county.keys, "probation")
    return store.read_vault(state, "person").to_pylist()


def counts(county: County, table: str):
    delivery = county.ledger.deliveries("probation")[-1]
    return {c.table_name: c for c in county.ledger.table_counts(delivery.id)}[table]


def rules(county: County) -> dict[str, int]:
    delivery = county.ledger.deliveries("probation")[-1]
    return {
        r.rule: r.unexpected
        for r in county.ledger.rule_counts(delivery.id)
        if r.unexpected
    }


def test_who_and_what_are_parted(county) -> None:
    result = check(county, FIRST, persons=[person(1)], periods=[period(1)])
    (row,) = content(county, result.state_id, "supervision_period")
    (who,) = vault(county, result.state_id)
    assert row["record_key"] == who["record_key"]
    assert len(who["record_key"]) == 32
    assert row["age_at_start"] == 34
    assert (who["last_name"], who["sex"], who["ethnicity"]) == ("Number1", "F", None)
    everything = repr(content(county, result.state_id, "person")) + repr(row)
    for identifier in ("Number1", "PB00000001", "Ada", "1990", "Elm"):
        assert identifier not in everything


def test_a_birthday_on_the_day_counts_and_the_day_before_does_not(county) -> None:
    result = check(
        county,
        FIRST,
        persons=[person(1), person(2)],
        periods=[period(1, start_date="2025-04-17"), period(2)],
    )
    ages = [
        r["age_at_start"]
        for r in content(county, result.state_id, "supervision_period")
    ]
    assert ages == [35, 34]


def test_a_corrected_birth_date_corrects_every_age(county) -> None:
    check(county, FIRST, persons=[person(1)], periods=[period(1)])
    fixed = person(1, birth_date="20000101")
    result = check(county, SECOND, persons=[fixed], periods=[period(1)])
    (row,) = content(county, result.state_id, "supervision_period")
    assert row["age_at_start"] == 25


def test_record_keys_last_and_come_back(county) -> None:
    first = check(county, FIRST, persons=[person(1), person(2)], periods=[period(1)])
    keys = {w["source_id"]: w["record_key"] for w in vault(county, first.state_id)}
    check(county, SECOND, persons=[person(1)], periods=[period(1)])
    third = check(county, THIRD, persons=[person(1), person(2)], periods=[period(1)])
    again = {w["source_id"]: w["record_key"] for w in vault(county, third.state_id)}
    assert again == keys


def test_absence_from_a_snapshot_is_a_deletion(county) -> None:
    check(county, FIRST, persons=[person(1), person(2)], periods=[period(1), period(2)])
    result = check(county, SECOND, persons=[person(1)], periods=[period(1)])
    assert [w["source_id"] for w in vault(county, result.state_id)] == ["PB00000001"]
    assert len(content(county, result.state_id, "supervision_period")) == 1


def test_events_go_with_the_person_whom_the_agency_deleted(county) -> None:
    """The snapshot still holds the period, but not the person whose it is."""
    check(county, FIRST, persons=[person(1), person(2)], periods=[period(1), period(2)])
    result = check(county, SECOND, persons=[person(1)], periods=[period(1), period(2)])
    assert len(content(county, result.state_id, "supervision_period")) == 1
    assert counts(county, "supervision_period").quarantined == 1


def test_a_quarantined_person_takes_along_its_events(county) -> None:
    unnamed = person(2, name={"first": "Ada", "last": None})
    result = check(
        county, FIRST, persons=[person(1), unnamed], periods=[period(1), period(2)]
    )
    assert [w["source_id"] for w in vault(county, result.state_id)] == ["PB00000001"]
    assert counts(county, "supervision_period").quarantined == 1
    assert rules(county)["required:last_name"] == 1


def test_a_date_that_is_none_rejects_the_row(county) -> None:
    good = [person(n) for n in range(2, 40)]
    check(
        county,
        FIRST,
        persons=[person(1, birth_date="19901345"), *good],
        periods=[period(2)],
    )
    assert counts(county, "person").rejected == 1
    assert rules(county)["type:birth_date"] == 1


def test_a_row_sent_twice_is_superseded(county) -> None:
    newer = person(1, name={"first": "Ada", "last": "Newer"})
    result = check(county, FIRST, persons=[person(1), newer], periods=[period(1)])
    assert [w["last_name"] for w in vault(county, result.state_id)] == ["Newer"]
    assert counts(county, "person").superseded == 1


def test_too_many_bad_rows_hold_the_delivery(county) -> None:
    broken = [period(n, end_date="2020-01-01") for n in range(1, 11)]
    people = [person(n) for n in range(1, 31)]
    fine = [period(n) for n in range(11, 31)]
    with pytest.raises(DeliveryHeld) as held:
        check(county, FIRST, persons=people, periods=[*broken, *fine])
    assert held.value.code == "TOO_MANY_BAD_ROWS"
    assert "2020" not in str(held.value)
    assert rules(county)["end-after-start"] == 10


def test_an_empty_snapshot_is_held(county) -> None:
    with pytest.raises(DeliveryHeld) as held:
        check(county, FIRST, persons=[], periods=[])
    assert held.value.code == "TABLE_RULE_BROKEN"


def test_the_same_delivery_again_makes_the_same_state(county) -> None:
    first = check(county, FIRST, persons=[person(1)], periods=[period(1)])
    again = check(county, FIRST, persons=[person(1)], periods=[period(1)])
    assert again == first
    assert len(county.ledger.deliveries("probation")) == 1


def test_a_corrected_delivery_of_the_same_night_replaces_the_first(county) -> None:
    first = check(county, FIRST, persons=[person(1)], periods=[period(1)])
    other = check(county, FIRST, persons=[person(1), person(2)], periods=[period(1)])
    assert other.state_id != first.state_id
    assert county.ledger.state_as_of("probation", FIRST).state_id == other.state_id


def test_nothing_landed_is_nothing_to_check(county) -> None:
    with pytest.raises(DeliveryNotReady):
        pipeline.check(county, "probation", FIRST)


def test_agreement_that_has_ended_refuses_the_feed(county) -> None:
    from concord.exceptions import AgreementRefused

    with pytest.raises(AgreementRefused, match="probation-2025"):
        pipeline.land(county, "probation", date(2031, 1, 1), lambda contract: None)
