"""The other sides of push messages: a browser that can decrypt what it was sent, keys, and a server that speaks HTTP/2 as Apple's does."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from chalicelib.core.jwt import b64url


def _pem(key: Any) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


@lru_cache(maxsize=1)
def rsa_key() -> str:
    return _pem(rsa.generate_private_key(65537, 2048))


@lru_cache(maxsize=1)
def ec_key() -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


@dataclass
class Browser:
    """A subscription and what belongs to it."""

    endpoint: str
    key: Any
    auth: bytes

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> dict[str, Any]:
        return {"endpoint": self.endpoint, "keys": {"p256dh": b64url(self.point), "auth": b64url(self.auth)}}

    def decrypt(self, body: bytes) -> bytes:
        """As a browser does (RFC 8291)."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender = body[21 : 21 + length]
        record = body[21 + length :]
        assert size == 4096
        assert len(record) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = HKDF(hashes.SHA256(), 32, self.auth, b"WebPush: info\0" + self.point + sender).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        plain = AESGCM(key).decrypt(nonce, record, None)
        assert plain.endswith(b"\x02")
        return plain[:-1]


def browser(endpoint: str) -> Browser:
    return Browser(endpoint, ec.generate_private_key(ec.SECP256R1()), os.urandom(16))


@dataclass
class Pushed:
    """One request to the HTTP/2 server."""

    headers: dict[str, str]
    body: bytes = b""


@dataclass
class AppleServer:
    """`answer` gives (status, JSON bytes) or None, which drops the connection."""

    answer: Callable[[Pushed], tuple[int, bytes] | None]
    url: str = ""
    got: list[Pushed] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        request = Pushed({})
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    request = Pushed({str(name): str(value) for name, value in event.headers})
                elif isinstance(event, DataReceived):
                    request.body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    self.got.append(request)
                    reply = self.answer(request)
                    if reply is None:
                        writer.transport.abort()
                        return
                    status, body = reply
                    headers = [(":status", str(status)), ("apns-id", request.headers.get("apns-id", ""))]
                    connection.send_headers(event.stream_id, headers, end_stream=not body)
                    if body:
                        connection.send_data(event.stream_id, body, end_stream=True)
            writer.write(connection.data_to_send())
            await writer.drain()
        writer.close()


@contextmanager
def apple(answer: Callable[[Pushed], tuple[int, bytes] | None], tls: Any = None) -> Iterator[AppleServer]:
    """Serve on a free port, on a thread of its own."""
    server, loop, ready, stop = AppleServer(answer), asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def work() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
        port = listening.sockets[0].getsockname()[1]
        server.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        ready.set()
        await stop.wait()
        listening.close()

    def main() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(work())

    thread = threading.Thread(target=main)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
