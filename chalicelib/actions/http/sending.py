"""Sending one request as a node: with its credential, over its transport, and with errors that the engine understands."""

from __future__ import annotations

import hashlib
import ssl
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from chalicelib.core.egress import EgressDenied, parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import DIRECT, MAX_BODY_BYTES, MAX_REDIRECTS, CallFailed, HttpClient, Response, Transport, http_client
from chalicelib.credentials.spec import Outgoing
from chalicelib.credentials.types.client_certificate import load_certificate
from chalicelib.credentials.vault import authenticate, borrow
from chalicelib.credentials.watched import watched
from chalicelib.registry.references import credential_field
from chalicelib.registry.spec import ActionError, Config, NodeContext

_CONTEXTS_KEPT = 200


class CallError(ActionError):
    """A call without an answer; `unsent` says that the other side cannot have acted."""

    def __init__(self, error: CallFailed) -> None:
        super().__init__(error.code, error.detail, error_class=error.error_class)
        self.unsent = error.unsent


class Auth(Config):
    """Who the node acts as."""

    credential: str = credential_field("http")


class Certificate(Config):
    """The certificate the node shows."""

    credential: str = credential_field("client_certificate")


class ProxyAuth(Config):
    """Who the node is to its proxy."""

    credential: str = credential_field("basic")


class Tls(Config):
    """How the server is checked, and what the node shows it."""

    verify: bool = Field(default=True, description="Whether the server's certificate is checked. Without, anybody on the way can read and change everything.")
    ca: str | None = Field(default=None, max_length=200_000, description="Certificates to trust, in PEM, in place of the usual ones.")
    client: Certificate | None = Field(default=None, description="The client certificate to show (mutual TLS).")


class Proxy(Config):
    """A proxy on the way."""

    url: str = Field(min_length=1, description="http://host:port")
    auth: ProxyAuth | None = Field(default=None, description="User and password for it.")


def client_of(ctx: NodeContext) -> HttpClient:
    """The home's client, or the running loop's. Raises ActionError `egress_denied` for a setting that cannot be read, since that allows nothing."""
    try:
        found: HttpClient = ctx.clients.get("http") or http_client()
    except ValueError as error:
        raise ActionError(EgressDenied.code, str(error)) from None
    return found


async def send(
    ctx: NodeContext,
    request: Outgoing,
    *,
    auth: str | None = None,
    signer: str = "",
    transport: Transport = DIRECT,
    max_bytes: int = MAX_BODY_BYTES,
    redirects: int = MAX_REDIRECTS,
) -> Response:
    """One call. With a credential (`auth`) that needs an access token, an answer of 401 has the token renewed and the call made once more. `signer` is the id of a
    credential that the request is signed with already.

    Raises ActionError: egress_denied, invalid_url, circuit_open, those of credentials, and as CallError connection_failed, timeout, tls_error, too_many_redirects,
    response_too_large, invalid_response.
    """
    client = client_of(ctx)
    way = _Way(ctx, client, transport, max_bytes, redirects)
    try:
        if auth is None:
            return await way.call(request, signer)
        plain = Outgoing(request.method, request.url, dict(request.headers), request.body)
        opened = await authenticate(ctx, auth, request, client)
        response = await way.call(request, opened.id)
        if response.status == 401 and opened.spec.grant is not None:
            await authenticate(ctx, auth, plain, client, renew=True)
            response = await way.call(plain, opened.id)
        return response
    except CallFailed as error:
        raise CallError(error) from None
    except MillraceError as error:
        raise ActionError(error.code, error.detail) from None


@dataclass(frozen=True, slots=True)
class _Way:
    """How the calls of one node go out; each is counted by credential and host, and held back while their circuit is open."""

    ctx: NodeContext
    client: HttpClient
    transport: Transport
    max_bytes: int
    redirects: int

    async def call(self, request: Outgoing, credential_id: str) -> Response:
        target = parse_url(request.url)
        with watched(self.ctx, credential_id, f"{target.host}:{target.port}") as watch:
            response = await self._send(request)
            watch.answered(response.status)
        return response

    async def _send(self, request: Outgoing) -> Response:
        return await self.client.call(
            request.method,
            request.url,
            headers=request.headers,
            body=request.body,
            timeout=self.ctx.timeout_seconds,
            max_bytes=self.max_bytes,
            secret_headers=request.secret_headers,
            redirects=self.redirects,
            transport=self.transport,
        )


async def transport_of(ctx: NodeContext, tls: Tls | None, proxy: Proxy | None) -> Transport:
    """The transport a node asks for. Raises ActionError `invalid_config` and those of credentials."""
    if tls is None and proxy is None:
        return DIRECT
    context = await _context(ctx, tls) if tls is not None else None
    if proxy is None:
        return Transport(tls=context)
    if not proxy.url.startswith("http://"):
        raise ActionError("invalid_config", "proxy/url must begin with http://")
    headers: dict[str, str] = {}
    if proxy.auth is not None:
        opened = await borrow(ctx, proxy.auth.credential, ("basic",))
        request = Outgoing("CONNECT", proxy.url, {})
        await authenticate(ctx, opened.id, request, client_of(ctx))
        headers["Authorization"] = request.headers["Authorization"]  # aiohttp makes Proxy-Authorization of it, on either kind of request
    return Transport(context, proxy.url, headers or None)


_contexts: OrderedDict[tuple[Any, ...], ssl.SSLContext] = OrderedDict()


async def _context(ctx: NodeContext, tls: Tls) -> ssl.SSLContext:
    """The same context for the same options, so that connections are shared."""
    opened = await borrow(ctx, tls.client.credential, ("client_certificate",)) if tls.client is not None else None
    ca = hashlib.sha256(tls.ca.encode("utf-8", "replace")).hexdigest() if tls.ca is not None else None
    key = (tls.verify, ca, opened.id if opened else None, opened.revision if opened else None)
    context = _contexts.get(key)
    if context is None:
        context = _contexts[key] = _new_context(tls)
        if opened is not None:
            load_certificate(context, opened.data)
        while len(_contexts) > _CONTEXTS_KEPT:
            _contexts.popitem(last=False)
    _contexts.move_to_end(key)
    return context


def _new_context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=tls.ca)
    except (ssl.SSLError, ValueError, UnicodeError):
        raise ActionError("invalid_config", "tls/ca holds no certificates in PEM") from None
    if tls.ca is not None:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # private CAs often leave out key identifiers, which says nothing about trust
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
