"""JSON Pointers into documents."""

from __future__ import annotations

from typing import Any


def value_at(document: Any, pointer: str) -> Any:
    """What a JSON Pointer names, or None."""
    value = document
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value
