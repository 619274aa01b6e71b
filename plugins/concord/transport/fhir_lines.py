"""Looking at the lines of a FHIR file as they pass: how many, and of which type."""

import json
import re

from concord.transport.streams import RecordCounter

HEAD = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"\s*[,}]')
LONGEST = 1 << 20


class ResourceLines(RecordCounter):
    """Counts lines, and those that hold a resource of another type than told.

    A line that is no JSON object is left to whoever reads it: it is set aside there.
    Servers write the type first, so few lines have to be read whole.
    """

    def __init__(self, type_: str) -> None:
        super().__init__("lines")
        self._type = type_.encode()
        self._rest = b""
        self._strays = 0
        self._usual = b"\n"  # how lines of the right type have begun; no line does so

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        super().feed(chunk)
        *ended, rest = chunk.split(b"\n")
        if ended:
            self._strays += self._is_stray(self._rest + ended[0])
            self._strays += sum(map(self._is_stray, ended[1:]))
            self._rest = b""
        self._rest += rest[: max(0, LONGEST - len(self._rest))]

    @property
    def strays(self) -> int:
        """Return how many lines are of another type, a last unfinished one included."""
        return self._strays + self._is_stray(self._rest)

    def _is_stray(self, line: bytes) -> bool:
        """Say whether a line holds a resource of another type, or of none."""
        if line.startswith(self._usual):
            return False
        if head := HEAD.match(line):
            right = head[1] == self._type
            self._usual = head[0] if right else self._usual
            return not right
        try:
            resource = json.loads(line)
        except (ValueError, RecursionError):
            return False
        return (
            isinstance(resource, dict)
            and str(resource.get("resourceType")).encode() != self._type
        )
