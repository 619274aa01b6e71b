"""What releases say of tokens that became others, against the vault's own ids."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from concord.deidentification.tokens import Tokeniser
from concord.demo.story import NIGHTS
from concord.linkage.churn import LIMIT
from concord.linkage.history import as_of
from concord.pipeline.person_store import PersonStore
from concord.publication.reading import history

pytestmark = pytest.mark.xdist_group("nights")


def ids_on(county, night) -> dict[str, str]:
    store = PersonStore(county)
    table = store.read(store.newest(night), "assignments").to_pydict()
    return dict(zip(table["record_key"], table["person_id"], strict=True))


def rows(release: Path, table: str) -> list[dict[str, str]]:
    return pq.read_table(release / table / "part-00000.parquet").to_pylist()


def test_every_token_that_became_another_is_told_and_no_other(nights, county) -> None:
    last, told = ids_on(county, NIGHTS[-1]), set()
    used = county.keys.release_key("research")
    tokens = Tokeniser(used.key, "research", used.epoch)
    moved = {
        (person, last[key])
        for night in NIGHTS[:-1]
        for key, person in ids_on(county, night).items()
        if key in last and last[key] != person
    }
    release = history(county.zones.releases, "research")[-1].path
    for row in rows(release, "succession"):
        told.add((row["former_person_token"], row["person_token"]))
    assert told == {
        (tokens.token("person", old), tokens.token("person", new)) for old, new in moved
    }
    published = {row["person_token"] for row in rows(release, "person")}
    assert {new for _, new in told} <= published


def test_the_vault_answers_for_every_night(nights, county) -> None:
    store = PersonStore(county)
    run = store.newest(NIGHTS[-1])
    tables = store.read(run, "assignments"), store.read(run, "history")
    for night in NIGHTS:
        found = as_of(*tables, night).to_pydict()
        then = dict(zip(found["record_key"], found["person_id"], strict=True))
        assert then == ids_on(county, night)


def test_an_ordinary_night_stays_under_the_brake(nights, county) -> None:
    for night in NIGHTS[1:]:
        churn = county.ledger.linkage_as_of(night).measures["churn"]
        assert churn["records"] > 3000
        assert churn["share"] <= LIMIT
