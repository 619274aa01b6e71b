"""Starts workers in processes of their own, which end with the test."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from concord.settings import PROJECT

Worker = subprocess.Popen[str]
Start = Callable[..., Worker]


@contextmanager
def workers() -> Iterator[Start]:
    """Give a call that starts a worker, e.g. under ``("faketime", "+2h")``."""
    paths = os.pathsep.join((str(PROJECT / "plugins"), str(PROJECT)))

    def start(*arguments: object, under: tuple[str, ...] = ()) -> Worker:
        command = [*under, sys.executable, "-m", "tests.support.night_worker"]
        process = subprocess.Popen(
            [*command, *map(str, arguments)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        yield start
