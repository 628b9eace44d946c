"""A node type's page, made of its own description, so that it cannot say what the code does not do. Pure."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.registry.spec import ActionSpec

_DEPTH = 3
_ERRORS = re.compile(r"Errors: (.*?)\.?\s*$", re.DOTALL)


def page(spec: ActionSpec) -> str:
    """Markdown: what the type does, an example, the fields of its config and output, how it ends and when it is tried again."""
    told = spec.describe()
    parts = [f"# {told['title']}", f"`{told['type']}`: {told['description']}", *_own_words(told)]
    if told.get("example"):
        node = {"id": "example", "type": told["type"], "config": told["example"]}
        parts += ["## Example", f"```json\n{json.dumps(node, indent=2, ensure_ascii=False)}\n```"]
    parts += ["## Config", _table(told["config_schema"], "This type needs no config.")]
    if told["output_schema"]:
        parts += ["## Output", _table(told["output_schema"], _type_of(told["output_schema"], {}))]
    parts += ["## How it ends", _endings(spec, told)]
    return "\n\n".join(parts) + "\n"


def _own_words(told: Mapping[str, Any]) -> list[str]:
    text = told.get("documentation")
    return [str(text).strip()] if text else []


def _endings(spec: ActionSpec, told: Mapping[str, Any]) -> str:
    lines = [f"* Ports: {', '.join(f'`{port}`' for port in told['ports']) or 'none'}."]
    if told["effect"] == "effect":
        retry = {"max_attempts": 3, "initial_seconds": 1, "backoff": 2, "max_seconds": 60, **(told["retry"] or {})}
        lines.append(
            f"* It acts on the world: it is tried up to {retry['max_attempts']} times, after {retry['initial_seconds']} s, then {retry['backoff']} times as long, at most "
            f"{retry['max_seconds']} s, and each attempt carries the same `Idempotency-Key`. A node's `retry` says otherwise."
        )
    else:
        lines.append("* It only computes or waits: it is never tried again, and computed anew after a crash with the same outcome.")
    found = _ERRORS.search(" ".join((inspect.getdoc(spec.run) or "").split()))
    if found:
        lines.append(f"* Error codes: {found[1]}.")
    return "\n".join(lines)


def _table(schema: Mapping[str, Any], empty: str) -> str:
    rows = list(_rows(schema, schema.get("$defs", {}), "", 0))
    if not rows:
        return empty
    return "\n".join(["| field | type | default | what |", "|---|---|---|---|", *rows])


def _rows(schema: Mapping[str, Any], defs: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, raw in schema.get("properties", {}).items():
        inner = _followed(raw, defs)
        said = [raw.get("description") or inner.get("description") or ""] if isinstance(raw, Mapping) else [""]
        default = "required" if name in required else _literal(raw["default"]) if isinstance(raw, Mapping) and "default" in raw else ""
        yield f"| `{prefix}{name}` | {_cell(_type_of(raw, defs))} | {_cell(default)} | {_cell(' '.join(said[0].split()))} |"
        if depth < _DEPTH and inner.get("properties"):
            yield from _rows(inner, defs, f"{prefix}{name}.", depth + 1)


def _followed(schema: Any, defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a field's schema comes to: its reference, or the one alternative that is not null."""
    seen = 0
    while isinstance(schema, Mapping) and seen < 20:
        seen += 1
        if isinstance(schema.get("$ref"), str):
            schema = defs.get(schema["$ref"].rsplit("/", 1)[-1], {})
            continue
        options = [each for each in schema.get("anyOf", ()) if not (isinstance(each, Mapping) and each.get("type") == "null")]
        if len(options) == 1:
            schema = options[0]
            continue
        break
    return schema if isinstance(schema, Mapping) else {}


def _type_of(raw: Any, defs: Mapping[str, Any]) -> str:
    schema = _followed(raw, defs)
    if "enum" in schema:
        return " or ".join(_literal(value) for value in schema["enum"])
    if "const" in schema:
        return _literal(schema["const"])
    special = {"credential": "credential", "cel": "CEL expression"}.get(str(schema.get("format")))
    if special == "credential":
        return f"credential ({', '.join(schema.get('x-credential-kinds', ())) or 'any'})"
    if special:
        return special
    if schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_type_of(each, defs) for each in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items') or {}, defs)}"
    kind = schema.get("type")
    words = kind if isinstance(kind, Sequence) and not isinstance(kind, str) else [kind] if kind else ["anything"]
    return " or ".join(str(word) for word in words)


def _literal(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
