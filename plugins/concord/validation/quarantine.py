"""Rows that failed, kept encrypted with the rules they broke; never in a report."""

from collections.abc import Mapping

import pyarrow as pa

from concord.sealing import KeyRing, write_table
from concord.zones import Zones, appearing


def keep(
    zones: Zones, keys: KeyRing, delivery_id: str, failed: Mapping[str, pa.Table]
) -> None:
    """Write a delivery's failed rows, one file a table, each with its rule ids."""
    feed, night, digest = delivery_id.split(":")
    folder_name = f"{night}-{digest}"
    with appearing(zones.quarantine / feed / folder_name) as folder:
        for name, table in failed.items():
            if table.num_rows:
                write_table(
                    table,
                    folder / f"{name}.parquet",
                    keys.zone_key("quarantine"),
                    place=folder_name,
                )
