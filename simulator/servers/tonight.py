"""Which fault a feed's server shows tonight, and how far it has got with it."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from simulator.faults import trouble_of
from simulator.servers.nights import current_night


class Tonight:
    """The fault of the night it is; what it remembers is forgotten with the night."""

    def __init__(self, root: Path, feed: str) -> None:
        self._root = root
        self.feed = feed
        self._night: date | None = None
        self._number = ""
        self._counts: Counter[str] = Counter()
        self.kept: dict[str, Any] = {}

    @property
    def number(self) -> str:
        """Return the number of tonight's fault; empty on a good night."""
        night = current_night(self._root)
        number = trouble_of(self._root, self.feed, night)
        if (night, number) != (self._night, self._number):
            self._night, self._number = night, number
            self._counts.clear()
            self.kept.clear()
        return self._number

    def count(self, what: str) -> int:
        """Count something; returns how often it has happened tonight."""
        self._counts[what] += 1
        return self._counts[what]
