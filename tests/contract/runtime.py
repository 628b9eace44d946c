"""Lambda on this machine: AWS's own runtime client starts a function from the unpacked artifact, and we are the service it talks to.

The Runtime API (next, response, error, init/error) is served on loopback, one server for each environment. The packages of the test's own virtual
environment are out of sight: the interpreter runs without site-packages, and sees the artifact and the runtime client only.
"""

from __future__ import annotations

import json
import os
import platform
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from functions.manifest import Function
from infra.aws.dependencies import PYTHON
from infra.aws.package import CHECKOUT

RUNTIME_CLIENT = "awslambdaric==4.2.2"
API = "/2018-06-01/runtime"
NOTES: list[str] = []  # figures for the end of the test run
REGION, ACCOUNT = "eu-central-1", "123456789012"


def why_not() -> str | None:
    """Why the artifact cannot run on this machine, None when it can."""
    if sys.version_info[:2] != PYTHON:
        return f"the artifact is for Python 3.13, this is {sys.version_info[0]}.{sys.version_info[1]}"
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return f"the artifact is for Linux on x86-64, this is {sys.platform} on {platform.machine()}"
    return None


def runtime_client() -> Path:
    """A folder with AWS's runtime client and what it needs, installed once."""
    folder = CHECKOUT / ".cache" / RUNTIME_CLIENT.replace("==", "-")
    if not (folder / "awslambdaric").is_dir():
        words = [
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--target",
            str(folder),
            RUNTIME_CLIENT,
        ]
        subprocess.run([sys.executable, *words], check=True)
    return folder


def interpreter() -> str:
    """The Python below the virtual environment."""
    return os.path.realpath(sys.executable)


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to. `error` is what the runtime client reported, {errorType, errorMessage, stackTrace}."""

    request_id: str
    payload: Any
    error: dict[str, Any] | None
    lines: list[str]

    def json_lines(self) -> list[dict[str, Any]]:
        """What was logged as JSON."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def metrics(self) -> dict[str, Any]:
        """Every EMF metric of this invocation: name -> value (or values). Checks the form CloudWatch asks for."""
        found: dict[str, Any] = {}
        for line in self.json_lines():
            for declared in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                assert declared["Namespace"] == "Millrace", line
                assert isinstance(line["_aws"]["Timestamp"], int)
                assert all(name in line for names in declared["Dimensions"] for name in names), line
                found |= {metric["Name"]: line[metric["Name"]] for metric in declared["Metrics"]}
        return found

    def logs(self) -> list[dict[str, Any]]:
        """The lines that are no metrics."""
        return [line for line in self.json_lines() if "_aws" not in line]


class Environment:
    """One execution environment of a function."""

    def __init__(self, function: Function, task: Path, variables: Mapping[str, str]) -> None:
        self.function = function
        self.arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:millrace-{function.name}"
        self._next: queue.Queue[tuple[str, bytes, float] | None] = queue.Queue()
        self._ready: Future[float] = Future()
        self._pending: dict[str, Future[tuple[bool, bytes]]] = {}
        self._lines: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _runtime_api(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [interpreter(), "-s", "-S", "-B", "-m", "awslambdaric", function.handler],
            cwd=task,
            env=self._variables(task, variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()
        try:
            self.init_seconds = self._ready.result(60)
        except BaseException:
            self.stop()
            raise

    def _variables(self, task: Path, variables: Mapping[str, str]) -> dict[str, str]:
        """What Lambda sets, and what the template gives this function; nothing of our own environment."""
        given = {name: value for name, value in variables.items() if name in self.function.environment or name.startswith("AWS_")}
        return given | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": f"millrace-{self.function.name}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.function.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/millrace-{self.function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0123456789abcdef",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "LAMBDA_TASK_ROOT": str(task),
            "PYTHONPATH": f"{task}{os.pathsep}{runtime_client()}",
            "PYTHONUNBUFFERED": "1",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.append(line.decode("utf-8", "replace").rstrip("\n"))
        status = self.process.wait()
        failure = RuntimeError(f"{self.function.name} ended with status {status}:\n" + "\n".join(self._lines[-40:]))
        for waiting in (self._ready, *self._pending.values()):
            if not waiting.done():
                waiting.set_exception(failure)

    def invoke(self, event: Any, *, seconds: float = 30.0) -> Outcome:
        """Invoke with this long to go, and wait for the answer."""
        request_id, marked = str(uuid.uuid4()), len(self._lines)
        answer = self._pending[request_id] = Future()
        self._next.put((request_id, json.dumps(event).encode(), time.time() + seconds))
        failed, body = answer.result(seconds + 5)
        time.sleep(0.05)  # the lines travel by a pipe of their own
        decoded = json.loads(body)
        return Outcome(request_id, None if failed else decoded, decoded if failed else None, self._lines[marked:])

    def stop(self) -> None:
        """End the process, as Lambda does: without asking."""
        self._next.put(None)
        self.process.kill()
        self.process.wait(10)
        self._server.shutdown()
        self._server.server_close()


def _runtime_api(environment: Environment) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _reply(self, status: int, body: bytes = b"{}", **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            assert self.path == f"{API}/invocation/next", self.path
            if not environment._ready.done():
                environment._ready.set_result(time.monotonic() - environment._began)
            item = environment._next.get()
            if item is None:
                self.close_connection = True
                return
            request_id, payload, deadline = item
            self._reply(
                200,
                payload,
                Lambda_Runtime_Aws_Request_Id=request_id,
                Lambda_Runtime_Deadline_Ms=str(int(deadline * 1000)),
                Lambda_Runtime_Invoked_Function_Arn=environment.arn,
                Lambda_Runtime_Trace_Id="Root=1-69225f2c-0f3a5ef86b1e5d7a3b0c1a2d;Sampled=0",
            )

        def do_POST(self) -> None:
            body = self._body()
            parts = self.path.removeprefix(API).strip("/").split("/")
            if parts == ["init", "error"]:
                if not environment._ready.done():
                    environment._ready.set_exception(RuntimeError(body.decode()))
            else:
                _, request_id, kind = parts
                environment._pending.pop(request_id).set_result((kind == "error", body))
            self._reply(202)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

    return Handler


class InvokeApi:
    """The part of the Lambda service that functions call: asynchronous invocation. It notes who was invoked; the test says what follows."""

    def __init__(self) -> None:
        self.invoked: list[tuple[str, Any]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                name = self.path.removeprefix("/2015-03-31/functions/").removesuffix("/invocations")
                payload = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asynchronous = self.headers.get("X-Amz-Invocation-Type") == "Event"
                if asynchronous:
                    service.invoked.append((name, json.loads(payload)))
                self.send_response(202 if asynchronous else 400)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
