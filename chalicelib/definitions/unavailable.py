"""Parts of the language that this version of the engine does not honour yet. They are refused, so that nobody relies on what would be ignored."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.definitions.issues import Issue
from chalicelib.definitions.schema import Definition

CODE = "not_available"


def find_unavailable(definition: Definition) -> Iterable[Issue]:
    """One error for each use of a part that is not available."""
    if definition.settings.concurrency is not None:
        yield _issue("/settings/concurrency", "a concurrency limit")
    if definition.settings.retention_days is not None:
        message = "history is kept for ever in this version; retention_days has no effect yet"
        yield Issue("/settings/retention_days", CODE, message, "warning")


def _issue(path: str, what: str) -> Issue:
    return Issue(path, CODE, f"{what} is part of the language but not available in this version; remove it to publish")
