"""People who are known by encodings alone join the right persons, and no others."""

from datetime import date

import pyarrow as pa
import pytest

from concord.exceptions import LinkageError
from concord.linkage.encoded import (
    EncodedSettings,
    apart,
    join_encoded,
    load_encoded_settings,
)
from concord.pprl.encoder import ENCODINGS, HASHES, Encoder
from concord.pprl.files import packed_text
from concord.pprl.keys import LinkageKey
from concord.pprl.values import person
from concord.settings import Settings
from tests.support.linkage_data import PERSON_RECORD, person_records

KEY, OTHER = LinkageKey(bytes(range(7, 39))), LinkageKey(bytes(range(99, 131)))
SETTINGS = EncodedSettings(
    mode="hardened", fields=tuple(HASHES), threshold=0.65, near=0.6
)
PEOPLE = {
    "ann": ("Ann", "Quillfeather", date(1980, 2, 3), "12 Oak St", "62701"),
    "bea": ("Beatrix", "Ostrander", date(1991, 7, 30), "7 Elm Ave", "62702"),
    "cal": ("Calvin", "Vandermolen", date(1975, 11, 9), "90 Pine Rd", "62703"),
}
MISTYPED = {"ann": ("Anne", "Quilfeather", date(1980, 2, 3), "12 Oak Street", "62701")}


def named(**records: str) -> pa.Table:
    """Return person records by key, each of one of the people."""
    rows = []
    for key, who in records.items():
        first, last, born, street, zip_code = PEOPLE[who]
        rows.append(
            {"record_key": key, "feed": "police_rms", "first_name": first,
             "last_name": last, "birth_date": born, "street": street, "zip": zip_code}
        )  # fmt: skip
    return person_records(rows)


def encoded(
    feed: str, key: LinkageKey = KEY, mode="hardened", people=PEOPLE, **records: str
) -> pa.Table:
    """Return records of encodings by key, each of one of the people."""
    encoder = Encoder(key, mode, HASHES)
    rows = []
    for own, who in records.items():
        first, last, born, street, zip_code = {**PEOPLE, **people}[who]
        made = person({"given_name": first, "surname": last, "street": street,
                       "postcode": zip_code}, born)  # fmt: skip
        bits = encoder.encode([made]).bits[0]
        texts = [packed_text(one.tobytes()) for one in bits]
        rows.append(
            {"record_key": own, "feed": feed, "encoding": encoder.label}
            | dict(zip(ENCODINGS[mode], texts, strict=True))
        )
    texts = ["encoding", "encoding_birth", "encoding_name", "encoding_all"]
    schema = pa.schema([*PERSON_RECORD, *((name, pa.string()) for name in texts)])
    return pa.Table.from_pylist(rows, schema=schema)


def joined(clusters: dict[str, str], *tables: pa.Table, key=KEY, settings=SETTINGS):
    """Join; return each record's cluster, and the counts."""
    records = pa.concat_tables(tables, promote_options="permissive")
    ours, theirs = apart(records)
    grouped = pa.table(
        {"record_key": list(clusters), "cluster_id": list(clusters.values())},
        schema=pa.schema([("record_key", pa.string()), ("cluster_id", pa.string())]),
    )
    found = join_encoded(grouped, ours, theirs, settings, key)
    columns = found.clusters.to_pydict()
    groups = dict(zip(columns["record_key"], columns["cluster_id"], strict=True))
    return groups, found.counts


def test_an_encoded_record_joins_the_person_of_that_name():
    clusters, counts = joined(
        {"p1": "p1", "p2": "p2"},
        named(p1="ann", p2="bea"),
        encoded("shelter", people=MISTYPED, s1="ann", s2="cal"),
    )
    assert clusters == {"p1": "p1", "p2": "p2", "s1": "p1", "s2": "s2"}
    assert counts == {
        "shelter": {"records": 2, "comparable": 2, "joined": 1, "near": 0}
    }


def test_two_persons_are_never_put_together_by_an_encoding_that_fits_both():
    clusters, _ = joined(
        {"p1": "p1", "p2": "p2", "p3": "p2"},
        named(p1="ann", p2="ann", p3="bea"),
        encoded("shelter", s1="ann"),
    )
    assert clusters["s1"] == "p1"
    assert clusters["p2"] == clusters["p3"] == "p2"


def test_a_person_takes_one_record_of_each_encoded_feed_and_the_best_one():
    clusters, _ = joined(
        {"p1": "p1"},
        named(p1="ann"),
        encoded("shelter", people=MISTYPED, s1="ann"),
        encoded("shelter", s2="ann"),
        encoded("clinic", c1="ann"),
    )
    assert clusters == {"p1": "c1", "c1": "c1", "s2": "c1", "s1": "s1"}


def test_without_the_key_feeds_of_encodings_are_linked_with_one_another_only():
    clusters, counts = joined(
        {"p1": "p1"},
        named(p1="ann"),
        encoded("shelter", s1="ann"),
        encoded("clinic", c1="ann"),
        key=None,
    )
    assert clusters == {"p1": "p1", "s1": "c1", "c1": "c1"}
    assert counts["shelter"]["comparable"] == 1


@pytest.mark.parametrize(
    "theirs",
    [
        encoded("shelter", OTHER, s1="ann"),
        encoded("shelter", mode="plain", s1="ann"),
        encoded("shelter", s1="ann")
        .drop_columns(["encoding_birth", "encoding_name"])
        .append_column("encoding_birth", pa.array(["no encoding"])),
    ],
    ids=["another key", "another mode", "no encoding at all"],
)  # fmt: skip
def test_what_cannot_be_compared_joins_nobody_and_is_counted(theirs):
    clusters, counts = joined({"p1": "p1"}, named(p1="ann"), theirs)
    assert clusters == {"p1": "p1", "s1": "s1"}
    assert counts["shelter"]["comparable"] == 0


def test_the_order_of_records_does_not_matter():
    ours, theirs = named(p1="ann", p2="bea"), encoded("shelter", s1="ann", s2="bea")
    groups = {"p1": "p1", "p2": "p2"}
    straight, _ = joined(groups, ours, theirs)
    turned, _ = joined(groups, theirs.take([1, 0]), ours.take([1, 0]))
    assert straight == turned == {"p1": "p1", "p2": "p2", "s1": "p1", "s2": "p2"}


def test_where_nobody_is_encoded_nothing_changes():
    clusters, counts = joined({"p1": "p1"}, named(p1="ann"))
    assert (clusters, counts) == ({"p1": "p1"}, {})


def test_a_county_of_encodings_alone_has_persons_too():
    clusters, _ = joined({}, encoded("a", a1="ann"), encoded("b", b1="ann", b2="bea"))
    assert clusters == {"a1": "a1", "b1": "a1", "b2": "b2"}


def test_what_breaks_is_told_without_what_the_records_hold():
    broken = encoded("shelter", s1="ann").drop_columns("feed")
    with pytest.raises(LinkageError) as caught:
        join_encoded(
            pa.table({"record_key": ["p1"], "cluster_id": ["p1"]}),
            named(p1="ann"),
            broken,
            SETTINGS,
            KEY,
        )
    assert caught.value.code == "LINKAGE_FAILED"
    assert caught.value.__context__ is None


def test_the_countys_settings_can_be_read():
    settings = load_encoded_settings(Settings().include / "linkage")
    assert settings.mode == "hardened"
    assert settings.near < settings.threshold
