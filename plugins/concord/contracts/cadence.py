"""The nights on which a feed is due: those that its contract's cron names."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from croniter import croniter

FIELDS = 5
EVERY = "*"
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Cadence:
    """When a delivery is due, and how many nights it may take before it is late."""

    cron: str
    grace_days: int = 0

    @property
    def nightly_cron(self) -> str:
        """Return the cron that looks every night: what is overdue may come on any."""
        minute, hour, *_ = self.cron.split()
        return f"{minute} {hour} * * *"

    @property
    def every_night(self) -> bool:
        """Say whether something is due every night."""
        return self.cron.split()[2:] == [EVERY] * 3

    def due_after(self, night: date) -> date:
        """Return the first due night after one."""
        due: datetime = self._days(night).get_next(datetime)
        return due.date()

    def last_due(self, night: date) -> date:
        """Return the newest due night up to one, itself included."""
        due: datetime = self._days(night + timedelta(days=1)).get_prev(datetime)
        return due.date()

    def due_nights(self, after: date, until: date) -> int:
        """Count the due nights after one, up to another and including it."""
        count = 0
        while (after := self.due_after(after)) <= until:
            count += 1
        return count

    def several_a_week(self, night: date) -> bool:
        """Say whether a feed is due so often that its weekdays can be told apart."""
        return self.every_night or self.due_nights(night - WEEK, night) > 1

    def lag(self, newest: date | None, night: date) -> int:
        """Return for how many nights a feed owes a delivery; 0 between deliveries.

        Args:
            newest: The night of its newest good data; None if it never had any.
            night: The night as of which is asked.
        """
        owed = self.last_due(night) if newest is None else self.due_after(newest)
        return max(0, (night - owed).days + 1)

    def is_late(self, newest: date | None, night: date) -> bool:
        """Say whether a feed owes a delivery for longer than its grace."""
        return self.lag(newest, night) > self.grace_days

    def _days(self, start: date) -> "croniter":
        """Walk the due nights from one; without a clock, so without a time zone."""
        days = " ".join(self.cron.split()[2:])
        return croniter(f"0 0 {days}", datetime.combine(start, time.min))


def checked_cron(cron: str) -> str:
    """Return a cron that names nights; raises ValueError for any other."""
    fields = cron.split()
    if len(fields) != FIELDS or not croniter.is_valid(cron):
        raise ValueError("is no cron of five fields: minute, hour, day, month, weekday")
    if not (fields[0].isdigit() and fields[1].isdigit()):
        raise ValueError("names several times a night: minute and hour are numbers")
    try:
        Cadence(cron).due_after(date(2000, 1, 1))
    except ValueError as error:
        raise ValueError("names a night that no year has") from error
    return cron
