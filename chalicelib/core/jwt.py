"""JSON Web Tokens that we sign: ES256 (Apple, VAPID) and RS256 (Google), and the access token that Google gives for one."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jwt

from chalicelib.core import jsontext
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import CallFailed, HttpClient


def b64url(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_b64url(text: str) -> bytes:
    """The bytes of base64url, padded or not. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign_es256(private_key: Any, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A token signed with a P-256 key (PEM, or a key object). Raises ValueError for a key that is none."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _load(private_key) if isinstance(private_key, str) else private_key
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the key must be of the curve P-256")
    return jwt.encode(dict(claims), key, algorithm="ES256", headers=dict(header))


def sign_rs256(private_key: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A token signed with an RSA key in PEM. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = _load(private_key)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the key must be an RSA key")
    return jwt.encode(dict(claims), key, algorithm="RS256", headers=dict(header))


def vapid_key(text: str) -> Any:
    """A P-256 private key from PEM or from its 32 bytes in base64url. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if "BEGIN" in text:
        return _load(text)
    try:
        number = int.from_bytes(from_b64url(text.strip()), "big")
        return ec.derive_private_key(number, ec.SECP256R1())
    except ValueError:
        raise ValueError("write the key as PEM, or as its 32 bytes in base64url") from None


def public_point(key: Any) -> str:
    """The public key as browsers take it: the uncompressed point in base64url."""
    return b64url(point_of(key.public_key()))


def point_of(public_key: Any) -> bytes:
    """The uncompressed point, 65 bytes."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point: bytes = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return point


async def google_token(account: Mapping[str, Any], token_url: str, client: HttpClient, timeout: float) -> tuple[str, float]:
    """An access token for Firebase, and its lifetime in seconds. Raises CallFailed (code token_refused where Google says no)."""
    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": token_url,
        "iat": now,
        "exp": now + 3600,
    }
    try:
        assertion = sign_rs256(account["private_key"], {"typ": "JWT", "kid": account.get("private_key_id", "")}, claims)
    except ValueError:
        raise CallFailed("token_refused", "the service account's private key cannot be read", unsent=True) from None
    body = urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}).encode()
    answer = await client.call("POST", token_url, headers={"Content-Type": "application/x-www-form-urlencoded"}, body=body, timeout=timeout, redirects=0)
    if answer.status != 200:
        error_class = f"http.{answer.status}" if answer.status == 429 or answer.status >= 500 else None
        raise CallFailed("token_refused", f"Google gives no access token for this service account (answer {answer.status})", error_class, unsent=True)
    try:
        found = jsontext.loads(answer.body)
        return str(found["access_token"]), float(found.get("expires_in", 3600))
    except (MillraceError, KeyError, TypeError, ValueError):
        raise CallFailed("token_refused", "Google answered without an access token", unsent=True) from None


def _load(pem: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(pem.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("this is no private key in PEM") from None

