"""The `input_schema` of published definitions, remembered by id: a definition never changes."""

from __future__ import annotations

import threading
from typing import Any

from chalicelib.core.hot import Execute
from chalicelib.core.jsontext import loads

MAX_REMEMBERED = 512

_BODY = "SELECT body FROM definitions WHERE id = %(id)s"
_known: dict[str, Any] = {}
_lock = threading.Lock()


def input_schema_of(execute: Execute, definition_id: str) -> Any:
    """The schema, None when the definition has none. Always the same object for the same definition, so that validators can be kept with it."""
    with _lock:
        if definition_id in _known:
            return _known[definition_id]
    found = execute(_BODY, {"id": definition_id})
    schema = (
        loads(found[0]["body"]).get("input_schema") if found else None
    )  # not in SQL: a cast to json refuses lone surrogates anywhere in the body
    with _lock:
        if len(_known) >= MAX_REMEMBERED:
            _known.pop(next(iter(_known)))
        return _known.setdefault(definition_id, schema)
