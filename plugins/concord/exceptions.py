"""Every error Concord raises.

ConcordError
├── ConfigError               a file of ours is wrong: shows the value, file, line
│   ├── ContractError         contract, agreement, code list or release profile
│   ├── ConfigErrors          several of these, found in one go
│   ├── SuiteError            an expectation suite
│   └── KeyCustodyError       a key is missing, short or readable by others
├── DataError                 an agency's data: code, feed, remedy; never a value
│   ├── TransportError        the agency's system refused, stalled or lied
│   ├── DeliveryNotReady      nothing has been delivered for the night yet
│   ├── DeliveryHeld          the delivery is in doubt and waits for a person
│   ├── FeedLocked            another run is at work on the feed's night
│   ├── LockLost              a newer run has taken over; the write was refused
│   └── AgreementRefused      no agreement permits this feed on this night
├── LinkageError              linkage stopped before it could merge strangers
├── GateRefused               a release may not go that way, or not yet
├── DisclosureRefused         a release failed a disclosure check
│   └── RiskRefused           people in it would be too easy to recognise
├── NothingDue                nothing is to be published; what is out stays
├── SealedError               a step that sees identities failed; the steward knows why
└── IntegrityError            something stored is not what was stored
"""

from collections.abc import Mapping, Sequence

NOT_KEPT = "not kept"


class ConcordError(Exception):
    """Base of every error that Concord raises on purpose."""


class ConfigError(ConcordError):
    """A configuration file is wrong; the message shows file, line and value."""


class ContractError(ConfigError):
    """A contract, agreement, code list or release profile is wrong."""


class ConfigErrors(ContractError):
    """Several mistakes in files of ours, found in one go; a line for each."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, errors)))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes."""
        return (type(self), (self.errors,))


class SuiteError(ConfigError):
    """An expectation suite is wrong."""


class KeyCustodyError(ConfigError):
    """A key is missing, too short, or readable by others."""


class DataError(ConcordError):
    """Something is wrong with an agency's data or system.

    The message holds code, feed, detail and remedy. It must never hold the value
    of a cell: details name files, tables, columns, rules, lines and counts only.
    """

    def __init__(
        self,
        code: str,
        *,
        feed: str,
        detail: str,
        remedy: str,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self.code = code
        self.feed = feed
        self.detail = detail
        self.remedy = remedy
        self.counts = dict(counts or {})
        super().__init__(f"{code} · {feed}: {detail}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes with every field."""
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[DataError], state: dict[str, object]) -> DataError:
    """Make a DataError again from its fields."""
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(
        error, f"{error.code} · {error.feed}: {error.detail}. {error.remedy}"
    )
    return error


class TransportError(DataError):
    """The agency's system could not be reached, refused, stalled or lied."""


class DeliveryNotReady(DataError):
    """The agency has not delivered anything for the night yet."""


class DeliveryHeld(DataError):
    """A whole delivery is in doubt; last good data is carried forward."""


class FeedLocked(DataError):
    """Another run is at work on the feed's night."""


class LockLost(DataError):
    """A newer run has taken over the feed's night; the write was refused."""


class AgreementRefused(DataError):
    """No agreement in force permits this feed on this night."""


class _Coded(ConcordError):
    """An error with a code and a remedy; its message never holds a row's value."""

    def __init__(self, code: str, detail: str, remedy: str) -> None:
        self.code = code
        self.detail = detail
        self.remedy = remedy
        super().__init__(f"{code}: {detail}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes."""
        return (type(self), (self.code, self.detail, self.remedy))


class LinkageError(_Coded):
    """Linkage stopped because its result could merge strangers."""


class GateRefused(_Coded):
    """The release gate stays shut: the step is not allowed, or not by this person."""


class DisclosureRefused(ConcordError):
    """A release failed a disclosure check and was not published."""


class RiskRefused(DisclosureRefused):
    """People in a release would be too easy to recognise; it was not published.

    The message holds a code, names of columns and counts, never a value.
    """

    def __init__(self, code: str, detail: str, remedy: str) -> None:
        self.code = code
        self.detail = detail
        self.remedy = remedy
        super().__init__(f"{code}: {detail}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes."""
        return (type(self), (self.code, self.detail, self.remedy))


class NothingDue(ConcordError):
    """There is nothing to publish on this night; the last release stays current."""


class IntegrityError(ConcordError):
    """A stored file is not what its receipt or manifest says."""


class SealedError(ConcordError):
    """A step that sees identities failed in a way that has no code of its own."""

    def __init__(self, step: str, kind: str, number: str) -> None:
        self.step = step
        self.kind = kind
        self.number = number
        remedy = f"The steward reads it with: concord errors show {number}"
        if number == NOT_KEPT:
            remedy = "Its text could not be kept: see that the key of errors is there"
        super().__init__(f"{step}: {kind}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes."""
        return (type(self), (self.step, self.kind, self.number))
