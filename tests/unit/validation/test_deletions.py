"""Deletions told by an id of the agency's, which the contract keeps in a column."""

import pytest
import yaml

from concord.exceptions import ContractError, DeliveryHeld
from tests.support.small_feed import (
    FEED,
    RESOURCE_ID,
    Clinic,
    by_id,
    client,
    night,
    opened,
    visit,
)

BY_ID = {"client": by_id("uuid"), "visit": by_id("uuid")}


@pytest.fixture
def clinic(tmp_path):
    """A clinic that tells deletions by id; two clients came once each."""
    with opened(
        tmp_path, deleteMode="tombstone", deletes=BY_ID, marks=(RESOURCE_ID,)
    ) as made:
        made.check(
            night(0),
            [client(n, uuid=f"c{n}") for n in (1, 2)],
            [visit(n, uuid=f"v{n}") for n in (1, 2)],
        )
        yield made


def test_a_deletion_by_id_alone_deletes_the_right_row(clinic):
    clinic.check(night(1), visit=[{"id": "v2"}])
    assert clinic.visit_ids(night(1)) == ["V00001"]
    assert clinic.client_ids(night(1)) == ["C00001", "C00002"]


def test_a_deletion_of_a_person_by_id_takes_their_events_along(clinic):
    clinic.check(night(1), client=[{"id": "c1"}])
    assert clinic.client_ids(night(1)) == ["C00002"]
    assert clinic.visit_ids(night(1)) == ["V00002"]


def test_an_id_of_one_table_says_nothing_of_another(clinic):
    clinic.check(night(1), client=[{"id": "v1"}], visit=[{"id": "c1"}])
    assert len(clinic.visit_ids(night(1))) == len(clinic.client_ids(night(1))) == 2


def test_a_deletion_of_a_row_that_was_never_taken_says_nothing(clinic):
    clinic.check(night(1), client=[{"id": "other"}], visit=[{"id": "other"}])
    assert clinic.visit_ids(night(1)) == ["V00001", "V00002"]


def test_a_row_that_is_deleted_and_made_anew_stays(clinic):
    """The agency's system gives the new one another id."""
    again = visit(1, uuid="v1b", minutes=77)
    clinic.check(night(1), visits=[again], visit=[{"id": "v1"}])
    assert [v["minutes"] for v in clinic.visits(night(1))] == [77, 12]
    clinic.check(night(2), visit=[{"id": "v1"}])
    assert clinic.visit_ids(night(2)) == ["V00001", "V00002"]
    clinic.check(night(3), visit=[{"id": "v1b"}])
    assert clinic.visit_ids(night(3)) == ["V00002"]


def test_an_event_of_a_client_deleted_by_id_is_an_orphan(clinic):
    clinic.check(night(1), visits=[visit(3, 1, uuid="v3")], client=[{"id": "c1"}])
    assert clinic.counts(night(1)).quarantined == 1
    assert clinic.visit_ids(night(1)) == ["V00002"]


def test_a_row_in_quarantine_is_withdrawn_by_id(clinic):
    clinic.check(night(1), visits=[visit(3, 1, uuid="v3", minutes=-5)])
    assert len(clinic.waiting(night(1))) == 1
    clinic.check(night(2), visit=[{"id": "v3"}])
    assert clinic.waiting(night(2)) == []
    assert clinic.healing(night(2)).withdrawn == 1


def test_a_notice_without_an_id_is_held(clinic):
    with pytest.raises(DeliveryHeld, match="NOTICE_WITHOUT_KEY"):
        clinic.check(night(1), visit=[{"identifier": "v1"}])
    assert clinic.visit_ids(night(1)) == ["V00001", "V00002"]


def keep_ids(clinic: Clinic) -> None:
    """Let the contract keep the id from now on, and tell deletions by it."""
    path = clinic.include / "contracts" / f"{FEED}.odcs.yaml"
    contract = yaml.safe_load(path.read_text())
    for table in contract["schema"]:
        table["properties"].append(RESOURCE_ID)
        table["customProperties"].append(
            {"property": "deletes", "value": by_id("uuid")}
        )
    path.write_text(yaml.safe_dump(contract))
    clinic.reopen()


def test_rows_taken_before_the_id_was_kept_are_not_passed_over(tmp_path):
    """Which of them a notice is about nobody knows: held, not left standing."""
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1), client(2)], [visit(1)])
        keep_ids(clinic)
        clinic.check(night(1), [client(2, uuid="c2")])
        clinic.check(night(2), client=[{"id": "c2"}])
        assert clinic.client_ids(night(2)) == ["C00001"]
        with pytest.raises(DeliveryHeld, match="NOTICE_UNMATCHED") as held:
            clinic.check(night(3), client=[{"id": "Zyxwvut"}])
        assert "client: 1 deletions" in held.value.detail
        assert "Zyxwvut" not in str(held.value)
        assert clinic.client_ids(night(3)) == ["C00001"]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("unknown", "names 'unknown', which is no column"),
        ("first_name", "names 'first_name', whose values as they came are not kept"),
        ("kind", "names 'kind', whose values as they came are not kept"),
        ("clinic", "names 'clinic', which a row may lack"),
    ],
)
def test_a_column_that_cannot_find_a_row_is_refused(tmp_path, column, reason):
    table = "client" if column == "first_name" else "visit"
    with (
        pytest.raises(ContractError, match=reason),
        opened(tmp_path, deletes={table: by_id(column)}),
    ):
        pass
