"""How a FHIR server misbehaves on a night with a fault."""

import gzip
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from simulator.servers.asked import INSIDE, Asked, Trouble, changed, instead, status


def _gzip(change: Callable[[bytes], bytes]) -> Trouble:
    """Change the bytes of every body that is sent in gzip, and send all in gzip."""

    def packed(_asked: Asked, response: Response) -> Response:
        body = bytes(response.body)
        if response.headers.get("content-encoding") != "gzip":
            body = gzip.compress(body)
        headers = {**response.headers, "content-encoding": "gzip"}
        headers.pop("content-length", None)
        return Response(change(body), response.status_code, headers)

    return changed(packed)


def _manifest(change: Callable[[Any, str], None]) -> Trouble:
    """Change the manifest of an export."""

    async def trouble(asked: Asked) -> Response:
        if not asked.is_status:
            return await asked.answer()

        def changed(told: Any) -> Any:
            change(told, str(asked.request.url))
            return told

        return await asked.document(changed)

    return trouble


def _loop(told: Any, own: str) -> None:
    told["link"] = [{"relation": "next", "url": own}]


def _inside(told: Any, _own: str) -> None:
    for file in told["output"]:
        file["url"] = INSIDE


def _fewer(told: Any, _own: str) -> None:
    for file in told["output"]:
        file["count"] += 1


def _ahead(told: Any, _own: str) -> None:
    at = datetime.fromisoformat(told["transactionTime"]) + timedelta(hours=2)
    told["transactionTime"] = at.isoformat()


def _report(told: Any, own: str) -> None:
    told["error"] = [{"type": "OperationOutcome", "url": f"{own}/outcomes.ndjson"}]


async def _reported(asked: Asked) -> Response:
    if asked.path.endswith("/outcomes.ndjson"):
        issue = {"severity": "error", "code": "exception", "diagnostics": "a secret"}
        line = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
        return Response(line + "\n", media_type="application/fhir+ndjson")
    return await _manifest(_report)(asked)


async def _never_ready(asked: Asked) -> Response:
    if asked.is_status:
        return Response(status_code=202, headers={"Retry-After": "1"})
    return await asked.answer()


TROUBLES: Mapping[str, Trouble] = {
    "T12": _gzip(lambda body: body[:-9]),
    "T13": _gzip(lambda body: body[:-8] + bytes([body[-8] ^ 1]) + body[-7:]),
    "T23": _manifest(_loop),
    "T24": _manifest(_inside),
    "T28": _never_ready,
    "T29": instead(lambda _n: status(410), times=1),
    "T30": _reported,
    "T33": _manifest(_fewer),
    "R10": _manifest(_ahead),
}
