"""The story of three nights holds, and the guarantees hold on it."""

import hashlib
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from concord import pipeline
from concord.demo.story import FEEDS, LATE, MALFORMED, NIGHTS
from concord.exceptions import DeliveryHeld, DeliveryNotReady
from concord.publication.reading import current, history
from concord.publication.verify import verify
from concord.status import sums
from tests.support.feeds import MONTHLY

pytestmark = pytest.mark.xdist_group("nights")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_only_the_faulty_feeds_stand_still(nights, county) -> None:
    assert set(nights.errors) == {(LATE, NIGHTS[1]), (MALFORMED, NIGHTS[1])}
    late, held = nights.errors[LATE, NIGHTS[1]], nights.errors[MALFORMED, NIGHTS[1]]
    assert isinstance(late, DeliveryNotReady)
    assert isinstance(held, DeliveryHeld)
    assert (held.code, held.feed) == ("COLUMN_MISSING", MALFORMED)
    assert "birth_date" in held.detail
    standing = {(n.feed, n.night): n.status for n in county.ledger.feed_nights()}
    assert standing.pop((LATE, NIGHTS[1])) == "late"
    assert standing.pop((MALFORMED, NIGHTS[1])) == "held"
    between = {(MONTHLY, night) for night in NIGHTS[1:]}
    assert {each for each, how in standing.items() if how == "on_time"} == between
    assert set(standing.values()) == {"checked", "on_time"}


def test_every_row_is_accounted_for(nights, county) -> None:
    deliveries = 0
    for feed in FEEDS:
        for delivery, total in sums(county.ledger, feed):
            deliveries += 1
            assert total.reconciles, delivery.id
            assert total.received > 0
            if delivery.state == "superseded":
                assert total.superseded == total.received
    # Three nights of each feed; the late one arrives as a delivery of its own.
    assert deliveries == 3 * len(FEEDS) - len(NIGHTS[1:]), "one delivers monthly"


def test_a_held_delivery_is_closed_by_the_one_that_makes_up_for_it(county) -> None:
    states = {d.night: d.state for d in county.ledger.deliveries(MALFORMED)}
    assert states == dict(
        zip(NIGHTS, ("checked", "superseded", "checked"), strict=True)
    )


def test_received_rows_are_those_the_agencies_served(nights, county) -> None:
    for delivery in county.ledger.deliveries("hospital"):
        folder = nights.root / "served" / "hospital" / delivery.night.isoformat()
        served = sum(
            len((folder / f"{kind}.ndjson").read_bytes().splitlines())
            for kind in ("Patient", "Encounter", "Condition")
        )
        received = sum(c.received for c in county.ledger.table_counts(delivery.id))
        assert received == served


def test_late_delivery_is_caught_up(nights, county) -> None:
    landed = {d.night: d for d in county.ledger.deliveries(LATE)}
    assert set(landed) == set(NIGHTS)
    assert landed[NIGHTS[1]].landed_on == NIGHTS[2]
    assert landed[NIGHTS[1]].state == "checked"


def test_carried_forward_data_are_marked_in_the_release(nights, county) -> None:
    releases = {r.night: r for r in county.ledger.releases("research")}
    carried = {i["feed"]: i for i in releases[NIGHTS[1]].inputs if i["carried"]}
    assert set(carried) == {LATE, MALFORMED}
    assert {i["night"] for i in carried.values()} == {NIGHTS[0].isoformat()}
    assert not [i for i in releases[NIGHTS[2]].inputs if i["carried"]]


def test_deleted_rows_are_gone_from_the_next_release(nights, county) -> None:
    deleted = [
        count.deleted
        for delivery in county.ledger.deliveries(LATE)
        for count in county.ledger.table_counts(delivery.id)
    ]
    assert sum(deleted) > 0


def test_a_night_run_again_changes_no_byte(nights, county) -> None:
    release = current(county.zones.releases, "research")
    before = digests(nights.profile)
    for feed in set(FEEDS) - {MONTHLY}:
        pipeline.check(county, feed, NIGHTS[2])
    pipeline.link(county, NIGHTS[2])
    pipeline.prepare_keymap(county, "research", NIGHTS[2])
    again = pipeline.publish(county, "research", NIGHTS[2], "again")
    after = digests(nights.profile)
    assert again.reused
    assert current(county.zones.releases, "research") == release
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {f"creation/{release.name}.jsonl"}
    assert set(after) == set(before)


def test_a_release_built_from_nothing_but_the_same_inputs_is_the_same(
    nights, county, tmp_path
) -> None:
    """Not reused but rebuilt: another root with the same zones and no releases."""
    home = tmp_path / "home"
    shutil.copytree(nights.home, home, ignore=shutil.ignore_patterns("releases"))
    with pipeline.open_county(nights.settings.model_copy(update={"home": home})) as c:
        rebuilt = pipeline.publish(c, "research", NIGHTS[0], "rebuilt")
    first = history(county.zones.releases, "research")[0]
    original = nights.profile / f"r{first.number:06d}"
    tables = [n for n in digests(original) if n.endswith(".parquet")]
    assert tables
    for name in tables:
        assert digests(rebuilt.path)[name] == digests(original)[name]


def test_every_release_verifies(nights) -> None:
    releases = sorted(nights.profile.glob("r0*"))
    assert len(releases) == 3
    for release in releases:
        assert verify(release).ok


def test_one_flipped_byte_is_found(nights, tmp_path) -> None:
    copied = tmp_path / "research"
    shutil.copytree(nights.profile, copied, symlinks=True)
    table = copied / "CURRENT" / "incident" / "part-00000.parquet"
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.chmod(0o640)
    table.write_bytes(data)
    verification = verify((copied / "CURRENT").resolve())
    assert not verification.ok
    assert any("incident" in str(problem) for problem in verification.problems)


def test_an_unchanged_person_keeps_the_id(nights, county) -> None:
    """A person whose records are the same as the night before has the same id."""
    for before, after in pairwise(NIGHTS):
        old = _records_by_person(nights, county, before)
        new = _records_by_person(nights, county, after)
        unchanged = [p for p in old if old[p] == new.get(p)]
        assert len(unchanged) > 1500
        ids_before = nights.person_ids(county, before)
        ids_after = nights.person_ids(county, after)
        moved = [
            key
            for person in unchanged
            for key in old[person]
            if ids_before[key] != ids_after[key]
        ]
        assert moved == []


def _records_by_person(nights, county, night) -> dict[str, dict]:
    """Return each true person's records as they stand in the vault on a night."""
    truth = {
        (r["feed"], r["source_id"]): r["person"]
        for r in nights.truth(NIGHTS[-1]).to_pylist() + nights.truth(night).to_pylist()
    }
    persons: dict[str, dict] = {}
    for row in nights.records(county, night):
        key = (row["feed"], row["source_id"])
        if key in truth:
            persons.setdefault(truth[key], {})[key] = tuple(row.items())
    return persons
