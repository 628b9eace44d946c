"""The kinds of a trigger's `auth`, and the secrets in it as they are kept: what the door needs to know of them. What users may write is in auth.py."""

from __future__ import annotations

import base64
import binascii
from typing import Any

SECRET_FIELDS = ("secret", "previous_secret")
SEALED = "sealed"  # where they stand, sealed, in a stored config (sealed_auth.py)
AUTH_KINDS = frozenset({"open", "api_key", "hmac", "standard_webhooks", "github", "stripe", "slack", "shopify", "basic", "jwt"})
# These cannot tell friend from foe without one. `api_key` has Millrace's own keys, `jwt` the issuer's.
NEED_SECRET = AUTH_KINDS - {"open", "api_key", "jwt"}


def webhook_key(secret: str) -> bytes:
    """The key of a Standard Webhooks secret. Raises ValueError when it is not base64."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the secret must be base64, as in whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") from None


def decoded_secret(secret: str, encoding: str) -> bytes:
    """The key that a secret stands for. Raises ValueError when it is not in that encoding."""
    try:
        if encoding == "hex":
            return bytes.fromhex(secret)
        if encoding == "base64":
            return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the secret is not {encoding}, as secret_encoding says") from None
    return secret.encode()


def without_secrets(auth: dict[str, Any]) -> dict[str, Any]:
    """`auth` as the API shows it: `has_secret` in the place of the secret, for every kind that can have one."""
    shown = {name: value for name, value in auth.items() if name not in (*SECRET_FIELDS, SEALED)}
    return shown if auth["type"] in ("open", "jwt") else shown | {"has_secret": has_secret(auth)}


def has_secret(auth: dict[str, Any]) -> bool:
    """Whether there is a secret, sealed or not."""
    return bool(auth.get("secret")) or "secret" in auth.get(SEALED, {}).get("fields", ())


def needs_secret(auth: dict[str, Any]) -> bool:
    """Whether every call must be refused, because the secret was never given here."""
    return auth.get("type") in NEED_SECRET and not has_secret(auth)
