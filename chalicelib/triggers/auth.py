"""Who may call an `api` trigger: the kinds of `auth` as users write them, and how each is shown without its secrets."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from chalicelib.core.egress import parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.registry.spec import Config
from chalicelib.triggers.secrets import decoded_secret, webhook_key

HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
RESERVED_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})
JWT_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip

Secret = Annotated[str, Field(min_length=8, max_length=500)]
HeaderName = Annotated[str, Field(min_length=1, max_length=100)]


def _secret(title: str = "Secret", description: str = "Sealed; it is never shown again.") -> Any:
    return Field(None, title=title, description=description, json_schema_extra={"writeOnly": True})


def header_name(name: str | None) -> str | None:
    """A header name in lower case. Raises ValueError for what no sender can set."""
    if name is None:
        return None
    name = name.lower()
    if not HEADER.match(name) or name in RESERVED_HEADERS:
        raise ValueError("this is no header a signature can be sent in")
    return name


class OpenAuth(Config):
    """Anyone who knows the URL."""

    model_config = ConfigDict(title="Anyone who knows the URL")

    type: Literal["open"] = "open"


class ApiKeyAuth(Config):
    """A Millrace API key of this workspace (`Authorization: Bearer` or `X-API-Key`); with a `secret` that text instead, in `header`."""

    model_config = ConfigDict(title="API key")

    type: Literal["api_key"]
    header: HeaderName | None = Field(
        None, title="Header", description="Where the trigger's own key is sent; by default X-API-Key.", examples=["x-token"]
    )
    secret: Secret | None = _secret("Key of its own", "For senders that cannot hold a Millrace key. It is never shown again.")
    previous_secret: Secret | None = _secret("Previous key", "Also accepted while you rotate. It is never shown again.")

    @field_validator("header")
    @classmethod
    def _lower(cls, name: str | None) -> str | None:
        return header_name(name)


class _Signed(Config):
    """What all kinds with a shared secret have in common."""

    secret: Secret | None = _secret()
    previous_secret: Secret | None = _secret("Previous secret", "Also accepted while you rotate. It is never shown again.")


class HmacAuth(_Signed):
    """A shared secret: a header holds the HMAC of the raw body, or of a timestamp and the body."""

    model_config = ConfigDict(title="HMAC signature")

    type: Literal["hmac"]
    header: HeaderName = Field("x-millrace-signature", title="Header", examples=["x-hub-signature-256"])
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = Field("sha256", title="Algorithm")
    encoding: Literal["hex", "base64", "base64url"] = Field("hex", title="Encoding of the signature")
    prefix: str | None = Field(
        None,
        title="Prefix",
        max_length=50,
        description="What stands before the signature, such as `v0=`. Left empty: the algorithm's name and `=` may stand there.",
    )
    timestamp_header: HeaderName | None = Field(
        None,
        title="Timestamp header",
        description="A header with the Unix time of signing. With it stale and replayed deliveries are refused.",
        examples=["x-request-timestamp"],
    )
    signed: str | None = Field(
        None,
        title="What is signed",
        max_length=200,
        description="A text with `{body}` and `{timestamp}`; by default `{body}`, with a timestamp header `{timestamp}.{body}`.",
        examples=["v0:{timestamp}:{body}"],
    )
    tolerance_seconds: int = Field(300, title="Tolerance", ge=10, le=86_400, description="How far the timestamp may be off.")
    secret_encoding: Literal["text", "hex", "base64"] = Field("text", title="Encoding of the secret")

    @field_validator("header", "timestamp_header")
    @classmethod
    def _lower(cls, name: str | None) -> str | None:
        return header_name(name)

    @field_validator("signed")
    @classmethod
    def _covers(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        if text.count("{body}") != 1:
            raise ValueError("what is signed must contain {body} once, or any body would do")
        timed = info.data.get("timestamp_header") is not None
        if timed and "{timestamp}" not in text:
            raise ValueError("what is signed must contain {timestamp}, or the timestamp could be forged")
        if not timed and "{timestamp}" in text:
            raise ValueError("{timestamp} needs a timestamp_header to be read from")
        return text

    @model_validator(mode="after")
    def _readable_secrets(self) -> HmacAuth:
        for secret in (self.secret, self.previous_secret):
            if secret is not None:
                decoded_secret(secret, self.secret_encoding)
        return self


class StandardWebhooksAuth(_Signed):
    """Standard Webhooks: `webhook-id`, `webhook-timestamp` (at most five minutes off) and `webhook-signature`."""

    model_config = ConfigDict(title="Standard Webhooks")

    type: Literal["standard_webhooks"]
    secret: Secret | None = _secret("Secret", "`whsec_` and base64. It is never shown again.")

    @field_validator("secret", "previous_secret")
    @classmethod
    def _base64(cls, secret: str | None) -> str | None:
        if secret is not None:
            webhook_key(secret)
        return secret


class GithubAuth(_Signed):
    """GitHub's `X-Hub-Signature-256`, with the secret entered in the webhook's settings."""

    model_config = ConfigDict(title="GitHub")

    type: Literal["github"]


class StripeAuth(_Signed):
    """Stripe's `Stripe-Signature` (at most five minutes old), with the endpoint's signing secret."""

    model_config = ConfigDict(title="Stripe")

    type: Literal["stripe"]


class SlackAuth(_Signed):
    """Slack's `X-Slack-Signature` (at most five minutes old), with the app's signing secret. The challenge of a new URL is answered."""

    model_config = ConfigDict(title="Slack")

    type: Literal["slack"]


class ShopifyAuth(_Signed):
    """Shopify's `X-Shopify-Hmac-SHA256` (or `Shopify-Hmac-SHA256`, as it is to be called), with the app's client secret."""

    model_config = ConfigDict(title="Shopify")

    type: Literal["shopify"]


class BasicAuth(Config):
    """A user name and a password (HTTP Basic)."""

    model_config = ConfigDict(title="User name and password")

    type: Literal["basic"]
    username: str = Field(title="User name", min_length=1, max_length=200, pattern=r"^[^:\x00-\x1f]+$")
    secret: Secret | None = _secret("Password")
    previous_secret: Secret | None = _secret("Previous password", "Also accepted while you rotate. It is never shown again.")


class JwtAuth(Config):
    """A signed token (`Authorization: Bearer`) of an identity provider whose keys are published as a JWKS."""

    model_config = ConfigDict(title="JSON Web Token")

    type: Literal["jwt"]
    jwks_url: str = Field(title="JWKS URL", max_length=2000, examples=["https://login.example.com/.well-known/jwks.json"])
    issuer: str = Field(title="Issuer", min_length=1, max_length=500, description="What `iss` must be.")
    audience: str | list[str] | None = Field(None, title="Audience", description="What `aud` must be, or one of a list.")
    claims: dict[str, str | int | bool] = Field(
        default_factory=dict, title="Claims", max_length=20, description="Other claims that must have these values."
    )
    algorithms: list[Literal[*JWT_ALGORITHMS]] = Field(["RS256", "ES256"], title="Algorithms", min_length=1)  # type: ignore[valid-type]

    @field_validator("jwks_url")
    @classmethod
    def _url(cls, url: str) -> str:
        try:
            parse_url(url)
        except MillraceError as error:
            raise ValueError(error.detail) from None
        return url

    @model_validator(mode="after")
    def _bound(self) -> JwtAuth:
        if not self.claims and not self.audience:
            raise ValueError(
                "name an audience, or a claim such as client_id: tokens for other programs of the issuer must not pass"
            )
        return self


Auth = Annotated[
    OpenAuth
    | ApiKeyAuth
    | HmacAuth
    | StandardWebhooksAuth
    | GithubAuth
    | StripeAuth
    | SlackAuth
    | ShopifyAuth
    | BasicAuth
    | JwtAuth,
    Field(discriminator="type"),
]
