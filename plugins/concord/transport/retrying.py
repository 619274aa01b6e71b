"""How often a visit asks again and how long it waits: politely, and not for ever."""

from collections.abc import Callable
from typing import Any, Self

import requests
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import InvalidHeader

from concord.transport.specs import HttpSpec

BUSY = (429, 502, 503, 504)


class PoliteRetry(Retry):
    """Waits as the server asks, but never past the visit's deadline.

    A ``Retry-After`` that nobody can read counts as none.
    """

    def __init__(
        self, *args: Any, remaining: Callable[[], float], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._remaining = remaining

    def new(self, **changes: Any) -> Self:
        """Return the policy for the next try."""
        return super().new(remaining=self._remaining, **changes)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds that the server asks for, if it asks for any."""
        try:
            wanted = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return wanted and min(wanted, self._remaining())


class RetryBudget:
    """All the tries that one visit may add, so that a bad night ends in time."""

    def __init__(self, spec: HttpSpec, remaining: Callable[[], float]) -> None:
        self._spec = spec
        self._left = spec.retry_budget
        self._remaining = remaining

    def policy(self) -> PoliteRetry:
        """Return how one request may be tried again."""
        retries, pause = min(self._spec.retries, self._left), self._spec.backoff_seconds
        return PoliteRetry(
            total=retries,
            connect=min(2, retries),
            read=min(2, retries),
            redirect=False,
            status_forcelist=BUSY,
            allowed_methods=("GET", "DELETE"),
            backoff_factor=pause,
            backoff_jitter=pause,
            raise_on_status=False,
            retry_after_max=self._spec.retry_after_max_seconds,
            remaining=self._remaining,
        )

    def spent(self, response: requests.Response) -> None:
        """Subtract the tries that a response took."""
        retries = response.raw.retries
        self._left -= len(retries.history) if retries is not None else 0

    def take(self) -> bool:
        """Take one try; false where none is left."""
        self._left -= 1
        return self._left >= 0
