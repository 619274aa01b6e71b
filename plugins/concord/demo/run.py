"""`concord demo`: install nothing, leave nothing running, say what happened."""

import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from concord.demo import story
from concord.demo.launcher import Airflow, DemoFailed
from concord.exceptions import ConfigError
from concord.pipeline.scanning import TEMPORARY
from concord.scan_terminal import run_scan
from concord.settings import Settings
from concord.status import print_summary
from concord.zones import READABLE
from simulator.connections import airflow_connections
from simulator.servers import AgencyServers, set_night

MARKER = "demo"


def run_demo(settings: Settings, persons: int, seed: int, console: Console) -> None:
    """Run three nights through the scheduler and print what came of them.

    Raises:
        DemoFailed: A night ended otherwise than the story says, or the scan of all
            artefacts afterwards found somebody or did not see everybody.
        ConfigError: The data root holds something that is not a demo's.
    """
    began = time.monotonic()
    home = _fresh_home(settings.home)
    signal.signal(signal.SIGTERM, _interrupt)
    root = home / "county"
    if story.LEFT_OUT:
        console.print(
            f"Left out, as the simulator does not serve them: "
            f"{', '.join(story.LEFT_OUT)}"
        )
    with _progress(console) as progress:
        task = progress.add_task("making a county")

        def say(text: str) -> None:
            progress.update(task, description=text)

        story.write_county(root, persons, seed, say)
        set_night(root, story.NIGHTS[0])
        with AgencyServers(root, home / "agency_secrets") as servers:
            extra = {**airflow_connections(servers.state), **_concord(home)}
            with Airflow(home / "airflow", extra, say) as airflow:
                airflow.wait_for_dags(set(story.DAGS))
                for number, night in enumerate(story.NIGHTS):
                    prefix = f"night {number + 1} of 3 ({night})"
                    tell = partial(_tell, say, prefix)
                    story.run_night(airflow, root, number, tell)
                    console.print(f"[green]✓[/] {prefix}")
                say("stopping everything")
    print_summary(settings, console)
    canaries = root / "truth" / story.NIGHTS[-1].isoformat() / "canaries.json"
    if not run_scan(settings, (), canaries, console):
        raise DemoFailed("the scan for leaks is not clean: see above")
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s; nothing is left running."
    )


def _tell(say: Callable[[str], None], prefix: str, text: str) -> None:
    say(f"{prefix}: {text}")


def _fresh_home(home: Path) -> Path:
    """Empty the data root, if it is a demo's or nobody's."""
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise ConfigError(
            f"{home} holds data that are not a demo's. Set CONCORD_HOME to an empty "
            "folder"
        )
    shutil.rmtree(home, ignore_errors=True)
    (home / TEMPORARY).mkdir(parents=True)
    home.chmod(READABLE)
    (home / MARKER).touch()
    return home


def _concord(home: Path) -> dict[str, str]:
    """Return Concord's own settings for the demo's Airflow."""
    return {
        "CONCORD_HOME": str(home),
        "TMPDIR": str(home / TEMPORARY),  # so that the scan sees what is left there
        # Nights are started by the story alone, never by the clock.
        "CONCORD_SCHEDULE_FROM": "2100-01-01",
        "CONCORD_RETRIES": "1",
        "CONCORD_LATE_RETRIES": "1",
        "CONCORD_RETRY_SECONDS": "2",
    }


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


__all__ = ["DemoFailed", "run_demo"]
