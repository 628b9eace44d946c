"""Checks of JSON Schemas and JSON Pointers that users write into definitions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import jsonschema
from jsonschema.exceptions import SchemaError

from chalicelib.definitions.issues import Issue
from chalicelib.definitions.problems import pointer

_POINTER = re.compile(r"^(/([^~/]|~[01])*)*$")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_MAX_PROBLEMS = 20


def is_pointer(text: str) -> bool:
    """Whether the text is a JSON Pointer (RFC 6901) that names a part, not the whole."""
    return text != "" and _POINTER.match(text) is not None


def find_schema_issues(schema: Any, path: str) -> list[Issue]:
    """Why a value is not a JSON Schema 2020-12 that can be used here: against the meta-schema, written for another draft, or with references that leave the document
    or lead nowhere. None and booleans are fine."""
    if schema is None or isinstance(schema, bool):
        return []
    issues = []
    draft = schema.get("$schema", _DRAFT) if isinstance(schema, dict) else _DRAFT
    if not isinstance(draft, str) or draft.rstrip("#") != _DRAFT:
        issues.append(
            Issue(f"{path}/$schema", "schema_draft", "only JSON Schema 2020-12 is understood; leave $schema out or write that")
        )
    try:
        errors = list(jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA).iter_errors(schema))
    except (SchemaError, RecursionError):  # pragma: no cover - the meta-schema is sound and the depth bounded
        return [Issue(path, "schema_invalid", "this is not a JSON Schema")]
    for error in errors[:_MAX_PROBLEMS]:
        issues.append(
            Issue(path + pointer(error.absolute_path), "schema_invalid", f"not JSON Schema 2020-12: {error.message[:300]}")
        )
    return issues or [*_references(schema, schema, path)] + [*_patterns(schema, path)]


def _walk(value: Any, path: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """All objects within a schema, with their paths; literals (`const`, `enum`, `default`, `examples`) are not schemas."""
    pending = [(path, value)]
    while pending:
        at, entry = pending.pop()
        if isinstance(entry, dict):
            yield at, entry
            pending += [
                (at + pointer([key]), inner) for key, inner in entry.items() if key not in ("const", "enum", "default", "examples")
            ]
        elif isinstance(entry, list):
            pending += [(f"{at}/{index}", inner) for index, inner in enumerate(entry)]


def _references(root: Any, schema: Any, path: str) -> Iterable[Issue]:
    anchors = {entry.get("$anchor") or entry.get("$dynamicAnchor") for _, entry in _walk(schema, "")}
    for at, entry in _walk(schema, path):
        for keyword in ("$ref", "$dynamicRef"):
            reference = entry.get(keyword)
            if not isinstance(reference, str):
                continue
            if not reference.startswith("#"):
                yield Issue(
                    f"{at}/{keyword}",
                    "schema_remote_ref",
                    "references must stay within this schema and begin with '#'; nothing is fetched",
                )
            elif not _leads_somewhere(root, reference[1:], anchors):
                yield Issue(f"{at}/{keyword}", "schema_dangling_ref", f"the reference {reference[:80]!r} leads nowhere")


def _leads_somewhere(root: Any, fragment: str, anchors: set[Any]) -> bool:
    if fragment and not fragment.startswith("/"):
        return fragment in anchors
    value = root
    for token in fragment.split("/")[1:]:
        token = re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), token).replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return False
    return True


def _patterns(schema: Any, path: str) -> Iterable[Issue]:
    for at, entry in _walk(schema, path):
        text = entry.get("pattern")
        if isinstance(text, str):
            try:
                re.compile(text)
            except re.error as error:
                yield Issue(f"{at}/pattern", "schema_invalid", f"not a regular expression: {error}")
