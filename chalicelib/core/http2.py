"""One request over HTTP/2, through the egress guard: Apple's push service speaks nothing else. h2 knows the protocol; this moves its bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from chalicelib.core.egress import Guard
from chalicelib.core.http import CallFailed, Response

CONNECT_SECONDS = 10.0
MAX_BODY_BYTES = 1_000_000


async def post(
    guard: Guard, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float, ssl_context: ssl.SSLContext | None = None
) -> Response:
    """POST once, on a connection of its own. http URLs are spoken to with prior knowledge (h2c).

    Raises EgressDenied, InvalidUrl and CallFailed (connection_failed, timeout, tls_error, invalid_response); `unsent` says that nothing left.
    """
    target = guard.check_url(url)
    where = f"POST {target.origin}"
    exchange = _Exchange()
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _connect(guard, target, ssl_context)
            try:
                return await exchange.run(reader, writer, target, headers, body)
            finally:
                writer.close()
    except TimeoutError:
        raise CallFailed("timeout", f"{where} did not answer within {timeout:g} seconds", "timeout", unsent=not exchange.sent) from None
    except ssl.SSLError as error:
        reason = (error.reason or "the handshake failed").lower().replace("_", " ")
        raise CallFailed("tls_error", f"{where}: no TLS connection: {reason}", unsent=True) from None
    except OSError as error:
        said = (error.strerror or "no connection").lower()
        raise CallFailed("connection_failed", f"{where}: {said}", "connection", unsent=not exchange.sent) from None


async def _connect(guard: Guard, target: Any, ssl_context: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = None
    if target.scheme == "https":
        context = ssl_context or ssl.create_default_context()
        context.set_alpn_protocols(["h2"])
    problem: OSError | None = None
    for ip in await guard.resolve(target.host, target.port):
        opened = guard.open_socket((socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(ip), target.port)))
        opened.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(opened, (str(ip), target.port))
            return await asyncio.open_connection(sock=opened, ssl=context, server_hostname=target.host if context else None)
        except ssl.SSLError:
            opened.close()
            raise
        except (OSError, TimeoutError) as error:
            opened.close()
            problem = error if isinstance(error, OSError) else OSError(110, "Connection timed out")
    raise problem or OSError("no address")


class _Exchange:
    """The request on stream 1, and its answer."""

    def __init__(self) -> None:
        self.sent = False
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.ended = False

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Any, headers: Mapping[str, str], body: bytes) -> Response:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.exceptions import ProtocolError

        path = target.text.partition("://")[2].partition("/")
        authority = target.origin.partition("://")[2]
        head = [(":method", "POST"), (":scheme", target.scheme), (":authority", authority), (":path", f"/{path[2]}"), ("content-length", str(len(body)))]
        head += [(name.lower(), value) for name, value in headers.items()]
        connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        try:
            connection.initiate_connection()
            stream = connection.get_next_available_stream_id()
            connection.send_headers(stream, head)
            connection.send_data(stream, body, end_stream=True)  # a few kilobytes: within every window
            self.sent = True
            writer.write(connection.data_to_send())
            await writer.drain()
            while not self.ended:
                data = await reader.read(65_536)
                if not data:
                    raise CallFailed("connection_failed", f"POST {target.origin}: the connection was closed before an answer came", "connection")
                for event in connection.receive_data(data):
                    self._take(connection, event, target)
                writer.write(connection.data_to_send())
                await writer.drain()
        except ProtocolError:
            raise CallFailed("invalid_response", f"POST {target.origin} answered with something that is not HTTP/2") from None
        with contextlib.suppress(Exception):
            connection.close_connection()
            writer.write(connection.data_to_send())
        return Response(self.status, tuple(self.headers), bytes(self.body), target)

    def _take(self, connection: Any, event: Any, target: Any) -> None:
        from h2 import events

        if isinstance(event, events.ResponseReceived):
            pairs = [(str(name), str(value)) for name, value in event.headers or ()]
            self.status = int(dict(pairs)[":status"])
            self.headers = [(name, value) for name, value in pairs if not name.startswith(":")]
        elif isinstance(event, events.DataReceived):
            self.body += event.data or b""
            if len(self.body) > MAX_BODY_BYTES:
                raise CallFailed("response_too_large", f"POST {target.origin} answered with more than {MAX_BODY_BYTES} bytes")
            connection.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 1)
        elif isinstance(event, events.StreamEnded):
            self.ended = True
        elif isinstance(event, events.StreamReset | events.ConnectionTerminated) and not self.status:
            raise CallFailed("connection_failed", f"POST {target.origin}: the other side broke the exchange off", "connection")

