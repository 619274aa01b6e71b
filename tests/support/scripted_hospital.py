"""A hospital whose answers a test writes, in front of the simulator's own."""

from starlette.responses import JSONResponse, Response

NDJSON = "application/fhir+ndjson"
CANARY = "Zyxwvut"
ONE = '{"resourceType": "Patient", "id": "Zyxwvut"}'


class Hospital:
    """Replaces the answers of an export, and records what was asked.

    An answer is a function of the request; None lets the simulator answer.
    """

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, feed, request):
        if feed != "hospital":
            return None
        self.asked.append(request)
        answer = self.answers.get(self.kind(request))
        return answer(request) if callable(answer) else None

    @staticmethod
    def kind(request):
        parts = request.url.path.strip("/").split("/")
        if parts[-1] == "$export":
            return "export"
        if request.method != "GET":
            return request.method.lower()
        if parts[:2] == ["fhir", "exports"]:
            return "file" if len(parts) == 4 else "status"
        return parts[-1]

    def count(self, kind):
        return sum(self.kind(request) == kind for request in self.asked)

    def of(self, kind):
        return [request for request in self.asked if self.kind(request) == kind]


def manifest(**changes):
    """Answer polls with a manifest of one Patient file, changed as told."""

    def answer(request):
        url = f"{request.url}/one"
        content = {
            "transactionTime": "2026-01-05T02:00:00-06:00",
            "requiresAccessToken": True,
            "output": [{"type": "Patient", "url": url, "count": 1}],
        }
        for key, value in changes.items():
            content[key] = value(url) if callable(value) else value
        return JSONResponse({k: v for k, v in content.items() if v != "absent"})

    return answer


def ndjson(*lines, **headers):
    """Answer with lines of NDJSON."""
    body = "".join(line + "\n" for line in lines)
    return lambda _request: Response(body, media_type=NDJSON, headers=headers)


def once(*answers):
    """Answer with each once, and then as the simulator would."""
    left = list(answers)
    return lambda request: left.pop(0)(request) if left else None


def status(code, **headers):
    """Answer with an empty body."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _request: Response(status_code=code, headers=named)
