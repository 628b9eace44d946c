"""Lambda's Runtime API on loopback, for one process: it asks for the next event, and posts what came of it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. A process that ended takes its server with it, so that no request of an old process ever
meets an event meant for a new one.
"""

from __future__ import annotations

import json
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """One event on its way to the function. `deadline_ms` is Unix time."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    deadline_ms: int


@dataclass(frozen=True)
class Outcome:
    """What came of it: the function's answer, or an error object {errorType, errorMessage, …} as JSON."""

    failed: bool
    body: bytes


def error(kind: str, message: str) -> Outcome:
    """A failure in Lambda's form."""
    return Outcome(True, json.dumps({"errorType": kind, "errorMessage": message}).encode())


class RuntimeApi:
    """One server. `started` is set when the process first asks for an event: None, or the Outcome that its start failed with."""

    def __init__(self) -> None:
        self.started: Future[Outcome | None] = Future()
        self._next: queue.Queue[Invocation | None] = queue.Queue()
        self._lock = threading.Lock()
        self._pending: dict[str, Future[Outcome]] = {}
        self._gone: Outcome | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name=f"runtime-api-{self.address}", daemon=True).start()

    def submit(self, invocation: Invocation) -> Future[Outcome]:
        """Hand the event over; the future always comes to an end when the process does."""
        future: Future[Outcome] = Future()
        with self._lock:
            if self._gone is not None:
                future.set_result(self._gone)
                return future
            self._pending[invocation.request_id] = future
        self._next.put(invocation)
        return future

    def fail(self, outcome: Outcome) -> None:
        """The process is gone: everything that waits for it, now or later, gets this."""
        with self._lock:
            if self._gone is not None:
                return
            self._gone = outcome
            waiting, self._pending = list(self._pending.values()), {}
        if not self.started.done():
            self.started.set_result(outcome)
        for future in waiting:
            future.set_result(outcome)

    def close(self) -> None:
        """Stop serving. What still waits gets an error."""
        self.fail(error("Runtime.ExitError", "the environment was stopped"))
        self._next.put(None)
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> Invocation | None:
        """The next event, as soon as there is one; None when the server closes. Called when the process asks."""
        with self._lock:
            if not self.started.done():
                self.started.set_result(None)
        return self._next.get()

    def deliver(self, request_id: str, outcome: Outcome) -> bool:
        """What the process posted for an event; False when nobody waits for it (any more)."""
        with self._lock:
            future = self._pending.pop(request_id, None)
        if future is None:
            return False
        future.set_result(outcome)
        return True

    def init_failed(self, body: bytes) -> None:
        """The process could not load the function; it ends by itself now."""
        with self._lock:
            if not self.started.done():
                self.started.set_result(Outcome(True, body))


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _reply(self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path != f"{PATH}/invocation/next":
                return self._reply(404)
            invocation = api.take()
            if invocation is None:
                self.close_connection = True
                return None
            return self._reply(
                200,
                invocation.payload,
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                    "Lambda-Runtime-Trace-Id": invocation.trace_id,
                },
            )

        def do_POST(self) -> None:
            body, parts = self._body(), self.path.removeprefix(PATH).strip("/").split("/")
            if parts == ["init", "error"]:
                api.init_failed(body)
                return self._reply(202)
            known = len(parts) == 3 and parts[0] == "invocation" and parts[2] in ("response", "error")
            if known and api.deliver(parts[1], Outcome(parts[2] == "error", body)):
                return self._reply(202)
            return self._reply(400, b'{"errorType": "InvalidRequestID", "errorMessage": "nobody waits for this answer"}')

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
            return whole

    return Handler
