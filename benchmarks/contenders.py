"""One contender in a process of its own, so that its memory and its CPU are its own.

``python -m benchmarks.contenders NAME SERVED RESULT`` runs it; ``night.py`` calls it.
"""

import sys
from pathlib import Path

from benchmarks.measuring import Figures
from benchmarks.served import open_served

NAMES = ("concord", "bound", "stock", "parts")


def main(name: str, index: Path, result: Path) -> None:
    """Run a contender and write what it measured."""
    figures = Figures(name)
    served = open_served(index)
    home = served.root / "home"
    if name == "concord":
        with figures.stage("imports"):
            import great_expectations
            import splink

            from benchmarks import concord_way
        concord_way.run(served, home, figures)
    elif name == "bound":
        with figures.stage("imports"):
            from benchmarks import bound
        bound.run(served, home, served.root / "bound", figures)
    elif name == "stock":
        with figures.stage("imports"):
            import great_expectations  # noqa: F401
            import splink  # noqa: F401

            from benchmarks import stock
        stock.run(served, served.root / "stock", figures)
    else:
        from benchmarks import parts

        parts.run(served, home, figures)
    figures.save(result)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
