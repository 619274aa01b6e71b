"""How long the protection of public figures takes, and what it costs in accuracy.

``python -m benchmarks.auditing`` protects three tables of each of the five shapes and
of two with 500 cells, and prints a line for each.
"""

import time

from concord.disclosure.audit import audit
from concord.disclosure.cells import CellRule, show
from concord.disclosure.table_protection import protect_table
from tests.support.counted import SHAPES, uneven

LARGE = {"500 cells (20x25)": ((20, 25), 50), "500 cells (10x10x5)": ((10, 10, 5), 50)}
SEEDS = range(3)


def main() -> None:
    rule = CellRule()
    print("shape · withheld · unsafe at base 5 · exact after · error · audit s · all s")
    for name, (shape, mean) in {**SHAPES, **LARGE}.items():
        withheld, unsafe, exact, errors = 0, 0, 0, []
        slowest_audit = slowest = 0.0
        for seed in SEEDS:
            counts = uneven(shape, mean, seed)
            start = time.perf_counter()
            first = audit([show(counts, rule, 5)])
            slowest_audit = max(slowest_audit, time.perf_counter() - start)
            start = time.perf_counter()
            found = protect_table(counts, rule)
            slowest = max(slowest, time.perf_counter() - start)
            withheld += first.withheld
            unsafe += first.withheld - first.full
            exact += found.audit.exact + found.audit.withheld - found.audit.full
            errors += [found.mean_error] if found.base == 5 else []
        error = f"{sum(errors) / len(errors):.2f}" if errors else "–"
        print(
            f"{name} · {withheld} · {unsafe} · {exact} · {error} · "
            f"{slowest_audit:.2f} · {slowest:.2f}"
        )


if __name__ == "__main__":
    main()
