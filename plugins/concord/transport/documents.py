"""Reading just enough of a JSON answer to follow its protocol."""

import json
from collections.abc import Mapping
from typing import Any

from concord.exceptions import DataError
from concord.transport.problems import failed


class Document:
    """A JSON answer; whatever it lacks is named by key, never by value."""

    def __init__(self, feed: str, what: str, body: bytes) -> None:
        self._feed = feed
        self._what = what
        self._content = self._parse(body)

    def _parse(self, body: bytes) -> Any:
        """Parse JSON strictly: no NaN, no unreadable bytes, no bottomless nesting."""
        try:
            return json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self.problem("is not valid JSON") from None

    def problem(self, detail: str) -> DataError:
        """Make the error for an answer that does not follow the protocol."""
        return failed("PROTOCOL", self._feed, f"{self._what}: {detail}")

    def at(self, path: str) -> Any:
        """Return what stands at a dotted path; None where there is nothing."""
        found = self._content
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

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

    def items(self, path: str = "") -> list[Any]:
        """Return the list at a path, or the answer itself, which must be a list."""
        found = self.at(path) if path else self._content
        if not isinstance(found, list):
            raise self.problem(f"{path or 'the answer'} is not a list")
        return found


def _refuse(constant: str) -> None:
    """Refuse NaN and infinities, which are not JSON."""
    raise ValueError(constant)
