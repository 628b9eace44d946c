"""Lists: `limit`, an opaque `cursor`, and `{"items": [...], "next_cursor": ...}`."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.api.request import Request
from chalicelib.core.errors import BadRequest, ValidationFailed

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_DIGITS = re.compile(r"[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class Page:
    """How many, and after which key (None: from the start). Ask a repository for `limit + 1` rows to know whether more follow."""

    limit: int
    after: str | None


def read_page(request: Request, kind: str) -> Page:
    """The page a request asks for; `kind` names the list, so that a cursor of another is refused.

    Raises ValidationFailed for a limit outside 1 to 200 and BadRequest `invalid_cursor`.
    """
    return Page(read_limit(request), read_cursor(request.first("cursor"), kind))


def integer(request: Request, name: str, low: int, high: int) -> int | None:
    """A whole number from the query, None when absent. Raises ValidationFailed when it is none or out of range."""
    text = request.first(name)
    if text is None:
        return None
    number = int(text) if _DIGITS.match(text) else -1
    if not low <= number <= high:
        message = f"{name} must be a whole number from {low} to {high}"
        raise ValidationFailed([{"path": f"/{name}", "code": "out_of_range", "message": message}])
    return number


def read_limit(request: Request) -> int:
    """The `limit` of a request, 50 without one. Raises ValidationFailed outside 1 to 200."""
    limit = integer(request, "limit", 1, MAX_LIMIT)
    return DEFAULT_LIMIT if limit is None else limit


def read_cursor(text: str | None, kind: str) -> str | None:
    """The key in a cursor that the list `kind` gave out, None without one. Raises BadRequest `invalid_cursor`."""
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        said, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if said == kind and isinstance(key, str) and len(key) < 100 and key.isascii() and key.isprintable():
            return key
    except (UnicodeEncodeError, binascii.Error, ValueError, TypeError, RecursionError):
        pass
    raise BadRequest("the cursor is not one this list gave out; start again without it", code="invalid_cursor")


def cursor(kind: str, key: str) -> str:
    """The opaque text for `next_cursor`."""
    return base64.urlsafe_b64encode(json.dumps([kind, key]).encode()).decode("ascii").rstrip("=")


def listing(
    rows: Sequence[Any], page: Page, kind: str, key: Callable[[Any], str], show: Callable[[Any], Mapping[str, Any]]
) -> dict[str, Any]:
    """The answer for `rows`, of which there is one more than the limit when another page follows."""
    shown = rows[: page.limit]
    following = cursor(kind, key(shown[-1])) if len(rows) > page.limit else None
    return {"items": [show(row) for row in shown], "next_cursor": following}
