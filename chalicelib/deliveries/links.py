"""The addresses at which providers leave receipts. The token in the path is an HMAC over what it is for; providers' own signatures are checked besides."""

from __future__ import annotations

import base64
import hashlib
import hmac

from chalicelib.core.config import settings
from chalicelib.core.ids import is_id

_KINDS = ("dlv", "cred")


def token_of(id: str) -> str | None:
    """The token for a delivery (Twilio) or a credential (SES, SNS); None in an installation without MILLRACE_SECRET."""
    secret = settings().secret
    return f"{id}.{_mac(secret, id)}" if secret else None


def url_of(id: str) -> str | None:
    """Where receipts for it are taken."""
    token = token_of(id)
    return f"{settings().base_url}/api/callbacks/deliveries/{token}" if token else None


def read_token(token: str) -> str | None:
    """The id in a token that is genuine, else None."""
    secret, (id, _, mac) = settings().secret, token.partition(".")
    if not secret or not token.isascii() or not any(is_id(id, kind) for kind in _KINDS):
        return None
    return id if hmac.compare_digest(mac, _mac(secret, id)) else None


def _mac(secret: str, id: str) -> str:
    digest = hmac.digest(secret.encode(), f"receipt:{id}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()
