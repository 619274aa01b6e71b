"""Protects tables of counts: withhold small counts, round the rest, audit, coarsen.

What the audit finds unsafe is rounded more roughly, then summed over its finest
dimension, and so on, until nothing can be reckoned back. Tables that count the same
persons are protected together, because each tells something about the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from concord.disclosure.audit import Audit, audit
from concord.disclosure.cells import CellRule, Shown, mean_error, show
from concord.disclosure.counts import Counts


@dataclass(frozen=True)
class Protected:
    """Tables as they may be shown, what it took, and what it cost.

    ``steps`` says what was tried in vain and what was done then. ``mean_error`` is for
    who judges the rule: published beside a small table it would narrow its counts.
    """

    tables: tuple[Shown, ...]
    audit: Audit
    base: int
    steps: tuple[str, ...]
    mean_error: float

    def summary(self) -> dict[str, object]:
        """Return the protection as a manifest and a report show it."""
        rule = self.tables[0].rule
        return {
            "threshold": rule.threshold,
            "base": self.base,
            "steps": list(self.steps),
            "audit": self.audit.summary(),
        }


def protect_table(counts: Counts, rule: CellRule) -> Protected:
    """Protect one table; see ``protect_tables``."""
    return protect_tables([counts], rule)


def protect_tables(tables: Sequence[Counts], rule: CellRule) -> Protected:
    """Protect tables that count the same persons until the audit finds nothing.

    It always ends: of the total alone nothing but its own interval is known.
    """
    steps: list[str] = []
    while True:
        for base in rule.bases:
            shown = tuple(show(table, rule, base) for table in tables)
            found = audit(shown, hurried=True)
            if found.safe:
                errors = map(mean_error, tables, shown)
                error = sum(errors) / len(tables)
                return Protected(shown, found, base, tuple(steps), error)
            steps.append(f"unsafe rounded to {base}")
        tables = _coarser(tables, steps)


def _coarser(tables: Sequence[Counts], steps: list[str]) -> list[Counts]:
    """Sum the largest table over its finest dimension."""
    largest = max(range(len(tables)), key=lambda n: tables[n].cells.size)
    finest = tables[largest].dimensions[-1]
    steps.append(f"{tables[largest].name} summed over {finest.name}")
    return [
        table.without_finest() if n == largest else table
        for n, table in enumerate(tables)
    ]
