"""Rows that are wrong: what is set aside, what stays, and how quarantine heals."""

import csv
import json
import stat
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.exceptions import ConcordError, ContractError, DeliveryHeld
from concord.pipeline.returning import return_rows, waiting_by_rule
from tests.support.small_feed import (
    EXTRACT,
    FEED,
    NOTICES,
    UPDATED_AT,
    Clinic,
    client,
    night,
    opened,
    visit,
)

pytestmark = pytest.mark.xdist_group("rows")
BAD = {"minutes": -5}
CANARY = "Zzyzxcanary"


def everything_told(clinic: Clinic) -> str:
    """Return every text that the ledger holds."""
    import sqlalchemy as sa

    from concord.landing.schema import metadata

    with clinic.county.ledger.engine.connect() as connection:
        rows = [
            repr(row)
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        ]
    return "\n".join(rows)


def override(**changes) -> dict:
    return {
        "table": "visit",
        "rule": "range:minutes",
        "key": "*",
        "reason": "The clinic writes corrections as negative minutes.",
        "owner": "data-office@county.example",
        "expires": night(30),
        **changes,
    }


# Values --------------------------------------------------------------------------


@pytest.mark.fault("F29", outcome="counted")
@pytest.mark.parametrize("text", ["1900-02-29", "2026-02-31", "26-04-17", "1990-4-17x"])
def test_f29_an_impossible_date_is_no_value_and_the_row_stays(text, tmp_path) -> None:
    """A date does not exist: the value is set aside and counted, the row stays."""
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1, birth_date=text), client(2)])
        assert clinic.client_ids(night(0)) == ["C00001", "C00002"]
        assert clinic.rules(night(0)) == {"type:birth_date": 1}
        persons = clinic.store.read_vault(clinic.state(night(0)), "person").to_pylist()
        born = {p["source_id"]: p["birth_date"] for p in persons}
        assert born["C00001"] is None
        assert text not in everything_told(clinic)


@pytest.mark.fault("F29", outcome="counted")
def test_f29_an_impossible_date_that_is_required_rejects_the_row(tmp_path) -> None:
    """A required date does not exist: the row is rejected, kept and counted."""
    with opened(tmp_path) as clinic:
        wrong = visit(1, came_at="2026-02-31T10:00:00")
        clinic.check(night(0), [client(1)], [wrong, visit(2, 1)])
        assert clinic.counts(night(0)).rejected == 1
        assert clinic.rules(night(0)) == {"type:came_at": 1}
        (kept,) = clinic.waiting(night(0))
        assert (kept["visit_id"], kept["rules"]) == ("V00001", ["type:came_at"])


@pytest.mark.fault("F30", outcome="counted")
def test_f30_dates_in_the_future_and_impossible_ages_are_counted(tmp_path) -> None:
    """An event is in the future, before a birth or 121 years after it: counted."""
    with opened(tmp_path) as clinic:
        clinic.check(
            night(0),
            [
                client(1, birth_date="2026-01-03"),
                client(2, birth_date="1905-01-01"),
                client(3, birth_date="2031-01-01"),
                client(4),
            ],
            [
                visit(1, came_at="2026-01-02T10:00:00"),  # the day before the birth
                visit(2, came_at="2026-01-02T10:00:00"),  # 121 years old
                visit(3, came_at="2026-01-02T10:00:00"),
                visit(4, came_at="2027-01-01T10:00:00"),  # required, so quarantined
                visit(5, 4),
            ],
        )
        assert clinic.rules(night(0)) == {
            "not-future:birth_date": 1,
            "not-future:came_at": 1,
            "age:age": 3,
        }
        ages = {v["visit_id"]: v["age"] for v in clinic.visits(night(0))}
        assert [ages[f"V0000{n}"] for n in (1, 2, 3)] == [None, None, None]
        assert ages["V00005"] == 71
        assert clinic.counts(night(0)).quarantined == 1


@pytest.mark.fault("F34", outcome="counted")
def test_f34_an_unknown_code_is_no_value_and_is_counted(tmp_path) -> None:
    """A code is not in the list: the value is set aside and counted, the row stays."""
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, kind=CANARY), visit(2, 1)])
        kinds = {v["visit_id"]: v["kind"] for v in clinic.visits(night(0))}
        assert kinds == {"V00001": None, "V00002": "walk-in"}
        assert clinic.rules(night(0)) == {"code:kind": 1}
        assert CANARY not in everything_told(clinic)


