"""http.request: call an HTTP API.

The URL goes out as given; `query` is encoded. Every call carries the node's Idempotency-Key, and every connection passes the egress guard. Messages name method and
origin only, never path, query, headers or the request's body.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from chalicelib.core import jsontext
from chalicelib.core.clock import utc_now
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import CallFailed, HttpClient, Response, http_client
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

FORM = "application/x-www-form-urlencoded"
EXCERPT_CHARACTERS = 300
MAX_RETRY_AFTER = 365 * 86400.0

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]*")
# Set by the connection itself; a second word on them could split one request into two.
_OWN_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect")
    + ("proxy-authorization", "proxy-connection")
)
_SECRET_NAME = re.compile(r"auth|cookie|token|secret|key|signature|password", re.IGNORECASE)
_JSON_TYPE = re.compile(r"(?:application|text)/json|[^/]+/[^/]+\+json")
_TEXT_TYPE = re.compile(r"text/.*|[^/]+/[^/]+\+(?:xml|yaml)|application/(?:xml|yaml|x-yaml|javascript|graphql|x-ndjson|jsonl|sql|toml|x-www-form-urlencoded)")
# Not every codec Python knows: some are no charsets, and some take quadratic time.
_CHARSET = re.compile(
    r"utf-?8|utf-?(16|32)([_-]?[lb]e)?|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?1|(windows-?|cp)125\d|shift_?jis|euc-?(jp|kr)|gbk|gb2312|gb18030|big5|koi8-?[ru]"
)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError("a header's value must be text, a number, a boolean or null")


# One check in place of a union, so that a wrong value is one problem and not four.
HeaderValue = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
Method = Annotated[
    Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]


class HttpRequestConfig(Config):
    """What to send and how to read the answer."""

    method: Method = "GET"
    url: str = Field(min_length=1, description="An http or https URL, used as it is: text put in by {{ }} is not encoded, use `query` for that.")
    headers: dict[str, HeaderValue] = Field(default_factory=dict, max_length=100, description="Header fields; null leaves one out.")
    query: dict[str, Any] = Field(
        default_factory=dict, max_length=500, description="Added to the URL's query, encoded; a list repeats its name, null leaves it out."
    )
    body: Any = Field(
        default=None,
        description="An object, list, number or boolean goes as JSON (or as a form, when the header content-type says so), a string as it is, null as no body.",
    )
    fail_on_status: bool = Field(default=True, description="Whether an answer of 400 or above fails the node.")
    response: Literal["auto", "json", "text"] = Field(
        default="auto", description="How to read the answer's body: by its content type, as JSON, or as text."
    )


def _invalid(message: str) -> ActionError:
    return ActionError("invalid_config", message)


def scalar_text(value: Any, field: str) -> str:
    """A value as it stands in a query, form or header: strings as they are, all else as compact JSON."""
    try:
        return value if isinstance(value, str) else jsontext.dumps(value)
    except ValueError:
        raise _invalid(f"{field} holds a number that is not finite") from None


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
        raise _invalid(f"{field} holds a lone surrogate, which no text can hold") from None


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
            raise _invalid(f"the header name {name[:60]!r} has characters that header names may not have")
        if lower in _OWN_HEADERS:
            raise _invalid(f"the header {name!r} is set by the connection itself; remove it")
        if lower in seen:
            raise _invalid(f"the header {name!r} is given twice")
        text = scalar_text(value, f"headers/{name}").strip(" \t")
        if _HEADER_VALUE.fullmatch(text) is None:
            raise _invalid(f"the header {name!r} has a line break or another control character in its value")
        seen.add(lower)
        headers[name] = text
    if "idempotency-key" not in seen:
        headers["Idempotency-Key"] = idempotency_key
    return headers


def request_body(body: Any, headers: dict[str, str]) -> bytes | None:
    """The bytes to send; adds the content type to `headers` when they have none."""
    if body is None:
        return None
    declared = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    media_type = (declared or "").partition(";")[0].strip().lower()
    if media_type.startswith("multipart/"):
        raise _invalid("multipart bodies cannot be sent yet; send JSON, a form or text")
    if isinstance(body, str):
        headers.update({} if declared else {"Content-Type": "text/plain; charset=utf-8"})
        try:
            return body.encode("utf-8")
        except UnicodeEncodeError:
            raise _invalid("the body holds a lone surrogate, which no text can hold") from None
    if media_type == FORM:
        if not isinstance(body, Mapping):
            raise _invalid(f"a form body must be an object or a string, this one is a {type(body).__name__}")
        return encode_pairs(body, "body", form=True).encode("ascii")
    headers.update({} if declared else {"Content-Type": "application/json"})
    return scalar_text(body, "body").encode("ascii")


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


def _status_error(method: str, response: Response, said: str, output: Any) -> ActionError:
    status = response.status
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    message = f"{method} {response.target.origin} answered {status} {phrase}".rstrip() + (f": {said}" if said else "")
    wait = retry_after(response, utc_now()) if status in (429, 503) else None
    return ActionError("http_status", message, error_class=f"http.{status}", retry_after=wait, output=output)


async def run(ctx: NodeContext, config: HttpRequestConfig) -> Done:
    """Makes the call once. Errors: egress_denied, invalid_url, invalid_config, http_status (class http.<code>), connection_failed, timeout, tls_error,
    too_many_redirects, response_too_large, invalid_response."""
    headers = request_headers(config.headers, ctx.idempotency_key)
    body = request_body(config.body, headers)
    url = request_url(config.url, config.query)
    try:
        client: HttpClient = ctx.clients.get("http") or http_client()
        response = await client.call(config.method, url, headers=headers, body=body, timeout=ctx.timeout_seconds)
    except CallFailed as error:
        raise ActionError(error.code, error.detail, error_class=error.error_class) from None
    except MillraceError as error:
        raise ActionError(error.code, error.detail) from None
    except ValueError as error:
        # A setting that cannot be read allows nothing.
        raise ActionError(EgressDenied.code, str(error)) from None
    failed = config.fail_on_status and response.status >= 400
    output = {
        "status": response.status,
        "headers": output_headers(response.headers),
        "body": answer_body(response, "auto" if failed else config.response),
    }
    if failed:
        raise _status_error(config.method, response, excerpt(response.body, url, headers), output)
    return Done(output)


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """What is already known to fail of a URL without expressions. Addresses are judged when the node runs, by the setting of the engine that runs it."""
    url = config["url"]
    if "{{" in url:
        return []
    try:
        parse_url(url)
    except (EgressDenied, InvalidUrl) as error:
        return [Issue("/url", error.code, error.detail, "warning")]
    return []


SPEC = ActionSpec(
    type="http.request",
    title="HTTP request",
    description="Calls an HTTP API and passes on status, headers and body.",
    kind="action",
    icon="world-www",
    config_model=HttpRequestConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {
            "status": {"type": "integer"},
            "headers": {"type": "object", "description": "Lower-case names; set-cookie is a list."},
            "body": {"description": "Parsed JSON, text, {content_type, base64}, or null when empty."},
        },
        "required": ["status", "headers", "body"],
    },
    example={"method": "POST", "url": "https://api.example.com/orders", "body": {"id": "{{ input.id }}"}},
    warn=warn,
)
