"""JSON Web Tokens: which are taken, and when the issuer's keys are asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chalicelib.core.errors import MillraceError, Unauthenticated
from chalicelib.triggers import tokens
from chalicelib.triggers.refusals import CannotCheck
from chalicelib.triggers.tokens import check_token

ISSUER = "https://login.example"
AUTH: dict[str, Any] = {"type": "jwt", "jwks_url": "https://login.example/keys", "issuer": ISSUER, "audience": "orders", "algorithms": ["RS256", "ES256"]}
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def published(**keys: Any) -> bytes:
    listed = []
    for kid, key in keys.items():
        algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        listed.append(json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"})
    return json.dumps({"keys": listed}).encode()


class Issuer:
    """Counts how often it is asked."""

    def __init__(self, **keys: Any) -> None:
        self.keys, self.asked, self.down = keys, 0, False

    def __call__(self, url: str) -> bytes:
        self.asked += 1
        if self.down:
            raise MillraceError("connection refused")
        return published(**self.keys)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    tokens.forget_keys()
    yield Issuer(one=RSA_KEY, two=EC_KEY)
    tokens.forget_keys()


def token(key: Any = RSA_KEY, kid: str | None = "one", algorithm: str = "RS256", **claims: Any) -> str:
    body = {"iss": ISSUER, "aud": "orders", "sub": "me", "exp": time.time() + 300} | claims
    return jwt.encode({name: value for name, value in body.items() if value is not None}, key, algorithm, headers={"kid": kid} if kid else None)


def test_tokens_of_the_issuer_are_taken(issuer: Issuer) -> None:
    assert check_token(AUTH, token(), fetch=issuer)["sub"] == "me"
    assert check_token(AUTH, token(EC_KEY, "two", "ES256", aud=["x", "orders"]), fetch=issuer)["sub"] == "me"
    assert check_token({**AUTH, "audience": None, "claims": {"client_id": "c"}}, token(aud=None, client_id="c"), fetch=issuer)
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "a.b.c",
        lambda: "x" * 20_000,
        lambda: token(aud="others"),
        lambda: token(aud=None),
        lambda: token(iss="https://evil.example"),
        lambda: token(exp=time.time() - 120),
        lambda: token(exp=None),
        lambda: token(nbf=time.time() + 300),
        lambda: token(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        lambda: token(kid="unknown"),
        lambda: token(kid=None),
        lambda: token(EC_KEY, "one", "ES256"),
        lambda: token("a" * 32, "one", "HS256"),
        lambda: jwt.encode({"iss": ISSUER, "aud": "orders", "exp": time.time() + 300}, None, "none"),
        lambda: token() + "A",
    ],
)  # fmt: skip
def test_others_are_not(issuer: Issuer, make: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated):
        check_token(AUTH, make(), fetch=issuer)


def test_claims_must_have_their_values(issuer: Issuer) -> None:
    auth = {**AUTH, "claims": {"role": "robot", "level": 1}}
    assert check_token(auth, token(role="robot", level=1), fetch=issuer)
    for claims in ({"role": "robot"}, {"role": "human", "level": 1}, {"role": "robot", "level": True}, {"role": "robot", "level": "1"}):
        with pytest.raises(Unauthenticated):
            check_token(auth, token(**claims), fetch=issuer)


def test_strangers_cannot_make_us_ask_the_issuer_at_will(issuer: Issuer) -> None:
    for n in range(20):
        with pytest.raises(Unauthenticated):
            check_token(AUTH, token(kid=f"unknown-{n}"), fetch=issuer)
    assert issuer.asked == 1


def test_a_new_key_is_found_and_an_outage_is_bridged(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(tokens.time, "monotonic", lambda: now)
    check_token(AUTH, token(), fetch=issuer)
    issuer.keys["three"] = new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now += tokens.AGAIN_SECONDS + 1
    assert check_token(AUTH, token(new, "three"), fetch=issuer)
    issuer.down = True
    now += tokens.FRESH_SECONDS + 1
    assert check_token(AUTH, token(new, "three"), fetch=issuer)
    asked = issuer.asked
    assert check_token(AUTH, token(), fetch=issuer)
    assert issuer.asked == asked
    now += tokens.KEPT_SECONDS
    with pytest.raises(CannotCheck, match="connection refused"):
        check_token(AUTH, token(), fetch=issuer)
    issuer.down = False
    now += tokens.AGAIN_SECONDS + 1
    assert check_token(AUTH, token(), fetch=issuer)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', b"\xff"])
def test_a_document_without_keys_is_the_triggers_trouble(issuer: Issuer, body: bytes) -> None:
    with pytest.raises(CannotCheck):
        check_token(AUTH, token(), fetch=lambda url: body)
