"""Rows that failed, kept encrypted with the rules they broke; never in a report.

Each state of a feed has its own quarantine: the rows that wait as of that night, from
whichever night they came. It is made with the state and, like it, never changed.
"""

from collections.abc import Mapping

import pyarrow as pa

from concord.sealing import KeyRing, read_table, write_table
from concord.zones import Zones, appearing

ZONE = "quarantine"


class Quarantine:
    """Reads and writes the rows of one feed that wait in quarantine."""

    def __init__(self, zones: Zones, keys: KeyRing, feed: str) -> None:
        self.folder = zones.quarantine / feed
        self.key = keys.zone_key(ZONE)

    def write(self, state: str, waiting: Mapping[str, pa.Table]) -> None:
        """Keep the rows that wait as of a state, one file a table."""
        with appearing(self.folder / state) as folder:
            for name, table in waiting.items():
                if table.num_rows:
                    path = folder / f"{name}.parquet"
                    write_table(table, path, self.key, place=state)

    def read(self, state: str) -> dict[str, pa.Table]:
        """Return the rows that wait as of a state, by table."""
        paths = sorted((self.folder / state).glob("*.parquet"))
        return {path.stem: read_table(path, self.key) for path in paths}
