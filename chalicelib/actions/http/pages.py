"""Pagination: which request follows an answer, by a Link header, a cursor, a page number or an offset. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from pydantic import Field

from chalicelib.actions.http.fields import scalar_text
from chalicelib.core.http import Response
from chalicelib.registry.spec import ActionError, Config

MAX_PAGES = 1_000
MAX_ITEMS = 100_000
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s\";,]+))?)*)")
_REL_NEXT = re.compile(r"""(?:^|;)\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)\s*(?:;|$)""", re.IGNORECASE)


class Pagination(Config):
    """How to ask for what does not fit one answer."""

    type: Literal["link", "next_url", "cursor", "page", "offset"] = Field(
        description="link: the Link header's rel=next. next_url: a URL in the body. cursor: a value in the body goes into the next request. page, offset: counted."
    )
    next: str | None = Field(default=None, max_length=500, description="JSON Pointer into the body to the next URL or cursor, such as /meta/next.")
    parameter: str | None = Field(default=None, min_length=1, max_length=200, description="The query parameter for cursor, page or offset (default: its name).")
    start: int = Field(default=1, ge=0, description="The first page's number, for page; the first offset, for offset, is 0.")
    size: int | None = Field(default=None, ge=1, description="How many items a page has: a page with fewer is the last (page, offset).")
    items: str | None = Field(default=None, max_length=500, description="JSON Pointer into the body to the list of items, such as /data; empty text is the body itself.")
    max_pages: int = Field(default=10, ge=1, le=MAX_PAGES, description="At most so many requests.")
    max_items: int | None = Field(default=None, ge=1, le=MAX_ITEMS, description="At most so many items.")


@dataclass
class Collected:
    """What the pages so far held."""

    pages: int = 0
    items: list[Any] = field(default_factory=list)
    truncated: bool = False


def at_pointer(document: Any, pointer: str) -> Any:
    """What a JSON Pointer names, or None."""
    value = document
    for token in pointer.split("/")[1:] if pointer else []:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value


def first_url(url: str, paging: Pagination) -> str:
    """The first request's URL: counted pages begin with their number."""
    if paging.type == "page":
        return with_parameter(url, paging.parameter or "page", str(paging.start))
    if paging.type == "offset":
        return with_parameter(url, paging.parameter or "offset", "0")
    return url


def take(collected: Collected, body: Any, paging: Pagination) -> int | None:
    """Add a page; returns how many items it had, None when items are not asked for. Raises ActionError `invalid_response`."""
    collected.pages += 1
    if paging.items is None:
        collected.items.append(body)
        return None
    found = at_pointer(body, paging.items)
    if found is None:
        found = []
    if not isinstance(found, list):
        where = paging.items or "the body itself"
        raise ActionError("invalid_response", f"page {collected.pages}: {where} is no list of items; check pagination.items")
    collected.items += found
    return len(found)


def next_url(url: str, response: Response, body: Any, paging: Pagination, collected: Collected, count: int | None) -> str | None:
    """The URL of the next page, None after the last. Raises ActionError `invalid_response` for one of another origin, which could be anybody's."""
    following = _following(url, response, body, paging, collected, count)
    if following is None or following == url:
        return None
    if urlsplit(following)[:2] != urlsplit(url)[:2]:
        raise ActionError("invalid_response", f"page {collected.pages} leads to another origin, which is not followed")
    return following


def _following(url: str, response: Response, body: Any, paging: Pagination, collected: Collected, count: int | None) -> str | None:
    match paging.type:
        case "link":
            target = link_next([value for name, value in response.headers if name == "link"])
            return _joined(url, target)
        case "next_url":
            return _joined(url, at_pointer(body, paging.next or "/next"))
        case "cursor":
            cursor = at_pointer(body, paging.next or "/next_cursor")
            if cursor is None or cursor == "" or cursor is False:
                return None
            return with_parameter(url, paging.parameter or "cursor", scalar_text(cursor, "cursor"))
    if count == 0 or (paging.size is not None and count is not None and count < paging.size):
        return None
    if count is None and (body is None or body == [] or body == {}):
        return None
    if paging.type == "page":
        return with_parameter(url, paging.parameter or "page", str(paging.start + collected.pages))
    passed = len(collected.items) if count is not None else collected.pages * (paging.size or 1)
    return with_parameter(url, paging.parameter or "offset", str(passed))


def _joined(url: str, target: Any) -> str | None:
    if not isinstance(target, str) or not target:
        return None
    try:
        joined = urljoin(url, quote(target, safe="%/:?#[]@!$&'()*+,;=~-._"))
        return joined if urlsplit(joined).netloc else None
    except ValueError:
        return None


def link_next(values: list[str]) -> str | None:
    """The target of rel=next among Link headers (RFC 8288)."""
    for value in values:
        for target, parameters in _LINK.findall(value[:20_000]):
            if _REL_NEXT.search(parameters):
                return str(target)
    return None


def with_parameter(url: str, name: str, value: str) -> str:
    """The URL with one query parameter set, in place of any of its name."""
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and not any(key == name for key, _ in parse_qsl(pair, keep_blank_values=True))]
    query = "&".join([*kept, urlencode([(name, value)], quote_via=quote, safe="")])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
