"""The table of faults in docs/reference/faults.md, made from the tests that raise them.

    python -m tests.support.fault_table > docs/reference/faults.md

A test of a fault carries ``@pytest.mark.fault("T5", code="HOST_KEY_CHANGED",
outcome="refused")`` and says in the first line of its docstring what goes wrong and
what comes of it.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FAMILIES = {
    "T": ("Transport", 36, "what an agency's server or the network can do"),
    "F": ("Files and values", 40, "what can stand in a delivery"),
    "R": ("Time and restatement", 12, "what nights can do to one another"),
}
OUTCOMES = {
    "accepted": "the delivery goes through, every row counted",
    "counted": "single rows or values are set aside and counted",
    "waits": "asked again within the night, then late",
    "refused": "nothing is taken; the feed is late and says why",
    "held": "landed and kept; last good data are carried forward",
}
HEAD = """# Faults

<!-- Made by `python -m tests.support.fault_table`; a test keeps it current. -->

What can go wrong with a feed, what Concord does about it, and the test that raises it
for real. In every case nothing that arrived is lost, no value of a row stands in an
error, and no half a file stands under a final name. Codes are explained in
[errors](errors.md).
"""


@dataclass(frozen=True)
class FaultTest:
    """One test of one fault."""

    fault: str
    code: str
    outcome: str
    summary: str
    path: str
    test: str

    @property
    def place(self) -> tuple[str, int, str]:
        """Return where the test stands in the table."""
        return self.fault[0], int(self.fault[1:]), self.test


def fault_tests() -> list[FaultTest]:
    """Return every test that is marked with a fault, in the order of the table."""
    files = sorted((PROJECT / "tests" / "faults").glob("test_*.py"))
    found = [test for path in files for test in _marked(path)]
    return sorted(found, key=lambda test: test.place)


def known_faults() -> list[str]:
    """Return the number of every fault in the catalogue."""
    return [
        f"{letter}{number}"
        for letter, (_, count, _) in FAMILIES.items()
        for number in range(1, count + 1)
    ]


def table() -> str:
    """Return the page."""
    tests = fault_tests()
    parts = [HEAD, "| outcome | means |", "|---|---|"]
    parts += [f"| {name} | {meaning} |" for name, meaning in OUTCOMES.items()]
    for letter, (title, _, summary) in FAMILIES.items():
        parts += ["", f"## {title}", "", f"{summary.capitalize()}.", ""]
        parts += ["| # | fault | outcome | code | test |", "|---|---|---|---|---|"]
        parts += [_row(test) for test in tests if test.fault[0] == letter]
    return "\n".join(parts) + "\n"


def _row(test: FaultTest) -> str:
    code = f"`{test.code}`" if test.code else ""
    summary = test.summary.replace("|", "\\|")
    link = f"[{test.test}](../../{test.path})"
    return f"| {test.fault} | {summary} | {test.outcome} | {code} | {link} |"


def _marked(path: Path) -> Iterator[FaultTest]:
    where = path.relative_to(PROJECT).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".fault"):
                named = {k.arg: ast.literal_eval(k.value) for k in mark.keywords}
                summary = (ast.get_docstring(node) or "").split("\n")[0]
                yield FaultTest(
                    fault=ast.literal_eval(mark.args[0]),
                    code=named.get("code", ""),
                    outcome=named["outcome"],
                    summary=summary.rstrip("."),
                    path=where,
                    test=node.name,
                )


if __name__ == "__main__":
    sys.stdout.write(table())
