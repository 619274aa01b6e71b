"""Answers of an HTTP system written out in a test, and what came of them."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from concord.exceptions import DataError, TransportError

CANARY = "Zyxwvut"
PAGE = {
    "data": [{"name": CANARY}],
    "paging": {"total": 1, "next": None},
    "as_of": "2026-01-05",
}
Answer = Response | Callable[[], Response | None] | None


class Script:
    """Answers the n-th page request with the n-th entry; None lets it pass."""

    def __init__(self, *answers: Answer, then: Answer = None) -> None:
        self.answers = list(answers)
        self.then = then
        self.requests: list[Request] = []

    def __call__(self, feed: str, request: Request) -> Response | None:
        if not request.url.path.startswith("/api/"):
            return None
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else self.then
        return answer if isinstance(answer, Response | None) else answer()


def page(**changes: Any) -> JSONResponse:
    """Make a page as the probation office writes one."""
    return JSONResponse({**PAGE, **changes})


def failure(
    fetch: Callable[..., Any],
    script: Callable[..., Any],
    kind: type[DataError] = TransportError,
    **spec: Any,
) -> DataError:
    """Return the error of a fetch, which tells no value of a row anywhere."""
    with pytest.raises(kind) as caught:
        fetch(script, **spec)
    told: BaseException | None = caught.value
    while told is not None:
        assert CANARY not in f"{told!r} {told} {vars(told)}"
        told = told.__context__
    return caught.value
