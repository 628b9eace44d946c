"""The `api` trigger: an HTTP path, the methods it takes, who may call it, and what makes two calls the same."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import string
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from chalicelib.registry.spec import CelSource, Config, TriggerSpec
from chalicelib.triggers.mapping import check_expression

AUTH_KINDS = frozenset({"open", "api_key", "hmac", "standard_webhooks"})
SECRET_FIELDS = ("secret", "previous_secret")
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_RESERVED_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})

Secret = Annotated[str, Field(min_length=8, max_length=500)]


class OpenAuth(Config):
    """Anyone who knows the URL."""

    type: Literal["open"] = "open"


class ApiKeyAuth(Config):
    """A Millrace API key of this workspace, as `Authorization: Bearer` or `X-API-Key`."""

    type: Literal["api_key"]


class HmacAuth(Config):
    """A shared secret: the header holds the hexadecimal HMAC-SHA256 of the raw body, with or without `sha256=` before it."""

    type: Literal["hmac"]
    header: str = Field("x-millrace-signature", title="Header", examples=["x-hub-signature-256"])
    secret: Secret | None = Field(None, title="Secret", description="Write-only.", json_schema_extra={"writeOnly": True})
    previous_secret: Secret | None = Field(
        None,
        title="Previous secret",
        description="Also accepted while you rotate. Write-only.",
        json_schema_extra={"writeOnly": True},
    )

    @field_validator("header")
    @classmethod
    def _lower(cls, name: str) -> str:
        name = name.lower()
        if not _HEADER.match(name) or name in _RESERVED_HEADERS:
            raise ValueError("this is no header a signature can be sent in")
        return name


class StandardWebhooksAuth(Config):
    """Standard Webhooks: `webhook-id`, `webhook-timestamp` (at most five minutes off) and `webhook-signature`."""

    type: Literal["standard_webhooks"]
    secret: Secret | None = Field(
        None, title="Secret", description="`whsec_` and base64. Write-only.", json_schema_extra={"writeOnly": True}
    )
    previous_secret: Secret | None = Field(
        None,
        title="Previous secret",
        description="Also accepted while you rotate. Write-only.",
        json_schema_extra={"writeOnly": True},
    )

    @field_validator("secret", "previous_secret")
    @classmethod
    def _base64(cls, secret: str | None) -> str | None:
        if secret is not None:
            webhook_key(secret)
        return secret


def webhook_key(secret: str) -> bytes:
    """The key of a Standard Webhooks secret. Raises ValueError when it is not base64."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the secret must be base64, as in whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") from None


Auth = Annotated[OpenAuth | ApiKeyAuth | HmacAuth | StandardWebhooksAuth, Field(discriminator="type")]


class ApiConfig(Config):
    """What a user writes."""

    path: str | None = Field(
        None,
        title="Path",
        description="The last part of the URL, unique in the installation. Left empty: 22 random characters.",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
    )
    methods: list[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]] = Field(["POST"], title="Methods", min_length=1)
    auth: Auth = Field(OpenAuth(), title="Who may call", description="`open` means anyone who knows the URL.")
    dedupe_key: CelSource | None = Field(
        None,
        title="Dedupe key",
        description="CEL over input and trigger: calls with the same value are one call. Used when neither Idempotency-Key nor webhook-id is sent.",
        examples=["trigger.headers['x-github-delivery']"],
    )

    @field_validator("methods", mode="before")
    @classmethod
    def _upper(cls, methods: Any) -> Any:
        if not isinstance(methods, list):
            return methods
        return list(dict.fromkeys(method.upper() if isinstance(method, str) else method for method in methods))

    @field_validator("dedupe_key")
    @classmethod
    def _compiles(cls, source: str | None) -> str | None:
        return None if source is None else check_expression(source)


def random_path() -> str:
    """A path nobody can guess: 22 characters, 113 bits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(22))


def without_secrets(auth: dict[str, Any]) -> dict[str, Any]:
    """`auth` as the API shows it: `has_secret` in the place of the secret."""
    if auth["type"] not in ("hmac", "standard_webhooks"):
        return auth
    shown = {name: value for name, value in auth.items() if name not in SECRET_FIELDS}
    return shown | {"has_secret": auth.get("secret") is not None}


SPEC = TriggerSpec(
    type="api",
    title="HTTP",
    description="Starts an execution for each call of a URL; retries with the same key start only one.",
    icon="webhook",
    config_model=ApiConfig,
    input_example={"total": 42},
)
