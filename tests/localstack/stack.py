"""The deployed stack, as its users and its operators see it."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from functions.manifest import Function
from localstack.deploy import Deployment, Settings, Target
from localstack.server import LocalStack
from tests.support.product import Reply

LATE_SECONDS = 240.0  # a bound for a loaded machine; nothing is asserted by it but that it comes at all
T = TypeVar("T")


@dataclass
class Stack:
    """LocalStack, and what was deployed to it with which settings; `topic` is the Kafka topic that is read."""

    server: LocalStack
    target: Target
    deployment: Deployment
    settings: Settings
    topic: str
    _clients: dict[str, Any] = field(default_factory=dict)

    def aws(self, service: str) -> Any:
        """A boto3 client."""
        if service not in self._clients:
            self._clients[service] = self.target.client(service)
        return self._clients[service]

    # -- over HTTP -----------------------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, key: bool = True, **headers: str) -> Reply:
        """One request through API Gateway, by the host name a browser would use. Header names may use underscores."""
        address = urllib.parse.urlsplit(self.deployment.api_url)
        sent = {"Host": address.netloc} | {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {self.settings.bootstrap_key}"
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        # *.localhost is this machine to browsers and curl, but not to every libc.
        connection = http.client.HTTPConnection("127.0.0.1", int(address.port or 80), timeout=60)
        try:
            connection.request(method, address.path + path, body=data, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, *, status: int | None = None, **headers: str) -> Any:
        """A call whose JSON is wanted; fails on any other status than the one given (default: any 2xx)."""
        reply = self.call(method, path, body, **headers)
        good = reply.status == status if status is not None else 200 <= reply.status < 300
        assert good, f"{method} {path}: {reply.status} {reply.body[:2000]!r}"
        return reply.json() if reply.body else None

    def publish(self, definition: Mapping[str, Any], name: str = "On LocalStack") -> str:
        """A new workflow, live; returns its id."""
        workflow_id = str(self.api("POST", "/workflows", {"name": name, "definition": definition}, status=201)["id"])
        assert self.api("POST", f"/workflows/{workflow_id}/publish", status=201)["version"] == 1
        return workflow_id

    def trigger(self, workflow_id: str, kind: str, **config: Any) -> dict[str, Any]:
        """A new trigger."""
        made: dict[str, Any] = self.api("POST", "/triggers", {"workflow_id": workflow_id, "type": kind, "config": config}, status=201)
        return made

    def start(self, workflow_id: str, given: Any = None) -> str:
        """Start it over the API; returns the execution's id."""
        return str(self.api("POST", f"/workflows/{workflow_id}/executions", {"input": given or {}}, status=202)["id"])

    def execution(self, execution_id: str) -> dict[str, Any]:
        """As it is now."""
        found: dict[str, Any] = self.api("GET", f"/executions/{execution_id}")
        return found

    def ended(self, execution_id: str) -> dict[str, Any]:
        """It, once it has ended."""
        return wait_for(lambda: self.execution(execution_id), lambda found: found["finished_at"] is not None)

    def executions(self, workflow_id: str, at_least: int) -> list[dict[str, Any]]:
        """All of a workflow, once so many have ended."""
        page = wait_for(
            lambda: self.api("GET", f"/executions?workflow_id={workflow_id}&limit=200"),
            lambda found: sum(item["finished_at"] is not None for item in found["items"]) >= at_least,
        )
        items: list[dict[str, Any]] = page["items"]
        return items

    # -- as an operator ------------------------------------------------------------------------------------------------------------

    def function_name(self, name: str) -> str:
        """A function of the manifest, as it is called here."""
        return f"{self.deployment.stack}-{name}"

    def lines(self, name: str) -> list[str]:
        """All that a function logged, from CloudWatch Logs, oldest first."""
        pages = self.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.function_name(name)}")
        events = [event for page in pages for event in page["events"]]
        return [event["message"].rstrip("\n") for event in sorted(events, key=lambda event: event["timestamp"])]

    def json_lines(self, name: str) -> list[dict[str, Any]]:
        """Of these, those that are JSON."""
        return [json.loads(line) for line in self.lines(name) if line.startswith("{")]

    def processes(self, function: Function) -> list[int]:
        """The processes that run this function, below our LocalStack."""
        assert self.server.child is not None
        parent = str(self.server.child.pid).encode()
        commands = {pid: words for pid in _pids() if (words := _words(pid))}
        return [pid for pid, words in commands.items() if function.handler.encode() in words and parent in words]

    @contextmanager
    def configured(self, name: str, **changes: Any) -> Any:
        """A function with other settings for a while: `Timeout=…`, `variables={…}`."""
        functions, function_name = self.aws("lambda"), self.function_name(name)
        kept = functions.get_function_configuration(FunctionName=function_name)
        before = {"Timeout": kept["Timeout"], "Environment": {"Variables": kept["Environment"]["Variables"]}}
        variables = changes.pop("variables", {})
        self._configure(name, **{**before, **changes, "Environment": {"Variables": {**before["Environment"]["Variables"], **variables}}})
        try:
            yield
        finally:
            self._configure(name, **before)

    def _configure(self, name: str, **settings: Any) -> None:
        functions, function_name = self.aws("lambda"), self.function_name(name)
        functions.update_function_configuration(FunctionName=function_name, **settings)
        wait_for(
            lambda: functions.get_function_configuration(FunctionName=function_name),
            lambda found: found["LastUpdateStatus"] == "Successful" and found["Timeout"] == settings["Timeout"],
        )

    def queue(self, name: str) -> str:
        """The URL of where a function's failures are kept."""
        url: str = self.aws("sqs").get_queue_url(QueueName=f"{self.function_name(name)}-failures")["QueueUrl"]
        return url

    def failure(self, name: str, holds: Callable[[dict[str, Any]], bool], *, send: Callable[[], None] | None = None) -> dict[str, Any]:
        """The first of a function's kept failures that is the one looked for; it and those before it are taken from the queue.

        `send` is called now and again: for minutes LocalStack keeps to itself what comes within two seconds of a change of the function's settings.
        """
        queue, sqs, sent_at = self.queue(name), self.aws("sqs"), 0.0

        def receive() -> dict[str, Any] | None:
            nonlocal sent_at
            if send is not None and time.monotonic() - sent_at > 10:
                send()
                sent_at = time.monotonic()
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages", []):
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                body: dict[str, Any] = json.loads(message["Body"])
                if holds(body):
                    return body
            return None

        found = wait_for(receive, lambda body: body is not None)
        assert found is not None
        return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _words(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def talks_to(pid: int, port: int) -> bool:
    """Whether the process has a connection to this port of 127.0.0.1."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{fields[9]}]" for fields in lines if fields[2] == f"0100007F:{port:04X}" and fields[3] == "01"}
    with suppress(OSError):
        return any(os.readlink(entry) in sockets for entry in Path(f"/proc/{pid}/fd").iterdir())
    return False


def wait_for(look: Callable[[], T], holds: Callable[[T], bool], seconds: float = LATE_SECONDS) -> T:
    """What `look` returned, once it holds."""
    end = time.monotonic() + seconds
    while not holds(found := look()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {str(found)[:1500]}"
        time.sleep(0.3)
    return found