@pytest.mark.fault("F34", code="UNKNOWN_CODES", outcome="held")
def test_f34_many_unknown_codes_are_held(tmp_path) -> None:
    """A fifth of the codes are unknown: held, because the code list must be old."""
    with opened(tmp_path) as clinic:
        rows = [visit(n, 1, kind=CANARY if n < 13 else "WALK_IN") for n in range(60)]
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(0), [client(1)], rows)
        assert held.value.code == "UNKNOWN_CODES"
        assert "13 of 60 codes in 'kind'" in held.value.detail
        assert CANARY not in str(held.value)
        assert clinic.check(night(1), [client(1)], rows[2:]).published == 59


@pytest.mark.fault("F35", outcome="counted")
def test_f35_the_same_row_twice_is_taken_once(tmp_path) -> None:
    """A row comes twice, word for word: taken once, the other counts as superseded."""
    with opened(tmp_path, conflictingRows="hold") as clinic:
        clinic.check(night(0), [client(1)], [visit(1), visit(1)])
        assert clinic.visit_ids(night(0)) == ["V00001"]
        assert clinic.counts(night(0)).superseded == 1
        assert clinic.rules(night(0)) == {}


@pytest.mark.fault("F35", outcome="counted")
def test_f35_of_conflicting_rows_the_newest_is_taken_and_counted(tmp_path) -> None:
    """Two rows of one key differ: the newest is taken, the conflict is counted."""
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, minutes=1), visit(1, minutes=2)])
        assert [v["minutes"] for v in clinic.visits(night(0))] == [2]
        assert clinic.rules(night(0)) == {"conflict:visit_id": 2}


@pytest.mark.fault("F35", code="CONFLICTING_ROWS", outcome="held")
def test_f35_conflicting_rows_are_held_where_the_contract_says_so(tmp_path) -> None:
    """Two rows of one key differ and the contract wants a person: held."""
    with opened(tmp_path, conflictingRows="hold") as clinic:
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(0), [client(1)], [visit(1), visit(1, minutes=2)])
        assert held.value.code == "CONFLICTING_ROWS"
        assert "V00001" not in str(held.value)


def test_versions_of_a_row_that_say_when_are_no_conflict(tmp_path) -> None:
    with opened(tmp_path, conflictingRows="hold", marks=(UPDATED_AT,)) as clinic:
        old = visit(1, minutes=1, updated_at="2026-01-01T00:00:00")
        new = visit(1, minutes=2, updated_at="2026-01-02T00:00:00")
        clinic.check(night(0), [client(1)], [new, old])
        assert [v["minutes"] for v in clinic.visits(night(0))] == [2]


@pytest.mark.fault("F36", outcome="counted")
def test_f36_an_orphan_waits_for_its_parent(tmp_path) -> None:
    """A row refers to one that does not exist: quarantined, until its parent comes."""
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1), visit(2)])
        assert clinic.visit_ids(night(0)) == ["V00001"]
        assert clinic.rules(night(0)) == {"reference:client_id": 1}
        clinic.check(night(1), [client(2)])
        assert clinic.visit_ids(night(1)) == ["V00001", "V00002"]
        healed = clinic.healing(night(1))
        assert (healed.before, healed.released, healed.waiting) == (1, 1, 0)
        assert clinic.counts(night(0)).quarantined == 1, "what was counted stays so"


def test_a_value_that_tables_must_share_holds_the_delivery(tmp_path) -> None:
    with opened(tmp_path, marks=[EXTRACT]) as clinic:
        one = {"extract": "X1"}
        clinic.check(night(0), [client(1, **one)], [visit(1, 1, **one)])
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(1), [client(2, **one)], [visit(2, 2, extract=CANARY)])
        assert held.value.code == "MIXED_DELIVERY"
        assert held.value.detail == (
            "2 values in client.extract, visit.extract, the contract says one "
            "('extract')"
        )
        assert CANARY not in everything_told(clinic) + str(held.value)
        assert clinic.visit_ids(night(1)) == ["V00001"], "the last good night holds"
        clinic.check(night(2), [client(2, extract="X3")], [visit(2, 2, extract="X3")])
        assert clinic.visit_ids(night(2)) == ["V00001", "V00002"]


