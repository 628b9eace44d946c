"""HTTP calls to the outside: guarded, bounded, and over connections that executions share.

One HttpClient serves one event loop of a process. Every hop of a call passes the egress guard; no cookie, proxy or password of the environment is used. aiohttp is
imported at the first call, so that importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import Any, cast
from urllib.parse import quote, urljoin

from chalicelib.core.egress import EgressDenied, Guard, InvalidUrl, Target, guard
from chalicelib.core.errors import MillraceError
from chalicelib.core.http_bodies import BodyTooLarge, read_body
from chalicelib.core.version import VERSION

MAX_BODY_BYTES = 10_000_000
MAX_REDIRECTS = 10
MAX_HEADERS = 128
MAX_HEADER_BYTES = 65_536
CONNECT_SECONDS = 10
IDLE_SECONDS = 15
CONNECTIONS = 1000
CONNECTIONS_PER_HOST = 200

_DEFAULT_HEADERS = {"User-Agent": f"Millrace/{VERSION}", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
# What may follow a redirect to another origin; everything else could be a secret of the first.
_PORTABLE_HEADERS = frozenset(
    (
        "accept",
        "accept-language",
        "accept-encoding",
        "content-type",
        "content-language",
        "content-encoding",
        "user-agent",
        "idempotency-key",
    )
)
_BODY_HEADERS = frozenset(("content-type", "content-language", "content-encoding", "content-location", "content-length"))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_NOT_IN_LOCATION = re.compile(r"[^\x21-\x7e]+")
_ONE_WRITE = 262_144


class CallFailed(MillraceError):
    """A call that got no usable answer. `code` is stable; `error_class` is what `retry.on` matches, None when trying again cannot help; `unsent` says that there was
    no connection, so that the other side cannot have acted."""

    status, code, title = 502, "call_failed", "The call failed"

    def __init__(self, code: str, detail: str, error_class: str | None = None, *, unsent: bool = False) -> None:
        super().__init__(detail, code=code)
        self.error_class = error_class
        self.unsent = unsent


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a chain: what is sent next."""

    method: str
    target: Target
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Transport:
    """How a connection is made, where not as usual: TLS of its own, or a proxy (its URL, and the headers that sign in to it). Connections are shared among
    calls with the same `tls` object, so keep it."""

    tls: ssl.SSLContext | bool | None = None
    proxy: str | None = None
    proxy_headers: Mapping[str, str] | None = None


DIRECT = Transport()


