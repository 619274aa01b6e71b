"""Where a FHIR server's tokens come from, for what, and what signs for them."""

import json

import pytest
from joserfc.jwk import ECKey, RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from concord.exceptions import TransportError
from concord.transport.base import Connection
from concord.transport.signing_key import SigningKey
from tests.support.bulk_server import Bulk, BulkServer
from tests.support.scripted_hospital import ONE, Hospital, manifest, status
from tests.support.small_county import NIGHTS, MemorySink

pytestmark = pytest.mark.enable_socket
V1 = "system/Patient.read system/Encounter.read"
V2 = "system/Patient.rs system/Encounter.rs"


@pytest.fixture
def scopes(county, start):
    """Fetch from a scripted hospital; returns the scope that was asked for."""
    county.clock(county.night(0))

    def fetch(answers, **spec):
        running = start(intercept=Hospital(**answers))
        fetched, _ = running.fetch("hospital", NIGHTS[0], **spec)
        assert fetched.rows_expected["Patient"] == 5
        (scope,) = running.servers.hospital.login.scopes
        return scope

    return fetch


def smart(**content):
    """Answer with a SMART configuration that says this as well."""

    def answer(request):
        return JSONResponse({"token_endpoint": f"{request.base_url}token", **content})

    return {"smart-configuration": answer}


@pytest.mark.parametrize(
    ("answers", "spec", "scope"),
    [
        ({}, {}, V2),
        (smart(), {}, V2),
        (smart(capabilities=["permission-v1"]), {}, V1),
        (smart(capabilities=["permission-v1", "permission-v2"]), {}, V2),
        (smart(scopes_supported=["system/*.read"]), {}, V1),
        (smart(scopes_supported=["system/*.read", "system/*.rs"]), {}, V2),
        (smart(capabilities="odd"), {"scopes": "v1"}, V1),
        ({"smart-configuration": status(404)}, {}, V1),
        ({"smart-configuration": status(401)}, {}, V1),
        ({"smart-configuration": status(404)}, {"scopes": "v2"}, V2),
        (smart(token_endpoint=None), {}, V1),
        (
            {"smart-configuration": lambda _r: Response("x", media_type="text/html")},
            {},
            V1,
        ),
        (
            {"smart-configuration": status(500), "metadata": status(500)},
            {"tokenUrl": "/token"},
            V2,
        ),
    ],
)
def test_the_token_endpoint_is_found_and_asked_in_its_own_words(
    scopes, answers, spec, scope
):
    assert scopes(answers, **spec) == scope


@pytest.mark.parametrize(
    "statement",
    [
        status(404),
        lambda _r: JSONResponse({"resourceType": "CapabilityStatement"}),
        lambda _r: JSONResponse({"rest": [1, {"security": {"extension": [2]}}]}),
    ],
)
def test_a_server_that_names_no_token_endpoint_is_an_error(county, start, statement):
    county.clock(county.night(0))
    answers = {"smart-configuration": status(404), "metadata": statement}
    with pytest.raises(TransportError, match="TOKEN_ENDPOINT_UNKNOWN"):
        start(intercept=Hospital(**answers)).fetch("hospital", NIGHTS[0])


def test_a_token_endpoint_on_another_origin_hears_nothing(county, start, elsewhere):
    county.clock(county.night(0))
    answers = smart(token_endpoint=elsewhere.origin + "/token")
    with pytest.raises(TransportError, match="OTHER_ORIGIN"):
        start(intercept=Hospital(**answers)).fetch("hospital", NIGHTS[0])
    assert not elsewhere.was_called()


@pytest.mark.parametrize("redirected", [True, False])
def test_a_file_on_an_allowed_origin_comes_without_the_token(county, start, redirected):
    county.clock(county.night(0))
    bulk = Bulk({"Patient": ONE.encode() + b"\n"})
    with BulkServer(bulk) as other:
        url = f"{other.connection.origin}/r4/files/Patient"
        where = (lambda own: own) if redirected else (lambda _own: url)
        listed = manifest(output=lambda own: [{"type": "Patient", "url": where(own)}])
        hospital = Hospital(status=listed, file=lambda _r: RedirectResponse(url, 307))
        running = start(intercept=hospital)
        known = running.connections["hospital"]
        for allowed in ([], [other.connection.origin]):
            extra = {**known.extra, "allowed_origins": allowed}
            connection = Connection(known.host, known.port, known.login, None, extra)
            transport = running.transport("hospital", connection)
            (drop,) = transport.offered(None, NIGHTS[0])
            if not allowed:
                with pytest.raises(TransportError, match="OTHER_ORIGIN"):
                    transport.fetch(drop, MemorySink())
                assert bulk.requests == []
                continue
            assert transport.fetch(drop, MemorySink()).rows_expected["Patient"] == 1
    ((_, _, headers, _),) = bulk.requests
    assert "authorization" not in headers
    assert CREDENTIALS.isdisjoint(headers)


CREDENTIALS = {"authorization", "cookie", "x-api-key"}
EC, RSA = ECKey.generate_key("P-384"), RSAKey.generate_key(2048)


def jwk(key, **more):
    return {**key.as_dict(private=True), **more}


def pem(key):
    return key.as_pem(private=True).decode()


@pytest.mark.parametrize(
    ("extra", "algorithm", "kid"),
    [
        ({"private_key": pem(EC)}, "ES384", EC.thumbprint()),
        ({"private_key": pem(RSA), "kid": "k"}, "RS384", "k"),
        ({"private_key": json.dumps(jwk(EC, kid="own"))}, "ES384", "own"),
        (
            {"private_key": json.dumps(jwk(RSA, alg="RS384"))},
            "RS384",
            RSA.thumbprint(),
        ),
        (
            {
                "private_key": json.dumps(
                    {"keys": [EC.as_dict(private=False), jwk(EC, kid="a"), jwk(RSA)]}
                )
            },
            "ES384",
            "a",
        ),
        (
            {
                "private_key": json.dumps(
                    {"keys": [jwk(EC, kid="a", alg="ES384"), jwk(RSA, alg="RS384")]}
                ),
                "algorithm": "RS384",
            },
            "RS384",
            RSA.thumbprint(),
        ),
    ],
    ids=["pem", "named_pem", "web_key", "web_key_of_rsa", "of_a_set", "by_algorithm"],
)
def test_a_key_may_be_pem_a_web_key_or_one_of_a_set(extra, algorithm, kid):
    found = SigningKey.of(extra)
    assert (found.algorithm, found.kid) == (algorithm, kid)
    assert pem(EC) not in repr(found)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"private_key": "Zyxwvut"},
        {"private_key": "{"},
        {"private_key": '{"keys": []}'},
        {"private_key": '{"kty": "oct", "k": "x", "d": "x"}'},
        {"private_key": EC.as_pem(private=False).decode()},
        {"private_key": pem(ECKey.generate_key("P-256"))},
        {"private_key": pem(EC), "algorithm": "RS384"},
        {"private_key": pem(RSA), "algorithm": "ES384"},
        {"private_key_file": "/no/such/file"},
    ],
)
def test_a_key_that_cannot_sign_is_none(extra):
    assert SigningKey.of(extra) is None