@pytest.mark.fault("F40", code="WRONG_AGENCY", outcome="held")
def test_f40_another_agencys_file_is_held_with_a_security_note(tmp_path) -> None:
    """The rows bear another agency's code: held, with a security note."""
    with opened(tmp_path) as clinic:
        rows = [visit(n, 1, clinic=CANARY) for n in range(3)]
        with pytest.raises(DeliveryHeld) as held:
            clinic.check(night(0), [client(1)], [*rows, visit(9, 1)])
        assert held.value.code == "WRONG_AGENCY"
        assert "3 of 4 rows" in held.value.detail
        (note,) = clinic.events("security_note")
        assert note == {"night": night(0), "code": "WRONG_AGENCY"}
        assert CANARY not in everything_told(clinic) + str(held.value)
        assert clinic.county.ledger.state_as_of(FEED, night(0)) is None


@pytest.mark.fault("F40", outcome="counted")
def test_f40_a_single_row_of_another_agency_is_quarantined(tmp_path) -> None:
    """One row bears another agency's code: quarantined, the others are published."""
    with opened(tmp_path) as clinic:
        rows = [visit(1, 1, clinic="CLINIC-9"), visit(2, 1), visit(3, 1)]
        clinic.check(night(0), [client(1)], rows)
        assert clinic.visit_ids(night(0)) == ["V00002", "V00003"]
        assert clinic.rules(night(0)) == {"agency:clinic": 1}


# Quarantine that heals -----------------------------------------------------------


def test_a_corrected_row_heals(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        assert [w["rules"] for w in clinic.waiting(night(0))] == [["range:minutes"]]
        clinic.check(night(1), [], [visit(1)])
        assert clinic.visit_ids(night(1)) == ["V00001"]
        assert clinic.waiting(night(1)) == []
        assert clinic.healing(night(1)).corrected == 1


def test_a_row_waits_as_long_as_it_must_and_is_never_lost(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        for n in range(1, 4):
            clinic.check(night(n), [client(10 + n)])
            (kept,) = clinic.waiting(night(n))
            assert (kept["visit_id"], kept["_since"]) == ("V00001", night(0))
            assert clinic.healing(night(n)).waiting == 1


def test_a_newer_bad_row_takes_the_place_of_the_older(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        clinic.check(night(1), [], [visit(1, minutes=-9)])
        assert [w["minutes"] for w in clinic.waiting(night(1))] == [-9]
        healed = clinic.healing(night(1))
        assert (healed.before, healed.added, healed.replaced) == (1, 1, 1)


def test_an_older_bad_row_is_not_let_through_after_a_newer_good_one(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD), visit(1, minutes=7)])
        assert clinic.waiting(night(0)) == []
        clinic.decide("overrides", override())
        clinic.check(night(1), [client(2)])
        assert [v["minutes"] for v in clinic.visits(night(1))] == [7]


def test_a_newer_bad_row_waits_beside_the_older_good_one(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, minutes=7), visit(1, **BAD)])
        assert [v["minutes"] for v in clinic.visits(night(0))] == [7]
        assert len(clinic.waiting(night(0))) == 1
        clinic.decide("overrides", override())
        clinic.check(night(1), [client(2)])
        assert [v["minutes"] for v in clinic.visits(night(1))] == [-5]
        assert clinic.healing(night(1)).overridden == 1


def test_rows_of_a_snapshot_are_judged_anew_with_each(tmp_path) -> None:
    with opened(tmp_path, mode="full", deleteMode="snapshot_absence") as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD), visit(2, 1, **BAD)])
        clinic.check(night(1), [client(1)], [visit(2, 1, **BAD), visit(3, 1)])
        assert [w["visit_id"] for w in clinic.waiting(night(1))] == ["V00002"]
        healed = clinic.healing(night(1))
        assert (healed.before, healed.added) == (2, 1)
        assert (healed.withdrawn, healed.replaced, healed.waiting) == (1, 1, 1)


def test_a_changed_contract_lets_go_what_it_now_allows(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, minutes=700)])
        path = clinic.include / "contracts" / f"{FEED}.odcs.yaml"
        path.write_text(path.read_text().replace("maximum: 600", "maximum: 900"))
        clinic.reopen()
        clinic.check(night(1), [client(2)])
        assert clinic.visit_ids(night(1)) == ["V00001"]
        assert clinic.healing(night(1)).released == 1


