import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.reporting.counts import (
    FEWER,
    FEWEST_FOR_SHARE,
    HARDLY_ANY,
    NEARLY_ALL,
    TOO_FEW,
    part_of,
    position,
    protect,
    share,
    total,
)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, 0), (1, FEWER), (7, FEWER), (8, 10), (12, 10), (13, 15), (1234, 1235)],
)
def test_small_counts_are_words_and_others_are_rounded(
    count: int, shown: int | str
) -> None:
    assert protect(count) == shown


def test_a_total_is_made_of_what_is_shown() -> None:
    assert total([protect(3), protect(998), protect(0)]) == 1005
    assert total([protect(3)]) == FEWER
    assert total([]) == 0


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 500, 0.0),
        (500, 500, 1.0),
        (3, 100_000, HARDLY_ANY),
        (99_997, 100_000, NEARLY_ALL),
        (400, 1000, 0.4),
        (9, 29, TOO_FEW),
        (0, 0, TOO_FEW),
    ],
)
def test_a_rate_is_never_rounded_to_none_or_all(
    part: int, whole: int, shown: float | str
) -> None:
    assert share(part, whole) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (3, 567, FEWER),
        (564, 567, 560),
        (567, 567, 565),
        (0, 567, 0),
        (300, 567, 300),
        (5, 6, FEWER),
        (0, 0, 0),
    ],
)
def test_a_part_goes_with_its_whole(part: int, whole: int, shown: int | str) -> None:
    assert part_of(part, whole) == shown


counts = st.integers(min_value=0, max_value=200_000)


@given(counts, counts)
def test_the_rates_of_a_part_and_of_the_rest_add_up(part: int, rest: int) -> None:
    rate, other = share(part, part + rest), share(rest, part + rest)

    if part + rest < FEWEST_FOR_SHARE:
        assert rate == other == TOO_FEW
    else:
        assert position(rate) is not None
        # Each is rounded to a tenth of a percent: an exact half can part them by one.
        assert position(rate) == pytest.approx(1 - (position(other) or 0), abs=0.00101)


@given(st.integers(1, 7), st.integers(1, 7), st.integers(FEWEST_FOR_SHARE, 99_999))
def test_a_rate_does_not_tell_small_counts_apart(
    one: int, other: int, whole: int
) -> None:
    assert share(one, whole) == share(other, whole)


@given(st.integers(1, 7), st.integers(1, 7), st.integers(16, 99_999))
def test_a_large_part_does_not_tell_small_rests_apart(
    one: int, other: int, whole: int
) -> None:
    assert part_of(whole - one, whole) == part_of(whole - other, whole)
