"""The agencies' token endpoints: who may log in, and which tokens are good."""

import hmac
import secrets
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 300
Handler = Callable[[Request], Awaitable[Response]]


class Tokens:
    """Bearer tokens that were granted and have not expired."""

    def __init__(
        self, seconds: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._good_until: dict[str, float] = {}
        self.granted = 0

    def grant(self) -> Response:
        """Answer a login with a fresh token."""
        token = secrets.token_urlsafe(32)
        self._good_until[token] = self._clock() + self._seconds
        self.granted += 1
        body = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self._seconds,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    def revoke_all(self) -> None:
        """Forget every token, as a restarted server would."""
        self._good_until.clear()

    def accept(self, request: Request) -> bool:
        """Say whether a request carries a token that is good."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        until = self._good_until.get(token, 0.0)
        return kind.lower() == "bearer" and until > self._clock()

    def guard(self, handler: Handler) -> Handler:
        """Answer 401 unless a request carries a good token."""

        async def guarded(request: Request) -> Response:
            if not self.accept(request):
                headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
                return refusal("invalid_token", 401, headers)
            return await handler(request)

        return guarded


class ClientSecretLogin:
    """Client credentials with a shared secret, as HTTP Basic or form fields."""

    def __init__(self, client_id: str, secret: str, tokens: Tokens) -> None:
        self._client_id = client_id
        self._secret = secret
        self._tokens = tokens
        self.attempts = 0

    async def answer(self, request: Request) -> Response:
        """Answer ``POST /oauth/token``."""
        self.attempts += 1
        form = await read_form(request)
        if form.get("grant_type") != "client_credentials":
            return refusal("unsupported_grant_type", 400)
        basic = _basic(request)
        login = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if not _same(login[0], self._client_id) or not _same(login[1], self._secret):
            return refusal("invalid_client", 401)
        return self._tokens.grant()


class AssertionLogin:
    """Client credentials with a signed assertion (SMART Backend Services)."""

    def __init__(
        self,
        client_id: str,
        key: RSAKey | ECKey,
        kid: str,
        algorithm: str,
        tokens: Tokens,
    ) -> None:
        self._client_id = client_id
        self._key = key
        self._kid = kid
        self._algorithm = algorithm
        self._tokens = tokens
        self._used: set[str] = set()
        self.scopes: list[str] = []

    async def answer(self, request: Request) -> Response:
        """Answer ``POST /token``."""
        form = await read_form(request)
        if form.get("grant_type") != "client_credentials":
            return refusal("unsupported_grant_type", 400)
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return refusal("invalid_request", 400)
        scopes = form.get("scope", "").split()
        if not scopes or not all(scope.startswith("system/") for scope in scopes):
            return refusal("invalid_scope", 400)
        if not self._accept(form.get("client_assertion", ""), str(request.url)):
            return refusal("invalid_client", 400)
        self.scopes.append(" ".join(scopes))
        return self._tokens.grant()

    def _accept(self, assertion: str, audience: str) -> bool:
        """Say whether an assertion is ours, for us, short-lived and new."""
        try:
            token = jwt.decode(assertion, self._key, algorithms=[self._algorithm])
        except (JoseError, ValueError):
            return False
        claims, now = token.claims, time.time()
        identifier, expires = claims.get("jti"), claims.get("exp")
        if not isinstance(identifier, str) or identifier in self._used:
            return False
        if not isinstance(expires, int) or not now < expires <= now + ASSERTION_SECONDS:
            return False
        self._used.add(identifier)
        return (
            token.header.get("kid") == self._kid
            and claims.get("iss") == claims.get("sub") == self._client_id
            and claims.get("aud") == audience
        )


def refusal(
    error: str, status: int, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an OAuth2 error."""
    return JSONResponse({"error": error}, status_code=status, headers=headers)


async def read_form(request: Request) -> dict[str, str]:
    """Read a URL-encoded form."""
    return dict(parse_qsl((await request.body()).decode("ascii", "replace")))


def _basic(request: Request) -> tuple[str, str] | None:
    """Return login and password of HTTP Basic, if it is used."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    login, _, password = b64decode(encoded).decode("latin-1").partition(":")
    return login, password


def _same(given: str, right: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(given.encode(), right.encode())
