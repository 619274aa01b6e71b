"""Snapshots of an Ed-Fi host: listed by identifier, or one that is asked to be used."""

import pytest
from starlette.responses import JSONResponse, Response

from concord.exceptions import TransportError
from tests.support.small_county import NIGHTS

pytestmark = pytest.mark.enable_socket
FIRST, SECOND, _ = NIGHTS
STUDENTS = "/data/v3/ed-fi/students"
VERSIONS = "/changeQueries/v1/availableChangeVersions"
LISTED = "/changeQueries/v1/snapshots"
EVERYBODY = {"S1", "S2", "S3", "S4", "S5"}
EVERY_RELEASE = pytest.mark.parametrize("version", ["5.3.1434", "6.2", "7.1"])
# A host between them is asked in both ways, and may not know the second.
ONE_WAY_ONLY = pytest.mark.parametrize("version", ["5.3", "7.1"])


class Asked:
    """Writes down what the school is asked, and may answer some of it."""

    def __init__(self, **answers):
        self.answers = answers
        self.requests = []

    def __call__(self, feed, request):
        if feed != "school":
            return None
        self.requests.append(request)
        answer = self.answers.get(request.url.path.rsplit("/", 1)[-1])
        return answer(request) if answer else None

    def chosen(self, path):
        """Return what chose a snapshot in every request below a path."""
        names = ("snapshot-identifier", "use-snapshot")
        return [
            next((f"{n}={r.headers[n]}" for n in names if n in r.headers), "live")
            for r in self.requests
            if r.url.path.startswith(path)
        ]


def students(sink):
    return {row["studentUniqueId"] for row in sink.rows("students")}


@EVERY_RELEASE
def test_a_snapshot_is_kept_to_from_the_first_request_to_the_last(
    county, start, version
):
    """What changes on the host after the snapshot is left for another night."""
    county.clock(county.night(0))
    county.clock(county.night(1))
    asked = Asked()
    running = start(intercept=asked, edfi_version=version, snapshots=(FIRST,))
    fetched, sink = running.fetch("school", SECOND, snapshot=True)
    assert (students(sink), fetched.cursor) == (EVERYBODY, "5")
    wanted = {
        "5": "snapshot-identifier=20260105",
        "6": "snapshot-identifier=20260105",
        "7": "use-snapshot=true",
    }[version[0]]
    assert set(asked.chosen(STUDENTS) + asked.chosen(VERSIONS)) == {wanted}


@EVERY_RELEASE
def test_the_newest_snapshot_is_read(county, start, version):
    county.clock(county.night(0))
    county.clock(county.night(1))
    running = start(edfi_version=version, snapshots=(FIRST, SECOND))
    fetched, _ = running.fetch("school", SECOND, snapshot=True)
    assert fetched.cursor == "151"


@ONE_WAY_ONLY
def test_without_a_snapshot_the_live_data_are_read(county, start, version):
    county.clock(county.night(0))
    asked = Asked()
    running = start(intercept=asked, edfi_version=version)
    _, sink = running.fetch("school", FIRST, snapshot=True)
    assert students(sink) == EVERYBODY
    assert set(asked.chosen(STUDENTS)) == {"live"}


def test_no_snapshot_is_asked_for_unless_the_contract_says_so(county, start):
    county.clock(county.night(0))
    asked = Asked()
    start(intercept=asked, snapshots=(FIRST,)).fetch("school", FIRST)
    assert set(asked.chosen("/")) == {"live"}
    assert LISTED not in {request.url.path for request in asked.requests}


@ONE_WAY_ONLY
def test_a_snapshot_older_than_what_was_taken_is_passed_over(county, start, version):
    """Read, it would look as if the host had begun to count again."""
    county.clock(county.night(0))
    county.clock(county.night(1))
    asked = Asked()
    running = start(intercept=asked, edfi_version=version, snapshots=(FIRST,))
    fetched, sink = running.fetch("school", SECOND, "100", snapshot=True)
    assert (students(sink), fetched.cursor) == ({"S101"}, "151")
    assert set(asked.chosen(STUDENTS)) == {"live"}


@pytest.mark.parametrize("status", [403, 404])
def test_a_host_that_lists_no_snapshots_to_us_is_read_live(county, start, status):
    county.clock(county.night(0))
    asked = Asked(snapshots=lambda _request: Response(status_code=status))
    running = start(intercept=asked, snapshots=(FIRST,))
    _, sink = running.fetch("school", FIRST, snapshot=True)
    assert students(sink) == EVERYBODY


def test_a_listed_snapshot_that_is_gone_gives_way_to_the_next(county, start):
    county.clock(county.night(0))
    listed = [
        {"snapshotIdentifier": "20260105", "snapshotDateTime": "2026-01-05T01:00:00"},
        {"snapshotIdentifier": "never", "snapshotDateTime": "2026-01-06T01:00:00.1Z"},
        {"snapshotIdentifier": "undated"},
    ]
    asked = Asked(snapshots=lambda _request: JSONResponse(listed))
    running = start(intercept=asked, snapshots=(FIRST,))
    _, sink = running.fetch("school", FIRST, snapshot=True)
    assert students(sink) == EVERYBODY
    assert asked.chosen(VERSIONS) == [
        "snapshot-identifier=never",
        "snapshot-identifier=20260105",
    ]


def test_a_host_of_unknown_release_is_asked_in_both_ways(county, start):
    county.clock(county.night(0))
    asked = Asked()
    urls = {
        "oauth": "/oauth/token",
        "dataManagementApi": "/data/v3",
        "changeQueries": "/changeQueries/v1",
    }
    running = start(intercept=asked, edfi_version="7.2", snapshots=(FIRST,))
    running.fetch("school", FIRST, snapshot=True, urls=urls)
    assert asked.chosen(LISTED) == ["live"]
    assert set(asked.chosen(STUDENTS)) == {"use-snapshot=true"}


@EVERY_RELEASE
def test_a_snapshot_that_is_removed_while_it_is_read_is_told(county, start, version):
    county.clock(county.night(0))
    status = 404 if version.startswith("7") else 410
    asked = Asked(students=lambda _request: Response(status_code=status))
    running = start(intercept=asked, edfi_version=version, snapshots=(FIRST,))
    with pytest.raises(TransportError, match="GONE") as caught:
        running.fetch("school", FIRST, snapshot=True)
    assert "removed the snapshot" in caught.value.detail


@pytest.mark.parametrize("identifier", ["a\r\nX-Evil: 1", "", "a b", 7.5, None])
def test_an_identifier_that_no_header_can_hold_is_refused(county, start, identifier):
    county.clock(county.night(0))
    listed = [{"snapshotIdentifier": identifier}]
    asked = Asked(snapshots=lambda _request: JSONResponse(listed))
    with pytest.raises(TransportError, match="PROTOCOL") as caught:
        start(intercept=asked).fetch("school", FIRST, snapshot=True)
    assert "Evil" not in str(caught.value)
