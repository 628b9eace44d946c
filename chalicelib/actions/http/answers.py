"""Answers as a node's output has them, and errors made of them. Pure."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from chalicelib.core import jsontext
from chalicelib.core.clock import utc_now
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import Response
from chalicelib.registry.spec import ActionError

EXCERPT_CHARACTERS = 300
MAX_RETRY_AFTER = 365 * 86400.0

_SECRET_NAME = re.compile(r"auth|cookie|token|secret|key|signature|password", re.IGNORECASE)
_JSON_TYPE = re.compile(r"(?:application|text)/json|[^/]+/[^/]+\+json")
_TEXT_TYPE = re.compile(r"text/.*|[^/]+/[^/]+\+(?:xml|yaml)|application/(?:xml|yaml|x-yaml|javascript|graphql|x-ndjson|jsonl|sql|toml|x-www-form-urlencoded)")
# Not every codec Python knows: some are no charsets, and some take quadratic time.
_CHARSET = re.compile(
    r"utf-?8|utf-?(16|32)([_-]?[lb]e)?|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?1|(windows-?|cp)125\d|shift_?jis|euc-?(jp|kr)|gbk|gb2312|gb18030|big5|koi8-?[ru]"
)


def output_headers(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Lower-case names; repeated ones joined by `, `, but `set-cookie`, which holds commas, is always a list."""
    headers: dict[str, Any] = {}
    for name, value in pairs:
        if name == "set-cookie":
            headers.setdefault(name, []).append(value)
        else:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _decoded(body: bytes, charset: str | None) -> str | None:
    """The body as text, exactly; None when it is not text in its charset."""
    charset = (charset or "utf-8").lower()
    if _CHARSET.fullmatch(charset) is None:
        return None
    try:
        return body.decode("utf-8-sig" if charset in ("utf-8", "utf8") else charset)
    except (UnicodeError, LookupError):
        return None


def answer_body(response: Response, mode: str) -> Any:
    """The body as the node's output has it; None for an empty one. Raises ActionError `invalid_response` when `mode` asks for what it is not."""
    if not response.body:
        return None
    content_type = response.header("content-type") or ""
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    charset = re.search(r"charset\s*=\s*\"?([\w.:-]+)", parameters, re.IGNORECASE)
    text = _decoded(response.body, charset.group(1) if charset else None)
    if mode == "json" or (mode == "auto" and text is not None and _JSON_TYPE.fullmatch(media_type)):
        try:
            if text is None:
                raise _unreadable(response, "text in its charset")
            return jsontext.loads(text)
        except MillraceError as error:
            if mode == "json":
                raise _unreadable(response, f"JSON: {error.detail}") from None
            return text
    if mode == "text":
        if text is None:
            raise _unreadable(response, "text in its charset; read it with response: auto")
        return text
    if text is not None and (not media_type or _TEXT_TYPE.fullmatch(media_type)):
        return text
    return {"content_type": content_type or "application/octet-stream", "base64": base64.b64encode(response.body).decode("ascii")}


def _unreadable(response: Response, wanted: str) -> ActionError:
    return ActionError("invalid_response", f"{response.target.origin} answered {response.status} with a body that is not {wanted}")


def retry_after(response: Response, now: datetime) -> float | None:
    """The seconds the server asks to wait, from Retry-After in either form; a date is held against the server's own Date when it sends one."""
    value = (response.header("retry-after") or "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value):
        return min(float(value), MAX_RETRY_AFTER)
    until, server_now = _http_date(value), _http_date(response.header("date") or "")
    if until is None:
        return None
    return min(max(math.ceil((until - (server_now or now)).total_seconds()), 0), MAX_RETRY_AFTER)


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def excerpt(body: bytes, url: str, headers: Mapping[str, str]) -> str:
    """The beginning of an error's body on one line, without what the request's own secret headers and query fields held, should the server repeat them."""
    text = body[: 16 * EXCERPT_CHARACTERS].decode("utf-8", "replace")
    secrets: set[str] = set()
    for name, value in [*headers.items(), *parse_qsl(url.partition("?")[2])]:
        if _SECRET_NAME.search(name) and name.lower() != "idempotency-key":
            secrets.update((value, quote(value, safe=""), *value.split()))
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[redacted]") if len(secret) >= 8 else text
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= EXCERPT_CHARACTERS else text[:EXCERPT_CHARACTERS] + "…"


def status_error(method: str, response: Response, said: str, output: Any) -> ActionError:
    """What a status of 400 or above means to the node; `said` is the beginning of the answer's body."""
    status = response.status
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    message = f"{method} {response.target.origin} answered {status} {phrase}".rstrip() + (f": {said}" if said else "")
    wait = retry_after(response, utc_now()) if status in (429, 503) else None
    return ActionError("http_status", message, error_class=f"http.{status}", retry_after=wait, output=output)
