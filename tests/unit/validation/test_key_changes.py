"""The last good state follows the keys that an agency changed."""

from itertools import count

import duckdb
import pyarrow as pa
import pytest

from concord.contracts.models import KeyChange, KeyChanges
from concord.contracts.reading import ContractReader
from concord.contracts.registry import load_registry
from concord.exceptions import ContractError
from concord.settings import Settings
from concord.validation.key_changes import KeyFollower, first_and_last
from concord.validation.record_keys import RecordKeys


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], []),
        ([("A", "B")], [("A", "B")]),
        ([("A", "B"), ("B", "C")], [("A", "C")]),
        ([("A", "B"), ("B", "A")], []),
        ([("A", "X"), ("B", "A"), ("X", "B")], [("B", "A"), ("A", "B")]),
    ],
    ids=["none", "one", "chain", "back", "swap"],
)
def test_of_several_changes_only_the_first_and_last_form_count(changes, expected):
    pairs = [((old,), (new,)) for old, new in changes]
    assert first_and_last(pairs) == expected


def school(**keys):
    """Return the school's contract with tables keyed by the given columns."""
    contract = load_registry(Settings()).contract("school")
    return contract.model_copy(
        update={"tables": tuple(keyed(t, keys.get(t.name)) for t in contract.tables)}
    )


def keyed(table, names):
    """Return a table keyed by these columns, whose changes are told; others untold."""
    if names is None:
        return table.model_copy(update={"key_changes": None})
    columns = tuple(
        column.model_copy(
            update={"key_position": names.index(column.name) + 1}
            if column.name in names
            else {"key_position": 0}
        )
        for column in table.columns
    )
    told = {name: KeyChange(old=f"$.o.{name}", new=f"$.n.{name}") for name in names}
    changes = KeyChanges(records="$[*]", order="$.v", key=told)
    return table.model_copy(update={"columns": columns, "key_changes": changes})


@pytest.fixture
def con():
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def follower(con, tmp_path):
    """Make a follower for a contract; persons S1 and S2 are known."""

    def make(contract):
        numbers = count(1)
        keys = RecordKeys(tmp_path / "person_keys", b"k" * 32)

        def draw(wanted):
            return [f"key{next(numbers)}" for _ in range(wanted)]

        known = "SELECT unnest(['S1', 'S2']) AS original"
        keys.assign(con, known, "person_keys", draw)
        return KeyFollower(con, contract, keys, draw)

    return make


def put(con, name, rows):
    con.register("_rows", pa.Table.from_pylist(rows))
    con.execute(f"CREATE TABLE {name} AS FROM _rows")
    con.unregister("_rows")


def rows(con, query):
    return sorted(con.execute(query).fetchall())


def test_rows_that_refer_to_a_changed_key_follow_it(con, follower):
    contract = school(discipline_incident=["incident_identifier"])
    put(con, "previous_discipline_incident", [{"incident_identifier": "I1"}])
    put(
        con,
        "previous_discipline_action",
        [{"resource_id": str(n), "incident_identifier": f"I{n}"} for n in (1, 2)],
    )
    put(
        con,
        "changed_discipline_incident",
        [
            {
                "old_incident_identifier": "I1",
                "new_incident_identifier": "I9",
                "_order": 1,
            }
        ],
    )
    assert follower(contract).follow()
    assert rows(con, "FROM previous_discipline_incident") == [("I9",)]
    assert rows(con, "FROM previous_discipline_action") == [("1", "I9"), ("2", "I2")]


def test_an_event_that_is_moved_to_another_person_gets_that_record_key(con, follower):
    contract = school(enrollment=["student_id", "entry_date"])
    made = follower(contract)
    con.execute(
        "CREATE TABLE previous_enrollment AS SELECT * FROM (VALUES "
        "('key1', DATE '2025-08-20'), ('key2', DATE '2025-08-20')) "
        "AS t (record_key, entry_date)"
    )
    change = {
        "old_student_id": "S1",
        "new_student_id": "S3",
        "old_entry_date": "2025-08-20",
        "new_entry_date": "2025-08-21",
        "_order": 1,
    }
    put(con, "changed_enrollment", [change])
    assert made.follow()
    found = rows(con, "SELECT record_key, entry_date::VARCHAR FROM previous_enrollment")
    assert found == [("key2", "2025-08-20"), ("key3", "2025-08-21")]


def test_without_changes_nothing_is_touched(con, follower):
    contract = school(student=["student_id"])
    con.execute(
        "CREATE TABLE changed_student (old_student_id VARCHAR, "
        "new_student_id VARCHAR, _order BIGINT)"
    )
    assert not follower(contract).follow()


def test_a_change_of_a_number_can_be_followed_twice(con, follower):
    """A night that is checked again finds the key it gave the first time."""
    contract = school(student=["student_id"])
    made = follower(contract)
    put(con, "previous_identity_student", [{"record_key": "key1", "source_id": "S1"}])
    put(con, "previous_identity_student_demographics", [{"source_id": "S1"}])
    change = {"old_student_id": "S1", "new_student_id": "S7", "_order": 1}
    put(con, "changed_student", [change])
    for _ in range(2):
        assert made.follow()
        assert rows(con, "FROM person_keys") == [
            ("S1", "key1"),
            ("S2", "key2"),
            ("S7", "key1"),
        ]
        assert rows(con, "FROM previous_identity_student") == [("key1", "S7")]


SCHOOL = Settings().include / "contracts" / "school.odcs.yaml"
KEY = '{"student_id": {"old": "$.oldKeyValues.studentUniqueId"'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            '"key": ' + KEY,
            '"key": ' + KEY.replace("student_id", "pupil"),
            "names pupil",
        ),
        ('"order": "$.changeVersion", ', "", "order"),
    ],
)
def test_a_contract_must_tell_changes_of_its_whole_key(tmp_path, old, new, reason):
    registry = load_registry(Settings())
    path = tmp_path / "school.odcs.yaml"
    text = SCHOOL.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    reader = ContractReader(registry.concepts, registry.codelists)
    with pytest.raises(ContractError, match=reason):
        reader.read(path)
