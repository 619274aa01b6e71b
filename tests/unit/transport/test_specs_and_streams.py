"""What a contract may say about its transport, and counting bytes as they pass."""

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.exceptions import ContractError, DeliveryHeld, TransportError
from concord.transport.base import Connection, Part, StoredPart
from concord.transport.problems import HELD_REMEDIES, REMEDIES, failed
from concord.transport.registry import SPECS as KINDS
from concord.transport.registry import open_transport, read_spec
from concord.transport.streams import CheckedStream, RecordCounter
from tests.support.small_county import SPECS


@pytest.mark.parametrize("feed", SPECS)
def test_every_kind_opens_and_names_its_tables(feed):
    spec = read_spec(feed, SPECS[feed])
    named = {"tables", "resources", "types"} & set(SPECS[feed])
    assert spec.table_names == tuple(SPECS[feed][named.pop()])
    assert open_transport(feed, spec, Connection("localhost")).offered is not None


def test_every_kind_in_the_registry_is_tried_here():
    assert set(KINDS) == {spec["kind"] for spec in SPECS.values()}


@pytest.mark.parametrize(
    ("transport", "message"),
    [
        ({}, "transport.kind is None"),
        ({"kind": "ftp"}, "transport.kind is 'ftp', not one of database, edfi"),
        ({**SPECS["school"], "pageSize": 501}, "transport.pageSize is 501"),
        ({**SPECS["school"], "verify": False}, "transport.verify is False"),
        ({**SPECS["police_rms"], "tables": []}, "transport.tables"),
        (
            {**SPECS["drop"], "files": {"person": "p*"}},
            "no pattern for \\['incident'\\]",
        ),
        ({**SPECS["drop"], "files": {"persons": "p*"}}, "names no table of tables"),
        ({**SPECS["drop"], "files": {"person": "../p*"}}, "transport.files.person"),
        ({**SPECS["drop"], "folderName": "%Y%m"}, "needs %Y, %m and %d"),
        ({**SPECS["drop"], "folderName": "../%Y%m%d"}, "transport.folderName is"),
        ({**SPECS["drop"], "archive": "a/*.zip"}, "transport.archive is"),
        ({**SPECS["police_rms"], "path": "relative"}, "transport.path is 'relative'"),
        ({**SPECS["probation"], "resources": ["../x"]}, "transport.resources.0"),
    ],
)
def test_a_wrong_transport_names_key_and_value(transport, message):
    with pytest.raises(ContractError, match=message):
        read_spec("c", transport)


def test_a_connection_hides_its_secrets():
    shown = repr(Connection("h", 1, "me", "s3cret", {"private_key": "k3y"}))
    assert "s3cret" not in shown
    assert "k3y" not in shown


@pytest.mark.parametrize(
    ("port", "extra", "origin"),
    [
        (None, {}, "https://h"),
        (8443, {}, "https://h:8443"),
        (80, {"schema": "http"}, "http://h:80"),
    ],
)
def test_a_connection_is_https_unless_it_says_otherwise(port, extra, origin):
    assert Connection("h", port, extra=extra).origin == origin


def test_every_code_has_a_remedy_of_its_own():
    remedies = [*REMEDIES.values(), *HELD_REMEDIES.values()]
    assert not set(REMEDIES) & set(HELD_REMEDIES)
    assert all(len(remedy) > 20 for remedy in remedies)


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)


def csv_line(fields):
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields) + "\n"


@given(
    rows=st.lists(st.lists(FIELD, min_size=1, max_size=3), max_size=8),
    size=st.integers(1, 7),
    last_line_ends=st.booleans(),
)
def test_csv_rows_are_counted_wherever_the_bytes_are_cut(rows, size, last_line_ends):
    body = ("h\n" + "".join(csv_line(row) for row in rows)).encode()
    body = body if last_line_ends else body[:-1]
    counter = RecordCounter("csv")
    for start in range(0, len(body), size):
        counter.feed(body[start : start + size])
    assert counter.records == len(rows)


@given(
    lines=st.lists(st.sampled_from([b"{}", b"", b"  ", b'{"a": "\\""}'])),
    size=st.integers(1, 7),
)
def test_blank_lines_are_not_counted(lines, size):
    counter, body = RecordCounter("lines"), b"\n".join(lines)
    for start in range(0, len(body), size):
        counter.feed(body[start : start + size])
    assert counter.records == sum(bool(line.strip()) for line in lines)


def stream_of(body, limit):
    source = io.BytesIO(body)
    error = failed("TOO_LARGE", "feed", "too long")
    return CheckedStream(source.read, limit=limit, too_large=lambda: error)


def test_a_stream_hashes_and_counts_all_that_passes():
    body = b"x" * 200_000
    stream = stream_of(body, len(body))
    assert stream.buffered().read() == body
    assert stream.bytes_read == len(body)
    assert stream.sha256 == hashlib.sha256(body).hexdigest()


def test_our_error_survives_a_sink_that_rewords_it():
    class Rewording:
        def store(self, part: Part, stream) -> StoredPart:
            try:
                stream.read()
            except Exception as error:
                raise ValueError("encryption failed") from error
            raise AssertionError("the stream was not too long")

    with pytest.raises(TransportError, match="TOO_LARGE"):
        stream_of(b"12345", 4).into(Rewording(), Part("a", "a", "rows"))


def test_an_error_of_the_sink_passes_unchanged():
    class Full:
        def store(self, part: Part, stream) -> StoredPart:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        stream_of(b"1", 1).into(Full(), Part("a", "a", "rows"))


def test_held_deliveries_survive_pickling():
    import pickle

    from concord.transport.problems import held

    error = pickle.loads(pickle.dumps(held("WINDOW_GAP", "f", "d", nights=2)))
    assert isinstance(error, DeliveryHeld)
    assert error.counts == {"nights": 2}