def test_the_same_night_again_heals_the_same(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1), visit(2)])
        first = clinic.check(night(1), [client(2)], [visit(3, 1, **BAD)])
        healed = clinic.healing(night(1))
        again = clinic.check(night(1), [client(2)], [visit(3, 1, **BAD)])
        assert again == first
        assert clinic.healing(night(1)) == healed


def test_a_held_delivery_leaves_quarantine_as_it_was(tmp_path) -> None:
    with opened(tmp_path, maxBadShare=0.1) as clinic:
        clinic.check(night(0), [client(1)], [visit(n, 1) for n in range(9)])
        clinic.check(night(1), [], [visit(10, 1, **BAD)])
        bad = [visit(n, 1, **BAD) for n in range(20, 40)]
        with pytest.raises(DeliveryHeld, match="TOO_MANY_BAD_ROWS"):
            clinic.check(night(2), [], [visit(10, 1), *bad])
        assert len(clinic.waiting(night(2))) == 1
        clinic.check(night(3), [], [visit(10, 1)])
        assert clinic.healing(night(3)).corrected == 1


def test_a_good_delivery_beside_a_held_one_is_not_lost(tmp_path) -> None:
    with opened(tmp_path, maxBadShare=0.1) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        late = {"client": [client(2)], "visit": [visit(2)]}
        bad = {"visit": [visit(n, 1, **BAD) for n in range(20, 40)]}
        clinic.land(night(2), late, {}, of=night(1))
        clinic.land(night(2), bad, {})
        with pytest.raises(DeliveryHeld, match="TOO_MANY_BAD_ROWS"):
            pipeline.check(clinic.county, FEED, night(2))
        assert clinic.client_ids(night(2)) == ["C00001"]
        clinic.land(night(3), late, {}, of=night(1))  # offered again
        clinic.land(night(3), {"visit": [visit(20, 1)]}, {})
        pipeline.check(clinic.county, FEED, night(3))
        assert clinic.client_ids(night(3)) == ["C00001", "C00002"]
        assert clinic.visit_ids(night(3)) == ["V00001", "V00002", "V00020"]


def test_an_override_of_the_table_lets_every_row_through(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        clinic.decide("overrides", override())
        clinic.check(night(1), [], [visit(2, 1, **BAD)])
        assert clinic.visit_ids(night(1)) == ["V00001", "V00002"]
        assert clinic.healing(night(1)).overridden == 1
        (event,) = clinic.events("overridden")
        assert event == {"night": night(1), "table": "visit", "rows": 1}
        assert clinic.rules(night(1)) == {"range:minutes": 1}, "still counted"


def test_an_override_of_one_row_lets_only_that_one_through(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD), visit(2, 1, **BAD)])
        return_rows(clinic.county, FEED, None, tmp_path / "rows.csv")
        rows = read_csv(tmp_path / "rows.csv")
        name = next(r["row"] for r in rows if r["visit_id"] == "V00002")
        clinic.decide("overrides", override(key=name))
        clinic.check(night(1), [client(2)])
        assert clinic.visit_ids(night(1)) == ["V00002"]
        assert [w["visit_id"] for w in clinic.waiting(night(1))] == ["V00001"]


