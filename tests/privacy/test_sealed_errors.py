"""However a step fails, nothing of the data is in what is told; the steward has it."""

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from concord.exceptions import ConfigError, IntegrityError, SealedError
from concord.sealed_errors import ErrorStore, run_sealed, silenced
from concord.sealing import KeyRing
from concord.zones import Zones
from tests.support.failures import CANARY, FAILURES, NAME

AT = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
pytestmark = pytest.mark.enable_socket


@pytest.fixture
def store(tmp_path: Path) -> ErrorStore:
    zones = Zones(tmp_path / "home")
    zones.prepare()
    return ErrorStore(zones.errors, KeyRing(zones.keys))


def fail(store: ErrorStore, failure: Callable[[], None]) -> BaseException:
    """Let a step fail, and return all that comes of it."""
    with pytest.raises(BaseException) as caught:
        run_sealed("check-clinic", failure, lambda s, e: store.keep(s, e, AT))
    return caught.value


def test_there_are_more_than_twenty_five_kinds_of_failure() -> None:
    assert len({failure.__name__ for failure in FAILURES}) >= 25


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
def test_nothing_of_the_data_is_told_and_the_steward_has_it_all(
    failure: Callable[[], None], store: ErrorStore, tmp_path: Path
) -> None:
    outside = fail(store, failure)
    told = [*traceback.format_exception(outside), repr(vars(outside)), repr(outside)]
    assert outside.__context__ is None
    assert outside.__cause__ is None
    assert NAME not in "".join(told)
    assert NAME.encode() not in pickle.dumps(outside)
    (kept,) = store.listed()
    assert NAME not in str(kept)
    assert NAME.encode() not in kept.path.read_bytes()
    assert NAME in store.read(kept.number)


def test_an_error_names_step_kind_and_number(store: ErrorStore) -> None:
    outside = fail(store, FAILURES[0])
    (kept,) = store.listed()
    assert str(outside) == (
        "check-clinic: ConversionException. The steward reads it with: "
        f"concord errors show {kept.number}"
    )
    assert (kept.at, kept.step, kept.kind) == (AT, "check-clinic", outside.kind)
    assert str(pickle.loads(pickle.dumps(outside))) == str(outside)


def test_an_error_of_our_own_comes_out_as_it_is(store: ErrorStore) -> None:
    def refuse() -> None:
        raise ConfigError("include/x.yaml line 3: 'y' is no feed")

    assert str(fail(store, refuse)) == "include/x.yaml line 3: 'y' is no feed"
    assert store.listed() == []


def test_what_a_step_returns_comes_back() -> None:
    assert run_sealed("report", lambda: 7, lambda *_: "") == 7


def test_a_failure_is_told_even_where_it_can_not_be_kept(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "handed", handed_out=True)
    outside = fail(ErrorStore(tmp_path, keys), FAILURES[0])
    assert isinstance(outside, SealedError)
    assert "could not be kept" in str(outside)
    assert NAME not in "".join(traceback.format_exception(outside))


def test_another_stewards_key_opens_nothing(store: ErrorStore, tmp_path: Path) -> None:
    fail(store, FAILURES[0])
    other = KeyRing(tmp_path / "other")
    other.steward_recipient()
    (kept,) = store.listed()
    with pytest.raises(IntegrityError, match="another steward"):
        store.read(kept.number, tmp_path / "other" / "steward.identity")
    with pytest.raises(ConfigError, match="concord errors list"):
        store.read("../x")


def test_the_stewards_key_may_be_kept_elsewhere(
    store: ErrorStore, tmp_path: Path
) -> None:
    fail(store, FAILURES[0])
    elsewhere = tmp_path / "safe"
    (store.keys.folder / "steward.identity").rename(elsewhere)
    fail(store, FAILURES[1])
    assert [NAME in store.read(k.number, elsewhere) for k in store.listed()] == [
        True
    ] * 2


def test_what_is_printed_meanwhile_comes_from_nowhere(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Python's printing, that of libraries beneath it, and that of children."""
    with silenced():
        sys.stdout.write(CANARY)
        sys.stderr.write(CANARY)
        os.write(1, CANARY.encode())
        os.write(2, CANARY.encode())
        subprocess.run(["/bin/echo", CANARY], check=True)
    sys.stdout.write("after")
    os.write(2, b"wards")
    sys.stdout.flush()
    assert capfd.readouterr() == ("after", "wards")
