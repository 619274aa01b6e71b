"""The synthetic agencies in a container: a new night every day, for as long as it runs.

Usage: simulate.py COUNTY AGENCIES. COUNTY takes what the agencies serve and the truth
about it; AGENCIES takes ``connections.json`` and the secrets that a client needs.
"""

import json
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator.connections import airflow_connections
from simulator.county import County
from simulator.servers import AgencyServers, set_night
from simulator.servers.state import write_secret

ZONE = ZoneInfo("America/Chicago")
PERSONS = 20_000
SEED = 7
SECONDS_BETWEEN_LOOKS = 60


def main(root: Path, agencies: Path) -> None:
    """Serve the county until the container stops."""
    county = County(SEED, PERSONS, first_night=_first_night(root))
    written = _write_up_to(county, root, _today(), already=-1)
    with AgencyServers(root, agencies / "secrets") as servers:
        found = airflow_connections(servers.state)
        named = {
            name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(connection)
            for name, connection in found.items()
        }
        write_secret(agencies, "connections.json", json.dumps(named).encode())
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            written = _write_up_to(county, root, _today(), already=written)


def _today() -> date:
    """Return the day it is in the county."""
    return datetime.now(ZONE).date()


def _first_night(root: Path) -> date:
    """Return the night of the full load: the day before the first start."""
    path = root / "first_night.txt"
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        path.write_text((_today() - timedelta(days=1)).isoformat())
    return date.fromisoformat(path.read_text())


def _write_up_to(county: County, root: Path, today: date, *, already: int) -> int:
    """Write the nights up to today and move the agencies' clock; return the last."""
    last = (today - county.first_night).days
    for night in range(already + 1, last + 1):
        county.write_night(root, night)
    set_night(root, today)
    return last


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
