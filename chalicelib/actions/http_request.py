"""http.request: call an HTTP API.

The URL goes out as given; `query` is encoded. Every call carries the node's Idempotency-Key, and every connection passes the egress guard. Messages name method and
origin only, never path, query, headers or the request's body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from chalicelib.actions.http.answers import answer_body, excerpt, output_headers, status_error
from chalicelib.actions.http.bodies import BodyType, request_body
from chalicelib.actions.http.fields import HeaderValue, request_headers, request_url
from chalicelib.actions.http.pages import Collected, Pagination, first_url, next_url, take
from chalicelib.actions.http.sending import Auth, Proxy, Tls, send, transport_of
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.http import MAX_BODY_BYTES, MAX_REDIRECTS, Response, Transport
from chalicelib.credentials.spec import Outgoing
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

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
    body: Any = Field(default=None, description="What to send, by `body_type`; null is no body.")
    body_type: BodyType = Field(
        default="auto",
        description="auto: text as it is, anything else as JSON, or as the header content-type says. form and multipart take an object of fields (files: "
        "{filename, content_type, base64}), binary takes base64, xml text or an object, graphql a query or {query, variables}.",
    )
    auth: Auth | None = Field(default=None, description="The credential to act with.")
    fail_on_status: bool = Field(default=True, description="Whether an answer of 400 or above fails the node.")
    response: Literal["auto", "json", "text"] = Field(
        default="auto", description="How to read the answer's body: by its content type, as JSON, or as text."
    )
    pagination: Pagination | None = Field(default=None, description="Ask for further pages; the output's body is then the list of all items.")
    follow_redirects: bool = Field(default=True, description="Whether redirects are followed; credentials never follow one to another origin.")
    max_bytes: int = Field(default=MAX_BODY_BYTES, ge=1, le=MAX_BODY_BYTES, description="The most the answer's body may have, as received and as decoded.")
    tls: Tls | None = Field(default=None, description="How the server is checked, and a client certificate.")
    proxy: Proxy | None = Field(default=None, description="A proxy on the way.")


async def run(ctx: NodeContext, config: HttpRequestConfig) -> Done:
    """Makes the call once. Errors: egress_denied, invalid_url, invalid_config, http_status (class http.<code>), graphql_error, connection_failed, timeout,
    tls_error, too_many_redirects, response_too_large, invalid_response, and those of credentials (credential_…)."""
    transport = await transport_of(ctx, config.tls, config.proxy)
    url = request_url(config.url, config.query)
    try:
        parse_url(url)
    except (EgressDenied, InvalidUrl) as error:
        raise ActionError(error.code, f"url: {error.detail}") from None
    if config.pagination is not None:
        return Done(await _all_pages(ctx, config, config.pagination, url, transport))
    return Done((await _one(ctx, config, url, ctx.idempotency_key, transport))[0])


async def _one(ctx: NodeContext, config: HttpRequestConfig, url: str, key: str, transport: Transport) -> tuple[dict[str, Any], Response]:
    """One request and its answer: the output, and the response it was made of. Raises ActionError."""
    headers = request_headers(config.headers, key)
    body = request_body(config.body, headers, config.body_type)
    request = Outgoing(config.method, url, headers, body)
    response = await send(
        ctx,
        request,
        auth=config.auth.credential if config.auth else None,
        transport=transport,
        max_bytes=config.max_bytes,
        redirects=MAX_REDIRECTS if config.follow_redirects else -1,
    )
    if ctx.secrets:
        response = replace(response, body=await asyncio.to_thread(ctx.secrets.raw, response.body))
    failed = config.fail_on_status and response.status >= 400
    output = {
        "status": response.status,
        "headers": output_headers(response.headers),
        "body": answer_body(response, "auto" if failed else config.response),
    }
    if failed:
        raise status_error(config.method, response, ctx.secrets.text(excerpt(response.body, url, headers)), output)
    _check_graphql(config, response, output)
    return output, response


def _check_graphql(config: HttpRequestConfig, response: Response, output: dict[str, Any]) -> None:
    """GraphQL answers 200 with `errors`; without data that is a failure."""
    body = output["body"]
    if config.body_type != "graphql" or not config.fail_on_status or not isinstance(body, dict) or not body.get("errors"):
        return
    if body.get("data") is None:
        first = body["errors"][0] if isinstance(body["errors"], list) else {}
        said = first.get("message") if isinstance(first, dict) else None
        words = f": {said[:300]}" if isinstance(said, str) else ""
        raise ActionError("graphql_error", f"{response.target.origin} answered with errors and no data{words}", output=output)


async def _all_pages(
    ctx: NodeContext, config: HttpRequestConfig, paging: Pagination, url: str, transport: Transport
) -> dict[str, Any]:
    """Page after page until the last, or the cap. Each page has an idempotency key of its own, the same on each attempt."""
    collected = Collected()
    following: str | None = first_url(url, paging)
    while True:
        assert following is not None, "there is a first page"
        key = ctx.idempotency_key if collected.pages == 0 else f"{ctx.idempotency_key}.page{collected.pages + 1}"
        output, response = await _one(ctx, config, following, key, transport)
        count = take(collected, output["body"], paging)
        following = next_url(following, response, output["body"], paging, collected, count)
        full = paging.max_items is not None and len(collected.items) >= paging.max_items
        if following is None or full or collected.pages >= paging.max_pages:
            break
    more = following is not None or (paging.max_items is not None and len(collected.items) > paging.max_items)
    return {**output, "body": collected.items[: paging.max_items], "pages": collected.pages, "truncated": more}


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """What is already known to fail of a URL without expressions, and what is allowed but risky. Addresses are judged when the node runs, by the setting of
    the engine that runs it."""
    issues = []
    tls = config.get("tls")
    if isinstance(tls, Mapping) and tls.get("verify") is False:
        message = "the server's certificate is not checked, so anybody on the way can read and change what is sent; give its CA in tls.ca instead"
        issues.append(Issue("/tls/verify", "tls_not_verified", message, "warning"))
    url = config["url"]
    if "{{" in url:
        return issues
    try:
        parse_url(url)
    except (EgressDenied, InvalidUrl) as error:
        issues.append(Issue("/url", error.code, error.detail, "warning"))
    return issues


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
            "body": {"description": "Parsed JSON, text, {content_type, base64}, or null when empty; with pagination the list of all items."},
            "pages": {"type": "integer", "description": "With pagination: how many requests were made."},
            "truncated": {"type": "boolean", "description": "With pagination: whether there was more than the caps allow."},
        },
        "required": ["status", "headers", "body"],
    },
    example={"method": "POST", "url": "https://api.example.com/orders", "body": {"id": "{{ input.id }}"}},
    warn=warn,
)