@dataclass(frozen=True, slots=True)
class Response:
    """The last answer of a chain. Header names are lower-case, in order, repeated as received; `body` is decoded."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    target: Target

    def header(self, name: str) -> str | None:
        """The first value of a header (lower-case name)."""
        return next((value for key, value in self.headers if key == name), None)


# Sees an answer's head (its body is empty) and may give what takes the body, piece by piece.
Pieces = Callable[[Response], Callable[[bytes], None] | None]


class HttpClient:
    """Calls through one pool of connections. It belongs to the event loop that first calls it; `await close()` ends the pool."""

    def __init__(self, guard: Guard, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._ssl = ssl_context
        self._session: Any = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 60.0,
        max_bytes: int = MAX_BODY_BYTES,
        secret_headers: Collection[str] = (),
        redirects: int = MAX_REDIRECTS,
        transport: Transport = DIRECT,
        pieces: Pieces | None = None,
    ) -> Response:
        """Send one request, follow up to `redirects` redirects, and read the whole answer.

        With `redirects` -1 an answer that redirects is an answer like any other. `timeout` (seconds) covers everything; `max_bytes` bounds the body as received
        and as decoded. `secret_headers` are never sent to another origin than the URL's, nor is any header but the harmless ones. `pieces` may take the body
        over, decoded, as it comes. Nothing is ever sent twice on its own. Raises EgressDenied, InvalidUrl, CallFailed (codes connection_failed, timeout,
        tls_error, too_many_redirects, response_too_large, invalid_response), and any MillraceError of `pieces`. Cancelling closes the connection.
        """
        given = {name.lower() for name in headers or ()}
        sent = {name: value for name, value in _DEFAULT_HEADERS.items() if name.lower() not in given} | dict(headers or {})
        call = Call(method, self._guard.check_url(url), sent, body)
        origin = call.target.origin
        try:
            async with asyncio.timeout(timeout):
                for _ in range(max(redirects, 0) + 1):
                    origin = call.target.origin
                    answer = await self._exchange(call, max_bytes, transport, pieces, follow=redirects >= 0)
                    if isinstance(answer, Response):
                        return answer
                    call = redirected(call, *answer, self._guard, secret_headers)
        except TimeoutError:
            raise CallFailed("timeout", f"{method} {origin} did not answer within {timeout:g} seconds", "timeout") from None
        raise CallFailed("too_many_redirects", f"{method} {origin} redirects more than {redirects} times")

    async def _exchange(
        self, call: Call, max_bytes: int, transport: Transport, pieces: Pieces | None, *, follow: bool
    ) -> Response | tuple[int, str]:
        """One request and its answer: the whole response, or (status, Location) of a redirect."""
        session = self._session or self._open()
        way: dict[str, Any] = {} if transport is DIRECT else await self._way(call, transport)
        # In pieces when large, so that the event loop never copies megabytes at once.
        data = BytesIO(call.body) if call.body and len(call.body) > _ONE_WRITE else call.body
        try:
            response = await session.request(call.method, _yarl(call.target), headers=call.headers, data=data, allow_redirects=False, **way)
        except MillraceError:
            raise
        except Exception as error:
            raise _failure(error, call) from None
        try:
            location = response.headers.get("Location") if follow and response.status in _REDIRECTS else None
            if location is not None:
                return response.status, location
            head = Response(response.status, _read_headers(response, call), b"", call.target)
            take = pieces(head) if pieces is not None else None
            return replace(head, body=await read_body(response, max_bytes, take))
        except MillraceError:
            raise
        except BodyTooLarge:
            raise CallFailed("response_too_large", f"{call.method} {call.target.origin} answered with more than {max_bytes} bytes, the most that is accepted") from None
        except ValueError as error:
            raise CallFailed("invalid_response", f"{call.method} {call.target.origin} answered with {error}") from None
        except Exception as error:
            raise _failure(error, call) from None
        finally:
            # Back to the pool only when request and answer went through to their ends; closed otherwise.
            response.release()

    async def _way(self, call: Call, transport: Transport) -> dict[str, Any]:
        """aiohttp's arguments for a transport. Behind a proxy the target is judged all the same, as far as its name is known here: the proxy resolves it anew."""
        way: dict[str, Any] = {} if transport.tls is None else {"ssl": transport.tls}
        if transport.proxy is not None:
            with contextlib.suppress(OSError):
                await self._guard.resolve(call.target.host, call.target.port)
            way |= {"proxy": _yarl(self._guard.check_url(transport.proxy)), "proxy_headers": transport.proxy_headers}
        return way

    def _open(self) -> Any:
        import aiohttp
        from aiohttp.client_proto import ResponseHandler

        class Connection(ResponseHandler):
            """A given-up connection goes at once; aiohttp would first wait, for ever, until the other side has taken all that was written to it."""

            def close(self) -> None:
                self.abort()

        connector = aiohttp.TCPConnector(
            resolver=cast(Any, _CheckedResolver(self._guard)),
            socket_factory=self._guard.open_socket,
            ssl=self._ssl or True,
            limit=CONNECTIONS,
            limit_per_host=CONNECTIONS_PER_HOST,
            keepalive_timeout=IDLE_SECONDS,
        )
        connector._factory = cast(Any, partial(Connection, loop=asyncio.get_running_loop()))
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_headers=MAX_HEADERS,
        )
        # aiohttp sends GET, PUT and DELETE again when a connection drops; whether an effect is repeated is the engine's decision alone.
        self._session._retry_connection = False
        return self._session

    async def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _CheckedResolver:
    """aiohttp's resolver interface over the guard: it yields only addresses that were checked."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        """The rows aiohttp connects to; its cache holds them for ten seconds."""
        addresses = await self._guard.resolve(host, port)
        return [{"hostname": host, "host": str(ip), "port": port, "family": family, "proto": 0, "flags": 0} for ip in addresses]

    async def close(self) -> None:
        """Nothing to close."""


_clients: dict[asyncio.AbstractEventLoop, HttpClient] = {}


def http_client() -> HttpClient:
    """The running event loop's client. Raises ValueError for a MILLRACE_EGRESS_ALLOW that cannot be read."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        for old in [old for old in _clients if old.is_closed()]:
            del _clients[old]
        client = _clients[loop] = HttpClient(guard())
    return client


