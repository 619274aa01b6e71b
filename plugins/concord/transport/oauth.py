"""Logging in: OAuth2 client credentials, by secret or signed assertion; an API key."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_qs
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE

from concord.transport.http import HttpVisit, Login, Token
from concord.transport.problems import failed
from concord.transport.retrying import BUSY
from concord.transport.signing_key import SigningKey

ASSERTION_SECONDS = 240
REFUSING = (400, 401, 403)
EARLY_SECONDS = 20
TOKEN_SECONDS = 300  # where the answer does not say how long a token is good


def client_secret(token_url: str, scope: str | None = None) -> Login:
    """Log in with the connection's login and password (HTTP Basic)."""

    def login(visit: HttpVisit) -> Token:
        return _fetch(visit, token_url, "client_secret_basic", scope)

    return login


def signed_assertion(token_url: str, scope: str) -> Login:
    """Log in with a JWT signed by the connection's private key (SMART Backend)."""

    def login(visit: HttpVisit) -> Token:
        return _fetch(visit, token_url, _assertion(visit, token_url), scope)

    return login


def api_key(header: str) -> Login:
    """Log in with the connection's password as a key in a header of its own."""

    def login(visit: HttpVisit) -> Token:
        key = visit.connection.password
        if not key:
            raise failed("LOGIN_REFUSED", visit.feed, "the connection holds no key")
        return Token(value=key, expires_at=math.inf, header=header, prefix="")

    return login


def _fetch(visit: HttpVisit, url: str, method: Any, scope: str | None) -> Token:
    """Ask a token endpoint once; refused is refused."""
    connection, asked_at = visit.connection, visit.clock()
    session = OAuth2Session(
        connection.login,
        connection.password or "",
        scope=scope,
        token_endpoint_auth_method=method,
    )
    visit.configure(session)
    session.register_compliance_hook("access_token_response", _understood)
    ask = partial(
        session.fetch_token,
        visit.address(url),
        grant_type="client_credentials",
        timeout=visit.timeout(),
        allow_redirects=False,
    )
    problem = None
    try:
        token = visit.call(ask, "the token endpoint")
        value = str(token["access_token"])
        seconds = float(token.get("expires_in") or TOKEN_SECONDS)
    except AuthlibBaseError:
        problem = failed("LOGIN_REFUSED", visit.feed, "no token was granted")
    except (KeyError, TypeError, ValueError):
        detail = "the token endpoint's answer is not a token"
        problem = failed("PROTOCOL", visit.feed, detail)
    if problem is not None:
        raise problem  # out here, so that no traceback leads to the server's words
    early = min(EARLY_SECONDS, seconds / 2)
    return Token(value=value, expires_at=asked_at + seconds - early)


def _understood(response: requests.Response) -> requests.Response:
    """Raise for a token endpoint that refuses, in whatever words, or is only busy."""
    if response.status_code in BUSY:
        response.raise_for_status()
    if response.status_code in REFUSING:
        raise AuthlibBaseError(error="refused")
    return response


def _assertion(visit: HttpVisit, token_url: str) -> Callable[..., Any]:
    """Return an authlib client authentication that signs a fresh assertion a call."""
    extra = visit.connection.extra
    signing = SigningKey.of(extra)
    if signing is None:
        detail = "the connection's private key cannot be used"
        raise failed("KEY_UNUSABLE", visit.feed, detail)
    known = {"kid": signing.kid, "typ": "JWT", "jku": extra.get("jku")}
    header = {name: value for name, value in known.items() if value}

    def authenticate(
        auth: Any, _method: str, uri: str, headers: Any, body: str
    ) -> tuple[str, Any, str]:
        signed = private_key_jwt_sign(
            signing.key,
            client_id=auth.client_id,
            token_endpoint=token_url,
            alg=signing.algorithm,
            header=header,
            expires_in=ASSERTION_SECONDS,
        )
        fields = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", signed),
        ]
        return uri, headers, add_params_to_qs(body, fields)

    return authenticate
