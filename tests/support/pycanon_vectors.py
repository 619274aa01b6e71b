"""Record what pycanon says of some synthetic tables, for the tests to hold us against.

    uv venv /tmp/oracle && uv pip install --python /tmp/oracle/bin/python pycanon
    /tmp/oracle/bin/python tests/support/pycanon_vectors.py

pycanon needs an older pandas than the project, so it has an environment of its own and
the project's tests read what it said. ``entropy_l`` is cut down to an integer there.
"""

import importlib.metadata
import json
import random
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "unit" / "disclosure" / "pycanon_vectors.json"
SEED = 20260105
# Rows, values of each quasi-identifier, values of the sensitive columns.
SHAPES = {
    "one column": (120, (4,), 3),
    "two columns": (200, (3, 2), 4),
    "rare classes": (150, (6, 5, 4), 5),
    "two values": (160, (5, 3), 2),
    "many values": (240, (3, 2), 24),
    "everybody unlike": (40, (40,), 6),
}


def table(rows: int, sizes: tuple[int, ...], values: int) -> list[list[Any]]:
    """Make a table in which small numbers are more frequent than large ones."""
    draw = random.Random(f"{SEED}:{rows}:{sizes}:{values}")
    return [
        [
            *(f"q{int(size * draw.random() ** 2)}" for size in sizes),
            f"s{int(values * draw.random() ** 1.5)}",
            10 * int(values * draw.random() ** 1.5),
        ]
        for _ in range(rows)
    ]


def said_of(rows: list[list[Any]], quasi: list[str]) -> dict[str, Any]:
    """Ask pycanon for every measure of a table."""
    import pandas as pd
    from pycanon import anonymity

    frame = pd.DataFrame(rows, columns=[*quasi, "word", "number"])
    of_values = {
        "l": anonymity.l_diversity,
        "entropy_l": anonymity.entropy_l_diversity,
        "t": anonymity.t_closeness,
        "delta": anonymity.delta_disclosure,
        "beta": anonymity.basic_beta_likeness,
    }
    said: dict[str, Any] = {"k": int(anonymity.k_anonymity(frame, quasi))}
    for column in ("word", "number"):
        said[column] = {
            name: float(ask(frame, quasi, [column])) for name, ask in of_values.items()
        }
    return said


def main() -> None:
    """Write the vectors."""
    cases = []
    for name, (rows, sizes, values) in SHAPES.items():
        quasi = [f"quasi_{number}" for number in range(len(sizes))]
        made = table(rows, sizes, values)
        said = said_of(made, quasi)
        cases.append({"name": name, "quasi": quasi, "rows": made, "said": said})
    made_by = f"pycanon {importlib.metadata.version('pycanon')}"
    text = json.dumps({"made_by": made_by, "seed": SEED, "cases": cases})
    TARGET.write_text(text.replace('{"name"', '\n{"name"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
