"""Parts of the language that this version of the engine does not honour yet. They are refused, so that nobody relies on what would be ignored."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.definitions.issues import Issue
from chalicelib.definitions.schema import Definition

CODE = "not_available"


def find_unavailable(definition: Definition) -> Iterable[Issue]:
    """One error for each use of a part that is not available."""
    if definition.settings.retention_days is not None:
        message = "history is kept for ever in this version; retention_days has no effect yet"
        yield Issue("/settings/retention_days", CODE, message, "warning")