async def close_http_client() -> None:
    """Close the running event loop's client, if it has one; call it before the loop ends."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.close()


def redirected(call: Call, status: int, location: str, guard: Guard, secret_headers: Collection[str] = ()) -> Call:
    """What a browser would send next: checked anew, without a body where the method becomes GET, and without secrets to another origin."""
    # A Location may hold raw UTF-8 or spaces; what cannot be a URL is encoded, the rest stays.
    encoded = _NOT_IN_LOCATION.sub(lambda match: quote(match.group(), errors="surrogateescape"), location.strip(" \t"))
    target = _redirect_target(call, encoded, guard)
    method, body, dropped = call.method, call.body, frozenset[str]()
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body, dropped = "GET", None, _BODY_HEADERS
    headers = {name: value for name, value in call.headers.items() if name.lower() not in dropped}
    if target.origin != call.target.origin:
        secret = {name.lower() for name in secret_headers}
        headers = {
            name: value for name, value in headers.items() if name.lower() in _PORTABLE_HEADERS and name.lower() not in secret
        }
    return replace(call, method=method, target=target, headers=headers, body=body)


def _redirect_target(call: Call, location: str, guard: Guard) -> Target:
    try:
        return guard.check_url(urljoin(call.target.text, location))
    except EgressDenied as error:
        raise EgressDenied(f"{call.target.origin} redirected elsewhere: {error.detail}") from None
    except (InvalidUrl, ValueError):
        raise CallFailed("invalid_response", f"{call.target.origin} redirected to something that is not a usable URL") from None


def _yarl(target: Target) -> Any:
    from yarl import URL

    url = URL(target.text, encoded=True)
    # Should the two parsers ever disagree, what was checked is not what would be reached.
    if url.raw_host != target.host or url.port != target.port or url.scheme != target.scheme or url.raw_user is not None:
        raise InvalidUrl("the URL can be read in two ways; write it plainly")
    return url


def _read_headers(response: Any, call: Call) -> tuple[tuple[str, str], ...]:
    headers = tuple((name.lower(), value if value.isascii() else _text(value)) for name, value in response.headers.items())
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        raise CallFailed(
            "invalid_response", f"{call.method} {call.target.origin} answered with more than {MAX_HEADER_BYTES} bytes of headers"
        )
    return headers


def _text(value: str) -> str:
    """Header bytes are UTF-8, else Latin-1; aiohttp leaves the latter as surrogates."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _failure(error: Exception, call: Call) -> CallFailed:
    """What an exception of aiohttp means to the caller; its own text, which may hold the URL, is not repeated."""
    import aiohttp

    where = f"{call.method} {call.target.origin}"
    if isinstance(error, TimeoutError):
        return CallFailed("timeout", f"{where} accepted no connection within {CONNECT_SECONDS} seconds", "timeout", unsent=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or "it cannot be verified"
        return CallFailed("tls_error", f"{where}: the server's certificate is not valid: {reason}", unsent=True)
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        reason = str(
            getattr(error, "reason", None) or getattr(getattr(error, "os_error", None), "reason", None) or "the handshake failed"
        )
        return CallFailed("tls_error", f"{where}: no TLS connection: {reason.lower().replace('_', ' ')}", unsent=True)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        said = f"{where}: the proxy answered {error.status} to the request for a connection"
        return CallFailed("connection_failed", said, "connection", unsent=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return CallFailed("connection_failed", f"{where}: the host name has no address", "connection", unsent=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        # What asyncio says of several addresses names them; the number says what happened.
        number = error.os_error.errno or 0
        reason = os.strerror(number) if number > 0 else error.os_error.strerror or "no connection"
        return CallFailed("connection_failed", f"{where}: {reason.lower()}", "connection", unsent=True)
    if isinstance(error, aiohttp.ClientPayloadError):
        return CallFailed("connection_failed", f"{where}: the connection ended before the whole answer came", "connection")
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return CallFailed("connection_failed", f"{where}: the connection was closed before an answer came", "connection")
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.http_exceptions.HttpProcessingError)):
        return CallFailed("invalid_response", f"{where} answered with something that is not HTTP, or with headers past the limits")
    return CallFailed("call_failed", f"{where}: the call failed ({type(error).__name__})")
