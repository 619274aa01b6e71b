"""Publish in processes that kill themselves at the first, second, … system call.

Run as ``python -m tests.support.killed_publisher <home> <cases> <night>``: copies the
data root ``home`` to ``cases/001``, ``cases/002``, … and publishes the night in each,
in a child that sends itself SIGKILL just before or after the N-th call that changes
what others see. Stops after the first child that lives through it.
"""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.releases import publish_night

BEFORE_AND_AFTER = ("rename", "replace", "symlink", "write")
AFTER = ("fsync", "mkdir")


def arm(fatal: int) -> None:
    """Make the N-th moment among the watched calls the last one."""
    moments = itertools.count(1)

    def moment() -> None:
        if next(moments) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(call: Callable[..., Any], before: bool) -> Callable[..., Any]:
        def wrapper(*args: Any, **options: Any) -> Any:
            if before:
                moment()
            result = call(*args, **options)
            moment()
            return result

        return wrapper

    for name in (*BEFORE_AND_AFTER, *AFTER):
        setattr(os, name, watched(getattr(os, name), name in BEFORE_AND_AFTER))


def main(home: Path, cases: Path, night: int) -> None:
    """Run one child for each moment at which publishing can be killed."""
    for fatal in itertools.count(1):
        case = cases / f"{fatal:03}"
        shutil.copytree(home, case, symlinks=True)
        child = os.fork()
        if child == 0:
            arm(fatal)
            publish_night(case / "releases", night)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
        if os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"child {fatal} ended with signal {os.WTERMSIG(status)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
