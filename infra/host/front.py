"""The host's HTTP front: the web app at `/`, the API at `/api`, metrics at `/metrics`, served by granian in one process.

    python -m infra.host.front        (DATABASE_URL, MILLRACE_SECRET, PORT, …; prints `ready <url>` once it listens)

Granian's worker is driven directly: its own server classes either fork a supervisor, which the host has already, or refuse WSGI. Threads are many, because a
caller that waits or listens to events keeps one; a gate lets only a few work at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from chalicelib.api import streams
from chalicelib.core import metrics
from chalicelib.core.config import settings
from chalicelib.core.errors import BadRequest, MethodNotAllowed, MillraceError, NotFound
from chalicelib.core.logging import logger
from chalicelib.engine.wake import use_waker
from chalicelib.registry.catalogue import catalogue, trigger_types
from chalicelib.triggers.giving_way import use_pause
from chalicelib.triggers.waiting import use_waiter
from infra.host.wakes import NotifyWaker
from infra.host.web import plug
from infra.host.web.demo import PREFIX, DemoKit
from infra.host.web.demo_inbox import MailDoor
from infra.host.web.gateway import Answer, Gateway, problem_answer, request_headers
from infra.host.web.measures import PrometheusSink, QueueCollector, exposition
from infra.host.web.static import StaticFiles
from infra.host.web.waits import AnswerPoller, Gate

THREADS = 256
WORKING = 16
WAITING = 160
BACKLOG = 1024
STOP_SECONDS = 4.0  # a little less than the supervisor grants
FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
_PHRASES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Front:
    """The WSGI application."""

    def __init__(self, app: Any, *, folders: Iterable[Path] = (FRONTEND / "dist", FRONTEND / "public")) -> None:
        self._gate = Gate(WORKING)
        self._gateway = Gateway(app, self._gate.inside)
        self._static = StaticFiles(*folders)
        self._sink = PrometheusSink()
        self._sink.registry.register(QueueCollector())
        metrics.use_sink(self._sink)
        self._demo = DemoKit() if settings().demo else None
        self._mail = MailDoor(self._demo.inbox, port) if self._demo is not None and (port := settings().demo_smtp_port) else None
        if self._mail is not None:
            self._mail.start()
        self._poller = AnswerPoller(self._gate, WAITING)
        use_waiter(self._poller.wait)
        use_pause(self._gate.sleep)
        streams.start()

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; nothing a client sends raises."""
        started = time.perf_counter()
        try:
            status, headers, body = self._route(environ)
        except MillraceError as error:
            status, headers, body = problem_answer(error)
            self._measure(environ, status, started)
        except Exception:  # the last net: whatever went wrong is ours, and the client gets a proper answer
            logger("front").exception("request failed", extra={"path": environ.get("PATH_INFO", "")[:200]})
            status, headers, body = problem_answer(MillraceError("this is a fault of ours; the log has it"))
            self._measure(environ, status, started)
        start_response(_PHRASES.get(status, f"{status} Status"), headers)
        return body

    def _route(self, environ: Mapping[str, Any]) -> Answer:
        path = _path(environ)
        if path == "/api" or path.startswith("/api/"):
            return self._gateway.answer(environ, path[4:] or "/")
        started = time.perf_counter()
        if self._demo is not None and path in plug.PATHS:
            return plug.answer(environ, path)
        if self._demo is not None and path.startswith(PREFIX):
            return self._demo.answer(environ, path)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            error = MethodNotAllowed("only GET and HEAD are allowed outside /api")
            error.headers["Allow"] = "GET, HEAD"
            raise error
        if path == "/metrics":
            answer: Answer = (
                200,
                [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                [exposition(self._sink.registry)],
            )
        else:
            found = self._static.answer(path, request_headers(environ))
            if found is None:
                raise NotFound("there is nothing at this path; the API is below /api")
            answer = found
        self._measure(environ, answer[0], started)
        return answer if environ["REQUEST_METHOD"] == "GET" else (answer[0], answer[1], [])

    def _measure(self, environ: Mapping[str, Any], status: int, started: float) -> None:
        """Requests that no API route took; those measure themselves."""
        method = (
            environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        )
        metrics.count("http_requests", method=method, route="-", status=str(status))
        metrics.duration("http_request_seconds", time.perf_counter() - started, method=method, route="-")

    def stop(self) -> None:
        """Answer those who wait, end the event streams."""
        streams.stop()
        if self._mail is not None:
            self._mail.stop()
        self._poller.stop()
        use_waiter(None)
        use_pause(None)
        metrics.use_sink(None)


def _path(environ: Mapping[str, Any]) -> str:
    """WSGI hands the decoded path over as Latin-1; it is UTF-8."""
    try:
        return environ["PATH_INFO"].encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise BadRequest("the path is not UTF-8") from None


def serve(front: Front, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT, then finish what is under way (at most STOP_SECONDS)."""
    from granian._futures import _new_cbscheduler
    from granian._granian import WorkerSignal, WSGIWorker
    from granian.http import HTTP1Settings
    from granian.net import SocketSpec
    from granian.wsgi import _callback_wrapper

    stopped = threading.Event()
    stop = WorkerSignal()
    stop.add_cb(stopped.set)
    listening = SocketSpec(host, port, BACKLOG).build()
    tls_off: tuple[Any, ...] = (False, None, None, None, "tls1.3", None, [], False)
    make: Any = WSGIWorker  # its stub is behind its code
    worker = make(
        1, (None, listening), None, 1, THREADS, THREADS, 30, THREADS, "1", HTTP1Settings(), None, None, *tls_off, (None, None)
    )
    loop = asyncio.new_event_loop()
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    worker.serve_mtr(_new_cbscheduler(loop, _callback_wrapper(front, {}, None), impl_asyncio=True), loop, stop)
    with socket.socket(fileno=os.dup(listening.get_fd())) as bound:
        print(f"ready http://{host}:{bound.getsockname()[1]}/", flush=True)
    asked.wait()
    stop.set()  # no new connections; answers under way are finished
    front.stop()
    stopped.wait(STOP_SECONDS)


def main() -> None:
    """Run the front as a process of its own."""
    options = argparse.ArgumentParser(description="The HTTP front of the host")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=None)
    chosen = options.parse_args()
    config = settings()
    use_waker(NotifyWaker(config.require_database_url()))
    from app import app

    catalogue(), trigger_types()  # loads what the first request would have to wait for
    serve(Front(app), chosen.host, config.port if chosen.port is None else chosen.port)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the server's idle threads still hold the interpreter, and tearing it down under them aborts