def test_an_expired_override_has_no_effect_and_is_reported(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.decide("overrides", override(expires=night(0)))
        clinic.check(night(1), [client(1)], [visit(1, **BAD)])
        assert len(clinic.waiting(night(1))) == 1
        (event,) = clinic.events("override_expired")
        assert event["rule"] == "visit: range:minutes"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rule": "type:came_at"}, "cannot be overridden"),
        ({"rule": "required:visit_id"}, "cannot be overridden"),
        ({"table": "visits"}, "no table 'visits'"),
        ({"key": "V00001"}, "key"),
        ({"until": "2026-01-01"}, "until"),
        ({"reason": "ok"}, "reason"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(changes, problem, tmp_path) -> None:
    with (
        opened(tmp_path) as clinic,
        pytest.raises(ContractError, match=problem),
    ):
        clinic.decide("overrides", override(**changes))


def test_an_override_of_a_rule_that_does_not_exist_stops_the_check(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.decide("overrides", override(rule="range:minuts"))
        with pytest.raises(ContractError, match="no rule 'range:minuts'"):
            clinic.check(night(0), [client(1)], [visit(1)])


def test_a_notice_withdraws_what_waits(tmp_path) -> None:
    with opened(tmp_path, deleteMode="tombstone", deletes=NOTICES) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        clinic.check(night(1), visit=[{"visit": "V00001"}])
        assert clinic.waiting(night(1)) == []
        assert clinic.healing(night(1)).withdrawn == 1


# For the steward -----------------------------------------------------------------


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.fault("F25", outcome="accepted")
def test_f25_a_returned_row_is_no_formula(tmp_path) -> None:
    """A cell begins like a formula: kept as it is, harmless in a returned CSV."""
    formula = "=cmd|' /C calc'!A0"
    with opened(tmp_path) as clinic:
        nameless = client(1, first_name=formula, last_name=None)
        clinic.check(night(0), [nameless, client(2, first_name="@SUM(A1)")])
        assert clinic.waiting(night(0), "client")[0]["first_name"] == formula
        assert return_rows(clinic.county, FEED, night(0), tmp_path / "rows.csv") == 1
        (row,) = read_csv(tmp_path / "rows.csv")
        assert row["first_name"] == f"'{formula}"
        assert row["rules"] == "required:last_name"
        assert row["why"].startswith("Every row needs a value here.")
        assert (row["table"], row["held_since"]) == ("client", "2026-01-05")
        assert row["can_be_let_through"] == "yes"
        assert len(row["row"]) == 32


def test_returned_rows_are_for_the_owner_only_and_counted(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        lost = client(1, first_name=CANARY, last_name=None)
        clinic.check(night(0), [lost, client(2)], [visit(2, **BAD)])
        path = tmp_path / "rows.csv"
        assert return_rows(clinic.county, FEED, None, path) == 2
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [r["table"] for r in read_csv(path)] == ["client", "visit"]
        (event,) = clinic.events("rows_returned")
        assert event == {"night": night(0), "rows": 2}
        assert CANARY not in everything_told(clinic)
        sealed = b"".join(
            p.read_bytes() for p in clinic.quarantine.folder.rglob("*") if p.is_file()
        )
        assert CANARY.encode() not in sealed


@pytest.mark.parametrize("zone", ["releases", "reports", "content", "."])
def test_returned_rows_may_not_lie_in_a_zone(zone, tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        home = clinic.county.zones.home
        link = tmp_path / "looks_harmless"
        link.symlink_to(home / zone)
        for folder in (home / zone, link):
            with pytest.raises(ConcordError, match="data root"):
                return_rows(clinic.county, FEED, None, folder / "rows.csv")
            assert not (folder / "rows.csv").exists()


def test_the_commands_show_counts_and_write_rows(tmp_path, wide, monkeypatch) -> None:
    with opened(tmp_path) as clinic:
        people = [client(1, first_name=CANARY), client(2)]
        clinic.check(night(0), people, [visit(1, **BAD), visit(7)])
        lines = waiting_by_rule(clinic.county, FEED, night(0)).lines
        assert [(w.rule, w.rows, w.since) for w in lines] == [
            ("range:minutes", 1, date(2026, 1, 5)),
            ("reference:client_id", 1, date(2026, 1, 5)),
        ]
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONCORD_PROJECT", str(tmp_path))
    shown = CliRunner().invoke(app, ["quarantine", "list", FEED])
    assert shown.exit_code == 0
    assert "reference:client_id" in shown.output
    assert "A row belongs to a row of client that exists." in shown.output
    assert CANARY not in shown.output
    target = tmp_path / "rows.csv"
    command = ["quarantine", "return", FEED, "--night", "2026-01-05", "--to"]
    assert CliRunner().invoke(app, [*command, str(target)]).exit_code == 0
    assert len(read_csv(target)) == 2
    refused = tmp_path / "home" / "reports" / "rows.csv"
    answer = CliRunner().invoke(app, [*command, str(refused)])
    assert answer.exit_code == 1
    assert "data root" in answer.output
    unknown = CliRunner().invoke(app, ["quarantine", "list", "nobody"])
    assert unknown.exit_code == 1


def test_a_restored_row_of_an_older_contract_keeps_what_still_fits(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, **BAD)])
        path = clinic.include / "contracts" / f"{FEED}.odcs.yaml"
        text = path.read_text()
        path.write_text(text.replace("name: kind\n", "name: sort\n"))
        assert path.read_text() != text
        clinic.reopen()
        clinic.check(night(1), [client(2)])
        (kept,) = clinic.waiting(night(1))
        assert (kept["minutes"], kept["sort"]) == (-5, None)
        assert json.dumps(kept["rules"]) == '["range:minutes"]'
