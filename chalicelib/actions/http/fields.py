"""URL, query and header fields as they go out, checked: no second line, nothing of the connection's own, none twice. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, quote_plus, urlencode

from pydantic import AfterValidator, WithJsonSchema

from chalicelib.core import jsontext
from chalicelib.registry.spec import ActionError

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]*")
# Set by the connection itself; a second word on them could split one request into two.
_OWN_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect")
    + ("proxy-authorization", "proxy-connection")
)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError("a header's value must be text, a number, a boolean or null")


# One check in place of a union, so that a wrong value is one problem and not four.
HeaderValue = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
def invalid(message: str) -> ActionError:
    """A config that cannot be sent."""
    return ActionError("invalid_config", message)


def scalar_text(value: Any, field: str) -> str:
    """A value as it stands in a query, form or header: strings as they are, all else as compact JSON."""
    try:
        return value if isinstance(value, str) else jsontext.dumps(value)
    except ValueError:
        raise invalid(f"{field} holds a number that is not finite") from None


def encode_pairs(values: Mapping[str, Any], field: str, *, form: bool = False) -> str:
    """`a=1&b=x%20y`: lists repeat their name, nulls are left out; a form writes a space as `+`."""
    pairs = [
        (name, scalar_text(item, f"{field}/{name}"))
        for name, value in values.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    try:
        return urlencode(pairs, quote_via=quote_plus if form else quote, safe="")
    except UnicodeEncodeError:
        raise invalid(f"{field} holds a lone surrogate, which no text can hold") from None


def request_url(url: str, query: Mapping[str, Any]) -> str:
    """The URL with `query` after its own query."""
    encoded = encode_pairs(query, "query")
    if not encoded:
        return url
    base = url.partition("#")[0]
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{encoded}"


def request_headers(given: Mapping[str, Any], idempotency_key: str) -> dict[str, str]:
    """The header fields to send, checked: no second line, no field of the connection's own, none twice."""
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in given.items():
        if value is None:
            continue
        lower = name.lower()
        if _HEADER_NAME.fullmatch(name) is None:
            raise invalid(f"the header name {name[:60]!r} has characters that header names may not have")
        if lower in _OWN_HEADERS:
            raise invalid(f"the header {name!r} is set by the connection itself; remove it")
        if lower in seen:
            raise invalid(f"the header {name!r} is given twice")
        text = scalar_text(value, f"headers/{name}").strip(" \t")
        if _HEADER_VALUE.fullmatch(text) is None:
            raise invalid(f"the header {name!r} has a line break or another control character in its value")
        seen.add(lower)
        headers[name] = text
    if "idempotency-key" not in seen:
        headers["Idempotency-Key"] = idempotency_key
    return headers
