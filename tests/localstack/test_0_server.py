"""LocalStack with our plugin by itself: functions as processes, what their failures look like, and that nothing is left of them."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.host.processes import start_time
from infra.host.servers import Home, run_alone
from localstack.deploy import Target
from localstack.environment import ensure, why_not
from localstack.server import LocalStack
from tests.localstack.stack import wait_for
from tests.unit.localstack.runtime_client import FUNCTION

ROLE = "arn:aws:iam::000000000000:role/any"


class Small:
    """A LocalStack with one small function."""

    def __init__(self, server: LocalStack) -> None:
        self.server = server
        self.target = Target(server.url, server.host)
        self.functions = self.target.client("lambda")
        self.create("small", "task.on_lambda")

    def create(self, name: str, handler: str, **settings: Any) -> None:
        """Another function of the same code."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            file.writestr("task.py", FUNCTION + "\n\ndef on_lambda(event, context):\n    return handler(event, {'left': context.get_remaining_time_in_millis()})\n")
        self.functions.create_function(
            FunctionName=name, Runtime="python3.13", Handler=handler, Role=ROLE, Code={"ZipFile": packed.getvalue()}, **{"Timeout": 30, **settings}
        )
        wait_for(lambda: self.functions.get_function_configuration(FunctionName=name), lambda found: found["State"] == "Active")

    def invoke(self, event: Any, name: str = "small") -> tuple[str | None, Any]:
        """(FunctionError, answer)."""
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def log(self, name: str = "small") -> str:
        """All its lines so far; they arrive a moment after the answer."""
        logs = self.target.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return ""
        return "".join(event["message"] for event in events)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    server = LocalStack(Home.at(tmp_path_factory.mktemp("small"), os.environ), ensure(os.environ, print))
    run_alone(server.start())
    try:
        yield Small(server)
    finally:
        server.stop()


def test_a_function_answers_and_stays_warm(small: Small) -> None:
    (_, first), (_, second) = small.invoke({}), small.invoke({})
    assert (second["pid"], second["count"]) == (first["pid"], first["count"] + 1)
    assert 0 < second["headers"]["left"] <= 30_000


def test_its_environment_is_lambdas(small: Small) -> None:
    _, seen = small.invoke({"environment": True})
    variables = seen["variables"]
    assert (variables["AWS_LAMBDA_FUNCTION_NAME"], variables["AWS_REGION"]) == ("small", "us-east-1")
    assert variables["AWS_ENDPOINT_URL"].endswith(f":{small.server.url.rsplit(':', 1)[1]}")
    assert variables["AWS_ACCESS_KEY_ID"]
    assert "MILLRACE_LAMBDA_RUNTIME" not in variables


def test_what_it_raises_comes_back_with_its_trace_and_is_logged(small: Small) -> None:
    kind, answer = small.invoke({"raise": "as asked"})
    assert (kind, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "ValueError", "as asked")
    assert "on_lambda" in "".join(answer["stackTrace"])
    assert "[ERROR] ValueError: as asked" in wait_for(small.log, lambda text: "as asked" in text)


def test_one_that_exits_or_takes_too_long_is_replaced(small: Small) -> None:
    small.create("brief", "task.on_lambda", Timeout=1)
    for event, kind, word in (({"exit": 3}, "Runtime.ExitError", "exit status 3"), ({"sleep": 30}, "Sandbox.Timedout", "timed out after 1.00 seconds")):
        assert small.invoke({}, "brief")[1]["count"] == 1  # a new process
        error, answer = small.invoke(event, "brief")
        assert (error, answer["errorType"]) == ("Unhandled", kind)
        assert word in answer["errorMessage"]
    assert "Task timed out" in wait_for(lambda: small.log("brief"), lambda text: "timed out" in text)


def test_one_that_cannot_load_says_so_each_time(small: Small) -> None:
    small.create("broken", "nothing.handler")
    for _ in range(2):
        error, answer = small.invoke({}, "broken")
        assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert "Unable to import module 'nothing'" in wait_for(lambda: small.log("broken"), lambda text: "nothing" in text)


def test_it_listens_on_loopback_alone(small: Small) -> None:
    port = int(small.server.url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_killed_or_stopped_it_leaves_nothing(small: Small) -> None:
    _, answer = small.invoke({})
    assert start_time(answer["pid"])
    assert small.server.child is not None
    os.kill(small.server.child.pid, signal.SIGKILL)
    wait_for(lambda: start_time(answer["pid"]), lambda started: started is None)
    small.server.stop()
    assert not list(small.server._folder.parent.glob("localstack"))
    run_alone(small.server.start())
    small.server.stop()
    assert not list(small.server._folder.parent.glob("localstack"))
