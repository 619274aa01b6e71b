"""Releases that are not made every night, made of a whole night once asked for."""

import pyarrow.parquet as pq
import pytest

from concord import pipeline
from concord.demo.story import NIGHTS
from concord.publication.reading import current
from concord.publication.verify import verify

pytestmark = pytest.mark.enable_socket
NIGHT = NIGHTS[-1]


@pytest.fixture(scope="module")
def releases(nights):
    """Publish both from what the nights left; returns each release's folder."""
    with pipeline.open_county(nights.settings) as county:
        for profile in ("limited", "school"):
            assert current(county.zones.releases, profile) is None
            pipeline.prepare_keymap(county, profile, NIGHT)
            pipeline.publish(county, profile, NIGHT, "asked for")
        yield {
            profile: current(county.zones.releases, profile)
            for profile in ("research", "limited", "school")
        }


def table(releases, profile: str, name: str):
    return pq.read_table(releases[profile] / name)


def tokens(releases, profile: str) -> set[str]:
    return set(table(releases, profile, "person")["person_token"].to_pylist())


def test_only_the_feeds_that_a_release_takes_are_in_it(releases):
    covered = {
        profile: set(table(releases, profile, "source_coverage")["feed"].to_pylist())
        for profile in releases
    }

    assert covered["limited"] == {"police_rms", "police_cad", "hospital"}
    assert covered["school"] == {"school"}
    assert covered["research"] > covered["limited"] | covered["school"]
    sectors = table(releases, "limited", "person").column_names[-3:-1]
    assert sectors == ["in_police", "in_hospital"]


def test_a_limited_data_set_has_days_cities_and_zip_codes(releases):
    incidents = table(releases, "limited", "incident")
    days = {day.day for day in incidents["occurred_on"].to_pylist()}
    places = table(releases, "limited", "place")

    assert len(days) > 20
    assert places.column_names == ["place_token", "state", "city", "zip"]
    assert {len(code) for code in places["zip"].to_pylist() if code} == {5}
    years = table(releases, "research", "incident")["occurred_on"].to_pylist()
    assert {(day.month, day.day) for day in years} == {(1, 1)}


def test_a_place_that_is_told_more_finely_is_told_of_fewer_incidents(releases):
    def told(profile: str) -> tuple[int, int]:
        places = table(releases, profile, "incident")["place_token"]
        return len(places) - places.null_count, len(places)

    (fine, rows), (coarse, same) = told("limited"), told("research")
    assert rows == same
    assert 0 < fine < coarse < rows
    used = {
        token
        for name in ("incident", "call_for_service")
        for token in table(releases, "limited", name)["place_token"].to_pylist()
    }
    told_of = set(table(releases, "limited", "place")["place_token"].to_pylist())
    assert told_of == used - {None}


def test_a_school_release_has_months_and_no_row_of_the_police(releases):
    days = table(releases, "school", "attendance_event")["occurred_on"].to_pylist()

    assert {day.day for day in days} == {1}
    assert len({day.month for day in days}) > 1
    assert not (releases["school"] / "incident").exists()


def test_no_token_joins_two_releases(releases):
    found = {profile: tokens(releases, profile) for profile in releases}

    assert all(found.values())
    assert len(set().union(*found.values())) == sum(map(len, found.values()))


def test_each_release_is_whole_and_says_what_was_done(releases):
    for profile, folder in releases.items():
        assert verify(folder).ok, profile
    text = (releases["limited"] / "dictionary.md").read_text()
    assert "To the day, without the time." in text
    assert "Limited data set" in text
