"""The `api` trigger: an HTTP path, the methods it takes, who may call it and how often, and what makes two calls the same."""

from __future__ import annotations

import re
import secrets
import string
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from chalicelib.registry.spec import CelSource, Config, TriggerSpec
from chalicelib.triggers.auth import HEADER, Auth, OpenAuth
from chalicelib.triggers.mapping import check_expression

_ORIGIN = re.compile(r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?\Z")


class RateLimit(Config):
    """How many calls are taken. Unused ones come back evenly: `limit` in `per_seconds`, all at once if need be."""

    limit: int = Field(title="Calls", ge=1, le=1_000_000, strict=True)
    per_seconds: int = Field(60, title="In", ge=1, le=86_400, strict=True)


class Debounce(Config):
    """Many calls, one execution: it starts when none has come for `seconds`, with the input of the last."""

    seconds: int = Field(title="Quiet for", ge=1, le=86_400, strict=True)
    max_seconds: int | None = Field(
        None,
        title="At the latest after",
        ge=1,
        le=7 * 86_400,
        strict=True,
        description="Counted from the first call; empty: no limit.",
    )
    key: CelSource | None = Field(
        None,
        title="Key",
        description="CEL over input and trigger: calls with the same value are held together. Empty: all calls of the trigger.",
        examples=["input.customer"],
    )

    @field_validator("key")
    @classmethod
    def _compiles(cls, source: str | None) -> str | None:
        return None if source is None else check_expression(source)

    @model_validator(mode="after")
    def _in_order(self) -> Debounce:
        if self.max_seconds is not None and self.max_seconds < self.seconds:
            raise ValueError("max_seconds must not be shorter than seconds")
        return self


class Cors(Config):
    """Which web pages may call the trigger and read its answers. Without it, the installation's own setting holds."""

    origins: list[str] = Field(title="Origins", min_length=1, max_length=50, examples=[["https://shop.example"], ["*"]])
    headers: list[str] = Field(
        default_factory=list, title="More headers", max_length=50, description="That a page may send beside the usual ones."
    )
    max_age_seconds: int = Field(600, title="Remember for", ge=0, le=86_400)

    @field_validator("origins")
    @classmethod
    def _origins(cls, origins: list[str]) -> list[str]:
        origins = [origin.lower().rstrip("/") for origin in origins]
        for origin in origins:
            if origin != "*" and not _ORIGIN.match(origin):
                raise ValueError(f"{origin[:100]!r} is no origin such as https://shop.example, and not *")
        return origins

    @field_validator("headers")
    @classmethod
    def _headers(cls, names: list[str]) -> list[str]:
        names = [name.lower() for name in names]
        for name in names:
            if not HEADER.match(name):
                raise ValueError(f"{name[:100]!r} is no header name")
        return names


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
    wait_seconds: int | None = Field(
        None,
        title="Wait for the answer",
        ge=1,
        le=25,
        strict=True,
        description="Answer with what the workflow responds, if it does so within this time. `?wait=` in a call goes before it.",
    )
    rate_limit: RateLimit | None = Field(None, title="Rate limit", description="More calls are refused with 429.")
    debounce: Debounce | None = Field(None, title="Debounce", description="Hold calls back until no more come.")
    cors: Cors | None = Field(None, title="Web pages", description="Which origins may call from a browser.")

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


SPEC = TriggerSpec(
    type="api",
    title="HTTP",
    description="Starts an execution for each call of a URL; retries with the same key start only one.",
    icon="webhook",
    config_model=ApiConfig,
    input_example={"total": 42},
)
