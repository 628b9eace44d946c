"""What a draft must be to be stored, and what still keeps it from being published. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from chalicelib.core.errors import ValidationFailed
from chalicelib.core.jsontext import dumps, loads
from chalicelib.custom_actions.service import Types
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.schema import parse_definition
from chalicelib.definitions.validate import find_issues

PREFIX = "/definition"
_MAX_REMEMBERED = 512
_found: OrderedDict[bytes, tuple[Issue, ...]] = OrderedDict()


def to_text(definition: Any) -> str:
    """The draft as it is stored. Raises ValidationFailed, paths under /definition, when it is not well formed or larger than 1 MB."""
    try:
        parse_definition(definition)
    except ValidationFailed as error:
        raise ValidationFailed([{**problem, "path": PREFIX + problem["path"]} for problem in error.errors]) from None
    return dumps(definition)


def issues_of(text: str, types: Types) -> tuple[Issue, ...]:
    """Everything the validator says of a stored draft, in document order; remembered by content, since reading a workflow asks for it too."""
    digest = hashlib.sha256(f"{text}\n{types.documents or ''}".encode()).digest()
    known = _found.get(digest)
    if known is None:
        definition = parse_definition(loads(text))
        known = tuple(find_issues(definition, types.catalogue))
        _found[digest] = known
        while len(_found) > _MAX_REMEMBERED:
            _found.popitem(last=False)
    return known


def shown(issue: Issue) -> dict[str, str]:
    """An issue as the API shows it, its path relative to the resource that holds the definition."""
    return issue.under(PREFIX).as_json()


def malformed(error: ValidationFailed) -> list[dict[str, str]]:
    """What `to_text` refused, as issues."""
    return [{"path": p["path"], "code": p["code"], "message": p["message"], "severity": "error"} for p in error.errors]


def require_valid(issues: Iterable[Issue]) -> None:
    """Raises ValidationFailed with every error; warnings pass."""
    errors = [shown(issue) for issue in issues if issue.severity == "error"]
    if errors:
        raise ValidationFailed([{"path": e["path"], "code": e["code"], "message": e["message"]} for e in errors])


def slug_from(name: str) -> str:
    """A slug for a workflow that was given none: its name in lower-case ASCII, at most 50 characters."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "workflow"
