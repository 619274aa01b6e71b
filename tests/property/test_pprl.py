"""What holds of the encodings of all people."""

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.pprl.encoder import HASHES, Encoder, Encodings
from concord.pprl.keys import LinkageKey
from concord.pprl.matching import dice, match
from concord.pprl.values import Person, person, salts

KEY, OTHER = LinkageKey(bytes(range(7, 39))), LinkageKey(bytes(range(99, 131)))
names = st.text(st.characters(categories=["L", "Zs"]), max_size=20)
texts = st.text(max_size=20)
people = st.builds(
    person,
    st.fixed_dictionaries(
        {"given_name": names, "surname": names, "street": texts, "city": texts,
         "postcode": texts | st.from_regex("6270[0-9]", fullmatch=True)}
    ),
    st.none() | st.dates(date(1900, 1, 2), date(2026, 1, 1)),
)  # fmt: skip
modes = st.sampled_from(["hardened", "plain"])
fully_known = people.filter(lambda one: all(salts(one, "hardened")))


def encoded(people: list[Person], mode="hardened", key=KEY) -> Encodings:
    return Encoder(key, mode, HASHES).encode(people)


@given(st.lists(people, min_size=1, max_size=6), modes)
def test_the_same_key_gives_the_same_bits_in_any_company(group, mode):
    together = encoded(group, mode)
    alone = [encoded([one], mode) for one in group]
    assert np.array_equal(together.bits, np.concatenate([one.bits for one in alone]))
    assert np.array_equal(
        together.present.ravel(), np.ravel([a.present for a in alone])
    )


@given(fully_known, modes)
def test_another_key_gives_unrelated_bits(one, mode):
    mine, theirs = encoded([one], mode), encoded([one], mode, OTHER)
    ones = np.bitwise_count(mine.bits).sum(2)
    # Of unrelated bits a share agrees by chance: about the share that is set.
    by_chance = ones.max() / 1024
    assert dice(mine, theirs)[0] <= by_chance + 0.2
    assert dice(mine, mine)[0] == 1


@given(people, people, modes)
def test_dice_is_symmetric_and_between_nought_and_one(one, other, mode):
    a, b = encoded([one], mode), encoded([other], mode)
    assert dice(a, b)[0] == dice(b, a)[0]
    assert 0 <= dice(a, b)[0] <= 1


@given(st.lists(people, min_size=1, max_size=4), modes)
def test_missing_values_never_match(group, mode):
    nothing = [Person() for _ in group]
    unknown = encoded(nothing, mode)
    assert not unknown.present.any()
    assert not unknown.bits.any()
    for left, right in ((unknown, unknown), (unknown, encoded(group, mode))):
        assert not dice(left, right).any()
        assert not len(match(left, right, 0.01).dice)


@given(fully_known, fully_known)
def test_records_without_a_birth_date_never_meet_on_it(one, other):
    found = encoded([p._replace(birth_date="") for p in (one, other)])
    assert not found.present[:, 0].any()
    assert not found.bits[:, 0].any()


@given(fully_known, st.sampled_from(["hardened"]))
@settings(max_examples=30)
def test_another_birth_date_makes_the_birth_encoding_unrelated(one, mode):
    year = "1950" if one.birth_date[:4] != "1950" else "1951"
    moved = one._replace(birth_date=year + one.birth_date[4:])
    a, b = encoded([one], mode), encoded([moved], mode)
    first = [Encodings(e.bits[:, :1], e.present[:, :1]) for e in (a, b)]
    assert dice(*first)[0] <= np.bitwise_count(a.bits[:, 0]).sum() / 1024 + 0.2
