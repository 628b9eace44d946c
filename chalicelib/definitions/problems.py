"""Problems of form: where, which, and in words that say what to do. Also the check that a value is JSON that can be kept at all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.core.expressions import suggestion
from chalicelib.core.jsontext import INT64, MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` is a JSON Pointer, `code` stable, `message` for people."""

    path: str
    code: str
    message: str


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of these steps; '' is the whole document."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def place_in(document: Any, path: str) -> list[int]:
    """Where a path stands in a document, for sorting as the document is written; a field that is missing comes first in its object."""
    place: list[int] = []
    value = document
    for token in path.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            place.append(list(value).index(token) if token in value else -1)
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            place.append(int(token))
            value = value[int(token)]
        else:
            place.append(0)
            value = None
    return place


def json_problems(raw: Any, max_bytes: int) -> list[Problem]:
    """Why a value cannot be looked at further: it is no JSON, nests too deeply or is too large. Never recurses."""
    level: list[tuple[str, Any]] = [("", raw)]
    for _ in range(MAX_DEPTH + 1):
        following: list[tuple[str, Any]] = []
        for path, value in level:
            found = _not_json(path, value, following)
            if found:
                return [found]
        if not following:
            break
        level = following
    else:
        return [Problem("", "too_deep", f"arrays and objects nest deeper than {MAX_DEPTH} levels")]
    size = len(json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        return [Problem("", "definition_too_large", f"the definition has {size} bytes of JSON; at most {max_bytes} are allowed")]
    return []


def _not_json(path: str, value: Any, following: list[tuple[str, Any]]) -> Problem | None:
    kind = type(value)
    if kind is dict:
        for key, entry in value.items():
            if type(key) is not str:
                return Problem(path, "not_json", "the keys of an object must be strings")
            following.append((f"{path}{pointer([key])}", entry))
    elif kind is list:
        following.extend((f"{path}/{index}", entry) for index, entry in enumerate(value))
    elif kind is int and value not in INT64:
        return Problem(path, "number_out_of_range", "this integer does not fit 64 bits; write it as a string")
    elif kind is float and not math.isfinite(value):
        return Problem(path, "not_json", f"{value} is not JSON")
    elif kind not in (int, float, str, bool, type(None)):
        return Problem(path, "not_json", f"a value of type {kind.__name__} is not JSON")
    return None


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "an object",
    "list_type": "a list",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def words_for(detail: Any, known_fields: list[str]) -> tuple[str, str]:
    """The code and the sentence for one of pydantic's error details."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail.get("input")
    field = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "missing":
        return "missing", f"'{field}' is required"
    if kind == "extra_forbidden":
        return "unknown_field", f"there is no field '{field[:80]}' here.{suggestion(field, known_fields)}"
    if kind in _WANTED:
        what = "the definition" if not detail["loc"] else "this"
        return "wrong_type", f"{what} must be {_WANTED[kind]}, not {_describe(value)}"
    if kind == "literal_error":
        also = ' or {"quorum": n}' if "'any'" in context["expected"] else ""
        return "not_allowed", f"this must be {context['expected']}{also}, not {_short(value)}"
    if kind == "string_pattern_mismatch":
        return _pattern_words(field, context["pattern"], value)
    if kind == "too_long" and field == "nodes":
        return "too_many_nodes", f"a workflow has at most {context['max_length']} nodes, this one {context['actual_length']}"
    if kind == "value_error":
        return "not_allowed", str(context["error"])
    return kind, _sentence(detail["msg"])


def _pattern_words(field: str, pattern: str, value: Any) -> tuple[str, str]:
    if pattern.startswith("^[a-z]"):
        return "invalid_id", f"{_short(value)} is not an id: 1 to 63 lower-case letters, digits and '_', beginning with a letter"
    return "not_allowed", f"{_short(value)} is not an error class: use timeout, connection, rate_limited, http.5xx or http.<code>"


def _describe(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}.get(
        type(value), "that"
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else text[:80] + "…"


def _sentence(message: str) -> str:
    return message.removeprefix("Input ").replace("Value error, ", "").strip() or "this is not valid"
