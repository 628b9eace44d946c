"""What a config refers to by name, found by the formats of its JSON Schema: credentials today. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

CREDENTIAL = "credential"
KINDS = "x-credential-kinds"


def credential_field(*kinds: str) -> Any:
    """A required text field that names a credential by slug or id (`credential: str = credential_field("http")`); `kinds` are those it may be of: `http`,
    `smtp`, `webhook_secret`, …"""
    extra: dict[str, Any] = {"format": CREDENTIAL, KINDS: list(kinds)}
    return Field(min_length=1, max_length=200, description="A credential's slug or id.", json_schema_extra=extra)


@dataclass(frozen=True, slots=True)
class Reference:
    """A credential named at `path`, a JSON Pointer into the config."""

    path: str
    ref: str
    kinds: tuple[str, ...]


def find_references(config: Any, schema: Mapping[str, Any]) -> list[Reference]:
    """The credentials a config names. What an expression will only give at run time is left out."""
    return list(_walk(config, schema, schema.get("$defs", {}), ""))


def _walk(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[Reference]:
    while "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    for alternative in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _walk(value, alternative, defs, path)
    if isinstance(value, str):
        if schema.get("format") == CREDENTIAL and "{{" not in value:
            yield Reference(path, value, tuple(schema.get(KINDS, ())))
    elif isinstance(value, Mapping):
        rest = schema.get("additionalProperties")
        for name, inner in value.items():
            inner_schema = schema.get("properties", {}).get(name, rest)
            if isinstance(inner_schema, Mapping):
                yield from _walk(inner, inner_schema, defs, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, inner in enumerate(value):
            yield from _walk(inner, schema["items"], defs, f"{path}/{index}")
