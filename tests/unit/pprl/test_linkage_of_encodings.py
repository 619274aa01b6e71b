"""Encodings link people as well as promised, and do not give their names away."""

import numpy as np
import pytest

from concord.pprl.encoder import HASHES, Encoder, Encodings
from concord.pprl.files import CROWD
from concord.pprl.keys import LinkageKey
from concord.pprl.matching import groups, match
from tests.support.febrl import FILES, Side, half_overlap, linked
from tests.support.plaintext_attack import (
    nearest_surnames,
    recovered,
    surnames_read,
)

needs_febrl = pytest.mark.skipif(
    not all(path.is_file() for path in FILES),
    reason="../shared/data/linkage_febrl is absent",
)
KEY = LinkageKey(bytes(range(7, 39)))
FOUR = ("given_name", "surname", "birth_date", "postcode")
KNOWN = 500


@pytest.fixture(scope="module")
def sides() -> tuple[Side, Side]:
    return half_overlap()


@needs_febrl
@pytest.mark.parametrize(
    ("mode", "fields", "threshold", "least"),
    [
        ("hardened", tuple(HASHES), 0.65, 0.97),
        ("hardened", FOUR, 0.60, 0.97),
        ("plain", tuple(HASHES), 0.70, 0.99),
    ],
)
def test_half_of_febrl_finds_its_partners(sides, mode, fields, threshold, least):
    score = linked(*sides, Encoder(KEY, mode, fields), threshold)
    assert score.f1 >= least
    assert score.precision >= 0.998


def attacked(sides, mode) -> tuple[list[float], float]:
    """Return the shares of surnames read, and of those taken from the nearest."""
    known_ones, everybody = sides
    at = {person: number for number, person in enumerate(everybody.truth)}
    chosen = np.random.default_rng(1).permutation(len(known_ones.truth))[:KNOWN]
    names = [known_ones.persons[n] for n in chosen]
    rows = np.array([at[known_ones.truth[n]] for n in chosen])
    found = Encoder(KEY, mode, HASHES).encode(everybody.persons)
    rest = np.setdiff1d(
        [n for n, one in enumerate(everybody.persons) if one.surname], rows
    )[::3]
    known, others = (Encodings(found.bits[r], found.present[r]) for r in (rows, rest))
    truth = [everybody.persons[n] for n in rest]
    dictionary = sorted(
        {one.surname for side in sides for one in side.persons if one.surname}
    )
    read = surnames_read(known, names, others, dictionary)
    nearest = nearest_surnames(known, names, others)
    return [recovered(one, truth) for one in read], recovered(nearest, truth)


@needs_febrl
def test_who_knows_500_of_the_people_reads_names_off_plain_encodings(sides):
    (read,), _ = attacked(sides, "plain")
    assert read >= 0.5


@needs_febrl
def test_who_knows_500_of_the_people_reads_no_names_off_hardened_encodings(sides):
    read, nearest = attacked(sides, "hardened")
    assert max(read) <= 0.02
    assert nearest <= 0.02


@needs_febrl
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_knows_as_many_as_may_share_a_salt_reads_next_to_no_names(sides, seed):
    everybody = [one for one in sides[1].persons if one.surname]
    chosen = np.random.default_rng(seed).permutation(len(everybody))[: CROWD + 1000]
    born = [everybody[at]._replace(birth_date="19840229") for at in chosen]
    found = Encoder(KEY, "hardened", HASHES).encode(born)
    known, others = (
        Encodings(found.bits[rows, :1], found.present[rows, :1])
        for rows in np.split(np.arange(len(born)), [CROWD])
    )
    names, truth = born[:CROWD], born[CROWD:]
    dictionary = sorted({one.surname for one in everybody})
    (read,) = surnames_read(known, names, others, dictionary)
    assert recovered(read, truth) <= 0.02
    assert recovered(nearest_surnames(known, names, others), truth) <= 0.02


def test_samples_of_bits_find_what_comparing_everything_finds(sides_of_random_bits):
    left, right = sides_of_random_bits
    found = match(left, right, 0.7)
    one = np.unpackbits(left.bits[:, 0], axis=1).astype(int)
    other = np.unpackbits(right.bits[:, 0], axis=1).astype(int)
    alike = 2 * (one @ other.T) / (one.sum(1)[:, None] + other.sum(1)[None])
    expected = set(zip(*np.nonzero(alike >= 0.7), strict=True))
    assert set(zip(found.left, found.right, strict=True)) == expected
    assert np.allclose(found.dice, alike[found.left, found.right])
    assert list(found.dice) == sorted(found.dice, reverse=True)


@pytest.fixture
def sides_of_random_bits() -> tuple[Encodings, Encodings]:
    random = np.random.default_rng(5)
    left = random.random((300, 1024)) < 0.4
    right = random.random((500, 1024)) < 0.4
    for row, kept in enumerate(np.linspace(0.7, 1, 250)):
        mask = random.random(1024) < kept
        right[row] = np.where(mask, left[row], right[row])
    return tuple(
        Encodings(np.packbits(bits, axis=1)[:, None], np.ones((len(bits), 1), bool))
        for bits in (left, right)
    )


def test_no_two_records_of_one_source_are_put_together_even_through_a_third():
    source = ["clear", "clear", "school", "shelter"]
    best_first = [(0.95, 0, 2), (0.9, 1, 3), (0.85, 2, 3), (0.7, 1, 2)]
    assert groups(best_first, source).tolist() == [0, 1, 0, 1]


def test_equal_matches_go_to_the_first_record_in_any_order():
    matches = [(0.9, 1, 2), (0.9, 0, 2)]
    source = ["a", "a", "b"]
    assert groups(matches, source).tolist() == groups(matches[::-1], source).tolist()
    assert groups(matches, source).tolist() == [0, 1, 0]
