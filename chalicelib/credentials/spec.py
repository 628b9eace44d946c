"""How a credential type describes itself: one CredentialSpec, made in one file under chalicelib/credentials/types.

Forms are drawn from the JSON Schema of its model; fields marked Secret are write-only there, sealed, and looked for in everything a run says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from chalicelib.core.http import HttpClient
from chalicelib.core.jsontext import is_clean

_SECRET_FORMAT = "password"  # noqa: S105 - JSON Schema's name for it


def _clean(text: str) -> str:
    if not is_clean(text):
        raise ValueError("may not hold NUL or a lone surrogate")
    return text


def _one_line(text: str) -> str:
    if any(char in _clean(text) for char in "\r\n"):
        raise ValueError("may not hold a line break")
    return text


# Secrets: one line (tokens, passwords), and of several lines (keys in PEM).
Secret = Annotated[
    str, Field(min_length=1, max_length=16_384), AfterValidator(_one_line), WithJsonSchema({"type": "string", "format": _SECRET_FORMAT, "writeOnly": True})
]
SecretText = Annotated[
    str,
    Field(min_length=1, max_length=65_536),
    AfterValidator(_clean),
    WithJsonSchema({"type": "string", "format": _SECRET_FORMAT, "writeOnly": True, "x-multiline": True}),
]
Line = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_one_line)]
HttpUrl = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^https?://"), AfterValidator(_one_line)]


class CredentialData(BaseModel):
    """Base of all models: unknown fields are refused, and no value of theirs is repeated in an error."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


@dataclass(slots=True)
class Outgoing:
    """An HTTP request on its way out, to which a credential adds what proves the caller. `secret_headers` never follow a redirect to another origin."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None
    secret_headers: set[str] = field(default_factory=set)

    def set_header(self, name: str, value: str) -> None:
        """Set a header, in place of any of that name; it counts as secret."""
        for known in [known for known in self.headers if known.lower() == name.lower()]:
            del self.headers[known]
        self.headers[name] = value
        self.secret_headers.add(name.lower())

    def add_query(self, name: str, value: str) -> None:
        """Add a query parameter, encoded, after those that are there."""
        base = self.url.partition("#")[0]
        joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
        self.url = f"{base}{joint}{quote(name, safe='')}={quote(value, safe='')}"


class Apply(Protocol):
    """Adds a credential to a request. `token` is the access token of types that have a `grant`."""

    def __call__(self, request: Outgoing, data: Any, token: str | None) -> None:
        """Change the request in place."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a credential's test found: `ok`, `failed`, or `untested` when there is nothing to try it on; `message` says what to do, `code` is an error's."""

    status: Literal["ok", "failed", "untested"]
    message: str
    code: str | None = None


CredentialModel = type[CredentialData]
Test = Callable[[Any, HttpClient], Awaitable[Tested]]
Grant = Literal["client_credentials", "authorization_code"]


@dataclass(frozen=True)
class CredentialSpec:
    """One credential type. With `apply` it authenticates HTTP requests; with `grant` it needs an access token first."""

    type: str
    title: str
    description: str
    icon: str
    model: CredentialModel
    apply: Apply | None = None
    grant: Grant | None = None
    derived: Callable[[Any], list[str]] | None = None  # further texts that are as secret as the fields, such as `user:password`
    test: Test | None = None
    hosts: Callable[[Any], list[str]] | None = None  # where it may be sent when nobody says: known from the data of some types
    destinations: tuple[str, ...] = ()  # fields that say where a secret is sent: who changes one must know the secret
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`http` for what authenticates HTTP requests, else the type itself."""
        return "http" if self.apply is not None else self.type

    def secret_fields(self) -> set[str]:
        """Names of the top-level fields that hold a secret, themselves or within."""
        schema = self.model.model_json_schema()
        return {name for name, inner in schema.get("properties", {}).items() if _has_secret(inner)}

    def secrets_of(self, data: Any) -> list[str]:
        """Every secret text of this data."""
        dumped = data.model_dump(mode="json")
        found = [text for name in self.secret_fields() for text in _texts(dumped.get(name))]
        return [*found, *(self.derived(data) if self.derived else ())]

    def describe(self) -> dict[str, Any]:
        """What GET /credentials/types serves."""
        return {
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "icon": self.icon,
            "kind": self.kind,
            "oauth": self.grant == "authorization_code",
            "testable": self.test is not None or self.apply is not None,
            "data_schema": self.model.model_json_schema(),
            "secret_fields": sorted(self.secret_fields()),
            "example": dict(self.example),
        }


def _has_secret(schema: Mapping[str, Any]) -> bool:
    if schema.get("format") == _SECRET_FORMAT:
        return True
    inner = [*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")]
    return any(_has_secret(part) for part in inner if isinstance(part, Mapping))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
