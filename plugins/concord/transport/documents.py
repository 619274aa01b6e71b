"""Reading just enough of a JSON answer to follow its protocol."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from concord.exceptions import DataError
from concord.transport.problems import failed

DEEPEST = 100


class Document:
    """A JSON answer; whatever it lacks is named by key, never by value."""

    def __init__(self, feed: str, what: str, body: bytes) -> None:
        self._feed = feed
        self._what = what
        self._content = self._parse(body)

    def _parse(self, body: bytes) -> Any:
        """Parse JSON strictly: no NaN, no key twice, no bottomless nesting."""
        try:
            content = json.loads(
                body, parse_constant=_refuse, object_pairs_hook=_only_once
            )
        except _Twice:
            reason = "has an object with the same key twice"
        except (ValueError, RecursionError):
            reason = "is not valid JSON"
        else:
            if not _is_deep(content):
                return content
            reason = f"is nested more than {DEEPEST} levels deep"
        raise self.problem(reason)

    def problem(self, detail: str) -> DataError:
        """Make the error for an answer that does not follow the protocol."""
        return failed("PROTOCOL", self._feed, f"{self._what}: {detail}")

    def at(self, path: str) -> Any:
        """Return what stands at a dotted path; None where there is nothing."""
        return _at(self._content, path)

    def text(self, path: str) -> str:
        """Return the text at a path, which must be there."""
        found = self.at(path)
        if not isinstance(found, str) or not found:
            raise self.problem(f"{path} is missing")
        return found

    def number(self, path: str) -> int:
        """Return the whole number at a path, which must be there."""
        found = self.at(path)
        if not isinstance(found, int) or isinstance(found, bool) or found < 0:
            raise self.problem(f"{path} is not a count")
        return found

    def count(self, told: str | None, name: str) -> int:
        """Return the whole number that a header of the answer holds."""
        if told is None or not (told.isascii() and told.isdigit()):
            raise self.problem(f"header {name} is not a count")
        return int(told)

    def texts(self, items: list[Any], path: str) -> list[str]:
        """Return the text or number at a path of every item, which must be there."""
        found = [_at(item, path) for item in items]
        if not all(isinstance(value, str | int) for value in found):
            raise self.problem(f"a row has no {path}")
        return [str(value) for value in found]

    def items(self, path: str = "") -> list[Any]:
        """Return the list at a path, or the answer itself, which must be a list."""
        found = self.at(path) if path else self._content
        if not isinstance(found, list):
            raise self.problem(f"{path or 'the answer'} is not a list")
        return found


def _at(found: Any, path: str) -> Any:
    """Return what stands at a dotted path below a value."""
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _refuse(constant: str) -> None:
    """Refuse NaN and infinities, which are not JSON."""
    raise ValueError(constant)


class _Twice(ValueError):
    """A key stands twice in one object, so that its value depends on the reader."""


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, each of which must be there once."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Twice
    return members


def _is_deep(content: Any) -> bool:
    """Say whether lists and objects stand deeper in one another than is allowed."""
    level = [content]
    for _ in range(DEEPEST + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(outer: Any) -> Iterable[Any]:
    """Return what a list or object holds."""
    if isinstance(outer, dict):
        return outer.values()
    return outer if isinstance(outer, list) else ()
