"""A stand-in for a provider's web API: a local HTTP server whose answers a test decides, and which keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Sent:
    """One request. Header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


Answer = tuple[int, Any] | tuple[int, Any, Mapping[str, str]] | None


@dataclass
class WebApi:
    """`answer` makes the reply to a request: (status, JSON or bytes or text or an iterator of bytes to stream, headers?); None drops the connection
    unanswered. `left`: a client went away while something was streamed to it."""

    answer: Callable[[Sent], Answer]
    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    @property
    def last(self) -> Sent:
        return self.sent[-1]


@contextmanager
def web_api(answer: Callable[[Sent], Answer]) -> Iterator[WebApi]:
    """Serve on a free port of 127.0.0.1."""
    api = WebApi(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Sent(self.command, self.path, headers, self.rfile.read(length))
            with api.lock:
                api.sent.append(request)
            reply = api.answer(request)
            if reply is None:
                self.close_connection = True
                self.connection.close()
                return
            status, body, *more = reply
            if isinstance(body, Iterator):
                self._stream(status, body, dict(more[0]) if more else {})
                return
            data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            given = dict(more[0]) if more else {}
            given.setdefault("Content-Type", "text/plain" if isinstance(body, str | bytes) else "application/json")
            for name, value in given.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, status: int, pieces: Iterator[bytes], headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True
                api.left.set()

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
