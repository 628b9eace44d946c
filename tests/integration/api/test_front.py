"""The front as a process of its own, over real sockets."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.core.config import VARIABLES
from tests.conftest import BOOTSTRAP_KEY, SECRET
from tests.support.api import ECHO

KEY = {"Authorization": f"Bearer {BOOTSTRAP_KEY}"}
JSON = {**KEY, "Content-Type": "application/json"}


class Server:
    """A running front."""

    def __init__(self, database_url: str) -> None:
        command = [sys.executable, "-m", "infra.host.front", "--port", "0"]
        inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES.values()}
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": "none",
            "MILLRACE_BOOTSTRAP_KEY": BOOTSTRAP_KEY,
            "MILLRACE_SECRET": SECRET,
        }
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=inherited | settings)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        self.address = urlsplit(line.split()[1])

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(str(self.address.hostname), int(self.address.port or 0), timeout=40)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self.connection()
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def door(self) -> str:
        workflow = json.loads(self.call("POST", "/api/workflows", json.dumps({"name": "x", "definition": ECHO}), JSON)[2])
        assert self.call("POST", f"/api/workflows/{workflow['id']}/publish", None, KEY)[0] == 201
        trigger = self.call("POST", "/api/triggers", json.dumps({"workflow_id": workflow["id"], "type": "api", "config": {}}), JSON)
        return f"/api/trigger/{json.loads(trigger[2])['config']['path']}"

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)


@pytest.fixture(scope="module")
def server(worker_database: str) -> Iterator[Server]:
    """One that all tests share, but for those that stop it."""
    running = Server(worker_database)
    yield running
    assert running.stop() == 0


def test_it_serves_the_api_and_metrics_and_refuses_the_rest(server: Server) -> None:
    status, headers, body = server.call("GET", "/api/health")
    assert (status, json.loads(body)["checks"]["database"]["status"]) == (200, "ok")
    assert headers["content-type"] == "application/json"
    assert server.call("GET", "/api/openapi.json")[0] == 200
    assert server.call("GET", "/api/workflows")[0] == 401
    for path in (
        "/api/%2e%2e/%2e%2e/etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/api",
        "/api/%00",
        "/api/%ff",
        "/app.py",
    ):
        status, headers, body = server.call("GET", path)
        assert (status, headers["content-type"]) in {(404, "application/problem+json"), (400, "application/problem+json")}, path
        assert b"root:" not in body
    assert server.call("POST", "/")[0] == 405
    metrics = server.call("GET", "/metrics")[2].decode()
    assert 'millrace_http_requests_total{method="GET",route="/workflows",status="401"} 1.0' in metrics
    for name in ("millrace_queue_depth ", "millrace_queue_oldest_due_seconds ", 'millrace_executions{status="waiting"} 0.0'):
        assert name in metrics
    assert "millrace_http_request_seconds_bucket" in metrics


def test_head_and_options(server: Server) -> None:
    status, headers, body = server.call("HEAD", "/api/workflows", None, KEY)
    assert (status, body) == (200, b"")
    status, headers, _ = server.call("OPTIONS", "/api/workflows")
    assert (status, headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


def test_bodies_over_the_limit_are_refused_and_the_sender_hears_of_it(server: Server) -> None:
    path = server.door()
    large = b"a" * 1_200_000
    plain = {"Content-Type": "text/plain"}
    status, _, body = server.call("POST", path, large, plain)
    assert (status, json.loads(body)["code"]) == (413, "payload_too_large")
    chunked = server.call("POST", path, (large[n : n + 50_000] for n in range(0, len(large), 50_000)), plain)
    assert (chunked[0], json.loads(chunked[2])["code"]) == (413, "payload_too_large")
    assert server.call("POST", path, iter([b"ab", b"", b"c"]), plain)[0] == 202
    assert server.call("POST", "/api/workflows", b"[" + b" " * 3_000_000 + b"]", JSON)[0] == 413


def test_an_endless_body_is_cut_off(server: Server) -> None:
    path = server.door()
    with socket.create_connection((server.address.hostname, server.address.port), timeout=30) as link:
        link.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        with pytest.raises(OSError):  # noqa: PT012 - which of the sends fails is the kernel's affair
            while sent < 500_000_000:
                link.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
                sent += 0x10000
        assert sent < 100_000_000
    assert server.call("GET", "/api/health")[0] == 200


def test_bytes_arrive_as_they_were_sent(server: Server) -> None:
    path = server.door()
    raw = bytes(range(256)) * 100
    started = json.loads(
        server.call("POST", path + "?a=%C3%A9&b=%2B", raw, {"Content-Type": "application/x-thing", "X-Text": "a, b"})[2]
    )
    execution = json.loads(server.call("GET", f"/api/executions/{started['execution_id']}", None, KEY)[2])
    assert base64.b64decode(execution["input"]["base64"]) == raw
    assert execution["trigger"]["query"] == {"a": "é", "b": "+"}
    assert execution["trigger"]["headers"]["x-text"] == "a, b"


def test_many_callers_at_once(server: Server) -> None:
    path = server.door()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: server.call("POST", path, b"{}", {"Content-Type": "application/json"}), range(300)))
    assert {answer[0] for answer in answers} == {202}
    assert len({json.loads(answer[2])["execution_id"] for answer in answers}) == 300


def test_events_come_as_they_happen_and_end_with_the_server(worker_database: str) -> None:
    server = Server(worker_database)
    path = server.door()
    execution_id = json.loads(server.call("POST", path)[2])["execution_id"]
    connection = server.connection()
    connection.request("GET", f"/api/executions/{execution_id}/events", headers={**KEY, "Accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [answer.readline() for _ in range(5)]
    assert lines[2:4] == [b"id: 1\n", b"event: execution.created\n"]
    assert server.stop() == 0
    assert b"event: " not in answer.read()


def queue_depth(server: Server) -> float:
    text = server.call("GET", "/metrics")[2].decode()
    return float(re.findall(r"^millrace_queue_depth (\S+)", text, re.MULTILINE)[0])


def test_stopping_answers_who_waits(worker_database: str) -> None:
    server = Server(worker_database)
    path, before = server.door(), queue_depth(server)
    answers: list[tuple[int, dict[str, str], bytes]] = []
    waiting = threading.Thread(target=lambda: answers.append(server.call("POST", path + "?wait=25")))
    waiting.start()
    while queue_depth(server) == before:
        time.sleep(0.1)
    assert server.stop() == 0
    waiting.join()
    assert answers[0][0] == 202
    assert answers[0][1]["millrace-execution-id"].startswith("exe_")


def test_health_says_when_the_database_is_gone() -> None:
    running = Server("postgresql://nobody:nothing@127.0.0.1:1/none")
    try:
        status, _, body = running.call("GET", "/api/health")
        assert (status, json.loads(body)["status"]) == (503, "degraded")
        assert json.loads(body)["checks"]["database"]["status"] == "down"
        status, headers, body = running.call("GET", "/api/workflows", None, KEY)
        assert (status, json.loads(body)["code"]) == (503, "unavailable")
        assert "retry-after" in headers
        assert running.call("POST", "/api/trigger/x")[0] == 503
        assert "millrace_database_up 0.0" in running.call("GET", "/metrics")[2].decode()
    finally:
        running.stop()
