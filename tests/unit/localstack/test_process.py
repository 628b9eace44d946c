"""A function's process: what it sees, what it may do, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.host.processes import start_time
from millrace_localstack.process import LOG_BYTES_KEPT, FunctionProcess, Program
from millrace_localstack.runtime_api import Invocation, Outcome
from tests.unit.localstack import runtime_client

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the executor is for Linux")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("SECRET_OF_LOCALSTACK", "not for functions")
    client, code = runtime_client.write(tmp_path)
    return Program(code=code, handler="task.handler", variables={"GIVEN": "yes"}, runtime=client)


@pytest.fixture
def make() -> Iterator[Callable[[Program], FunctionProcess]]:
    made: list[FunctionProcess] = []

    def start(program: Program) -> FunctionProcess:
        made.append(FunctionProcess(program))
        return made[-1]

    yield start
    for process in made:
        process.stop()


def send(process: FunctionProcess, event: Any, seconds: float = 30.0, request_id: str = "r-1") -> Outcome:
    deadline = int((time.time() + seconds) * 1000)
    return process.invoke(Invocation(request_id, json.dumps(event).encode(), "arn:x", "Root=1-2", deadline), seconds)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_answers_event_after_event_in_one_process(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    assert process.started() is None
    answers = [json.loads(send(process, {}, request_id=f"r-{n}").body) for n in range(3)]
    assert [answer["count"] for answer in answers] == [1, 2, 3]
    assert {answer["pid"] for answer in answers} == {process.pid}
    headers = answers[2]["headers"]
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "r-2"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:x"
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1-2"
    assert int(headers["Lambda-Runtime-Deadline-Ms"]) > time.time() * 1000


def test_it_sees_its_code_and_the_runtime_client_and_nothing_of_localstack(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    seen = json.loads(send(make(program), {"environment": True}).body)
    assert "SECRET_OF_LOCALSTACK" not in seen["variables"]
    assert seen["variables"]["GIVEN"] == "yes"
    assert seen["variables"]["LAMBDA_TASK_ROOT"] == str(program.code) == seen["folder"]
    assert not [entry for entry in seen["path"] if "site-packages" in entry]
    assert not [entry for entry in seen["path"] if entry.endswith("millrace_localstack")]
    assert seen["path"].index(str(program.code)) < seen["path"].index(str(program.runtime))


def test_its_lines_are_those_of_the_event(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    for text in ("one", "two\nthree"):
        send(process, {"say": text})
        assert process.log() == text.split("\n")
    assert process.log() == []


def test_a_long_log_is_cut(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    send(process, {"say": "x" * (LOG_BYTES_KEPT + 99)})
    assert process.log()[-1] == "[100 more bytes of log were cut off]"
    send(process, {"say": "next"})
    assert process.log() == ["next"]


def test_what_it_raises_is_the_outcome(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    outcome = send(process, {"raise": "no"})
    assert outcome == Outcome(True, b'{"errorType": "ValueError", "errorMessage": "no"}')
    assert "ValueError: no" in process.log()
    assert not process.ended
    assert json.loads(send(process, {}).body)["count"] == 2


def test_one_that_cannot_load_says_why(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(Program(program.code, "nothing.handler", {}, program.runtime))
    failure = process.started()
    assert failure is not None
    assert failure.failed
    assert json.loads(failure.body)["errorType"] == "ModuleNotFoundError"
    assert "No module named 'nothing'" in "\n".join(process.log())
    until(lambda: process.ended)


def test_one_that_exits_fails_its_event_and_every_later_one(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    for _ in range(2):
        outcome = send(process, {"exit": 3})
        assert json.loads(outcome.body) == {"errorType": "Runtime.ExitError", "errorMessage": "Error: Runtime exited with error: exit status 3"}
    assert process.ended
    assert process.log() == ["going"]


def test_one_that_is_killed_from_outside_fails_its_event(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    process.started()
    os.kill(process.pid, signal.SIGKILL)
    assert "signal: SIGKILL" in send(process, {"sleep": 20}).body.decode()


def test_one_that_takes_too_long_is_killed_with_all_it_started(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    child = json.loads(send(process, {"child": ["sleep", "1000"]}).body)
    assert start_time(child)
    outcome = send(process, {"sleep": 60}, seconds=0.3)
    assert json.loads(outcome.body) == {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: r-1 Error: Task timed out after 0.30 seconds"}
    assert process.ended
    until(lambda: start_time(child) is None)


def test_stopping_ends_it_and_deletes_what_it_wrote(program: Program, make: Callable[[Program], FunctionProcess]) -> None:
    process = make(program)
    folder = Path(json.loads(send(process, {"environment": True}).body)["variables"]["TMPDIR"]).parent
    assert folder.is_dir()
    process.stop()
    process.stop()
    assert process.ended
    assert not folder.exists()


def test_it_dies_with_the_process_that_made_it(program: Program, tmp_path: Path) -> None:
    maker = (
        "import sys, time; from pathlib import Path; from millrace_localstack.process import FunctionProcess, Program\n"
        "process = FunctionProcess(Program(Path(sys.argv[1]), 'task.handler', {}, Path(sys.argv[2])))\n"
        "process.started(); print(process.pid, flush=True); time.sleep(1000)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "localstack" / "plugin"), "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-c", maker, str(program.code), str(program.runtime)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        function = int(parent.stdout.readline())
        assert start_time(function)
        parent.kill()
    until(lambda: start_time(function) is None)
