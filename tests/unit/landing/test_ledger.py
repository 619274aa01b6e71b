"""The ledger counts, remembers and never goes backward."""

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from concord.exceptions import DeliveryHeld
from concord.landing import schema
from concord.landing.ledger import Ledger
from concord.landing.records import Delivery, RuleCount, TableCount, now

NIGHT = date(2026, 1, 5)


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def delivery(**changes) -> Delivery:
    made = Delivery(
        id="police_rms:2026-01-05:0123456789abcdef",
        feed="police_rms",
        night=NIGHT,
        landed_on=NIGHT,
        state="landed",
        source="sftp",
        cursor="20260105",
        folder="police_rms/2026-01-05/0123456789abcdef",
        files=2,
        bytes=100,
        rows=10,
        contract_version="1.0.0",
        agreement="spd-2025",
        agreement_version="1",
        landed_at=now(),
    )
    return replace(made, **changes)


def test_the_same_bytes_are_recorded_once(ledger) -> None:
    assert ledger.record_delivery(delivery()) is True
    assert ledger.record_delivery(delivery()) is False
    assert len(ledger.deliveries("police_rms")) == 1


def test_a_held_delivery_offered_again_counts_for_the_new_night(ledger) -> None:
    tomorrow = date(2026, 1, 6)
    ledger.record_delivery(delivery())
    ledger.record_outcome(delivery().id, "held", [], [])
    assert ledger.record_delivery(delivery(landed_on=tomorrow)) is False
    assert ledger.deliveries("police_rms")[0].landed_on == tomorrow
    ledger.record_outcome(delivery().id, "checked", [], [])
    ledger.record_delivery(delivery(landed_on=date(2026, 1, 7)))
    assert ledger.deliveries("police_rms")[0].landed_on == tomorrow


def test_a_delivery_that_was_never_checked_counts_when_it_is_offered_again(
    ledger,
) -> None:
    tomorrow = date(2026, 1, 6)
    ledger.record_delivery(delivery())
    assert ledger.record_delivery(delivery(landed_on=tomorrow)) is False
    assert ledger.deliveries("police_rms")[0].landed_on == tomorrow


def test_a_held_delivery_is_superseded_with_all_its_rows(ledger) -> None:
    ledger.record_delivery(delivery())
    held = TableCount("person", 10, 0, 10, 0, 0)
    ledger.record_outcome(delivery().id, "held", [held], [])
    ledger.supersede_held("police_rms", before=NIGHT)
    assert ledger.table_counts(delivery().id) == (held,)
    ledger.supersede_held("police_rms", before=date(2026, 1, 6))
    (count,) = ledger.table_counts(delivery().id)
    assert (count.superseded, count.quarantined) == (10, 0)
    assert count.reconciles
    assert ledger.deliveries("police_rms")[0].state == "superseded"


def test_deliveries_come_in_the_order_in_which_they_apply(ledger) -> None:
    later, earlier = date(2026, 1, 7), date(2026, 1, 6)
    for night in (later, earlier):
        ledger.record_delivery(
            delivery(id=f"police_rms:{night}:x", night=night, landed_on=later)
        )
    assert [d.night for d in ledger.deliveries("police_rms")] == [earlier, later]
    assert ledger.deliveries("police_rms", until=earlier) == ()


def test_counts_that_do_not_reconcile_are_refused(ledger) -> None:
    ledger.record_delivery(delivery())
    with pytest.raises(DeliveryHeld, match="10 received, 8 published"):
        ledger.record_outcome(
            delivery().id, "checked", [TableCount("person", 10, 8, 1, 0, 0)], []
        )
    assert ledger.table_counts(delivery().id) == ()


def test_an_outcome_replaces_the_one_before(ledger) -> None:
    ledger.record_delivery(delivery())
    rule = RuleCount("person", "required:last_name", "critical", "last_name", 10, 0, 1)
    count = TableCount("person", 10, 9, 1, 0, 0)
    for _ in range(2):
        ledger.record_outcome(delivery().id, "checked", [count], [rule])
    assert ledger.table_counts(delivery().id) == (count,)
    assert ledger.rule_counts(delivery().id) == (rule,)
    assert ledger.deliveries("police_rms")[0].state == "checked"


def test_last_good_state_is_carried_forward(ledger) -> None:
    ledger.record_feed_night("school", NIGHT, "checked", state_id="a")
    held = date(2026, 1, 6)
    ledger.record_feed_night("school", held, "held", code="COLUMN_MISSING")
    state = ledger.state_as_of("school", held)
    assert (state.state_id, state.night, state.carried) == ("a", NIGHT, True)
    assert ledger.state_as_of("school", NIGHT).carried is False
    assert ledger.state_as_of("school", date(2026, 1, 4)) is None


def test_the_watermark_never_goes_back(ledger) -> None:
    assert ledger.watermark("school") is None
    ledger.advance("school", "20", date(2026, 1, 6))
    ledger.advance("school", "10", date(2026, 1, 5))
    assert ledger.watermark("school") == "20"


def test_migrations_make_exactly_the_declared_tables(ledger) -> None:
    found = sa.inspect(ledger.engine)
    declared = {t.name: t for t in schema.metadata.tables.values()}
    assert set(found.get_table_names()) == {*declared, "alembic_version"}
    for name, table in declared.items():
        columns = {c["name"]: c["nullable"] for c in found.get_columns(name)}
        assert columns == {c.name: bool(c.nullable) for c in table.columns}, name


def test_opening_twice_changes_nothing(ledger, tmp_path) -> None:
    ledger.record_feed_night("school", NIGHT, "late", code="NOT_DELIVERED")
    again = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert [n.code for n in again.feed_nights(NIGHT)] == ["NOT_DELIVERED"]
    again.close()
