"""Errors of steps that see identities: value-free outside, whole for the steward.

What engines say of data quotes values, and so may whatever an error was raised from.
A sealed step lets out errors of Concord's own, which can't hold a value, cut off from
what led to them; of all others it tells the kind alone. What was cut off is encrypted
to the steward, who reads it with ``concord errors show``.
"""

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pyrage

from concord.exceptions import (
    NOT_KEPT,
    ConcordError,
    ConfigError,
    IntegrityError,
    SealedError,
)
from concord.sealing import KeyRing
from concord.settings import new_key
from concord.zones import write_bytes

T = TypeVar("T")
AT = "%Y%m%dT%H%M%SZ"
NUMBER_DIGITS = 12
PRINTED = (1, 2)  # standard output and standard error


@dataclass(frozen=True)
class KeptError:
    """What may be told of an error that was kept: nothing from its text."""

    number: str
    at: datetime
    step: str
    kind: str
    path: Path


class ErrorStore:
    """The folder of sealed errors; whoever writes to it can't read it back."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self.folder = folder
        self.keys = keys

    def keep(self, step: str, error: BaseException, at: datetime) -> str:
        """Encrypt an error, with all that led to it, to the steward; names it."""
        text = "".join(traceback.format_exception(error))
        recipient = self.keys.steward_recipient()
        sealed = pyrage.encrypt(text.encode(errors="backslashreplace"), [recipient])
        number = new_key()[:NUMBER_DIGITS]
        name = f"{at.strftime(AT)}.{step}.{type(error).__name__}.{number}.age"
        write_bytes(self.folder / name, sealed, mode=0o600)
        return number

    def listed(self) -> list[KeptError]:
        """List what is kept, the oldest first."""
        return [_described(path) for path in sorted(self.folder.glob("*.age"))]

    def read(self, number: str, identity: Path | None = None) -> str:
        """Decrypt one with the steward's key, from the ring or from a file.

        Raises:
            ConfigError: None of this number is kept.
            IntegrityError: It was damaged, or written to another steward's key.
        """
        paths = list(self.folder.glob(f"*.{number}.age")) if number.isalnum() else []
        if not paths:
            raise ConfigError(f"no error '{number}' is kept. See: concord errors list")
        key = self.keys.steward_identity(identity)
        try:
            return bytes(pyrage.decrypt(paths[0].read_bytes(), [key])).decode()
        except pyrage.DecryptError:
            pass
        raise IntegrityError(
            f"{paths[0].name}: does not open with this key; it was damaged or is "
            "for another steward"
        )

    def forget(self, before: datetime) -> int:
        """Delete what was kept before a moment; returns how many there were."""
        old = [kept for kept in self.listed() if kept.at < before]
        for kept in old:
            kept.path.unlink()
        return len(old)


def _described(path: Path) -> KeptError:
    moment, step, kind, number = path.stem.split(".", 3)
    at = datetime.strptime(f"{moment}+0000", f"{AT}%z")
    return KeptError(number, at, step, kind, path)


def run_sealed(
    step: str,
    call: Callable[[], T],
    keep: Callable[[str, BaseException], str],
    passing: tuple[type[BaseException], ...] = (),
) -> T:
    """Run a step; what it raises holds no value of the data and leads to none.

    Args:
        step: The step's name, for the steward.
        call: The step.
        keep: Keeps an error for the steward and returns its number.
        passing: Errors besides Concord's own that are known to hold no value.
    """
    try:
        return call()
    except BaseException as error:
        outside = _outside(step, error, keep, passing)
    raise outside  # outside the block: nothing leads from it to the other


@contextmanager
def silenced() -> Iterator[None]:
    """Let nothing that is printed out of the process: engines may print rows.

    Printing from Python and from the libraries beneath it goes nowhere meanwhile; logs
    have a way of their own.
    """
    kept = [os.dup(descriptor) for descriptor in PRINTED]
    with Path(os.devnull).open("w") as nowhere:
        for descriptor in PRINTED:
            os.dup2(nowhere.fileno(), descriptor)
        try:
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                yield
        finally:
            for copy, descriptor in zip(kept, PRINTED, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)


def _outside(
    step: str,
    error: BaseException,
    keep: Callable[[str, BaseException], str],
    passing: tuple[type[BaseException], ...],
) -> BaseException:
    """Return what may be told of an error; the rest is kept for the steward."""
    known = isinstance(error, (ConcordError, KeyboardInterrupt, *passing)) or (
        isinstance(error, SystemExit) and isinstance(error.code, int | None)
    )
    if known and error.__cause__ is None and error.__context__ is None:
        return _alone(error)
    try:
        number = keep(step, error)
    except Exception:  # the step's own failure must be told whatever else fails
        number = NOT_KEPT
    return _alone(error) if known else SealedError(step, type(error).__name__, number)


def _alone(error: BaseException) -> BaseException:
    """Cut an error off from what led to it and from what was noted on it."""
    error.__cause__ = error.__context__ = None
    vars(error).pop("__notes__", None)
    return error.with_traceback(None)
