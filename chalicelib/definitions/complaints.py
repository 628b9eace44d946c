"""What pydantic complains of, as the API's problems: for request bodies and for the configs of triggers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from chalicelib.definitions.problems import pointer

_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "value_error": "invalid_value",
    "string_pattern_mismatch": "invalid_value",
    "literal_error": "not_allowed",
    "union_tag_invalid": "not_allowed",
    "union_tag_not_found": "missing",
}
_WORDS = {
    "missing": "this field is required",
    "extra_forbidden": "this field is not known here; remove it or check its spelling",
    "string_type": "this should be text",
    "list_type": "this should be a list",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "this should be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "this should be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "this should be true or false"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "this should be an object"),
}


def complaints(error: ValidationError, prefix: str = "", tags: Collection[str] = ()) -> list[dict[str, Any]]:
    """Every problem as {path, code, message}, paths under `prefix`. `tags`: names of union members, which pydantic puts into paths although no document has
    them."""
    return [
        {
            "path": prefix + pointer(part for n, part in enumerate(problem["loc"]) if not (n > 0 and part in tags)),
            "code": _code(problem["type"]),
            "message": words(problem),
        }
        for problem in error.errors(include_url=False, include_input=False)
    ]


def words(problem: Any) -> str:
    """What one of pydantic's problems means, to whoever wrote the document."""
    said = str(problem["msg"]).removeprefix("Value error, ")
    return _WORDS.get(problem["type"]) or (f"this should {said.removeprefix('Input should ')}" if said.startswith("Input should ") else said)


def _code(kind: str) -> str:
    return _CODES.get(kind) or ("wrong_type" if kind.endswith("_type") else kind)
