"""Functions that fail: what becomes of the work, and where an operator sees it."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

from functions.manifest import function
from tests.localstack.stack import Stack, talks_to, wait_for
from tests.support.recorder import Recorder
from tests.support.workflows import definition

ENGINE = function("engine")


def test_a_function_killed_at_its_timeout_leaves_an_execution_that_a_later_tick_resumes(stack: Stack, recorder: Recorder) -> None:
    """The engine lets go in time by itself, so its process is stopped, as a hung one would be, while its effect is under way."""
    call = {
        "id": "charge",
        "type": "http.request",
        "config": {"method": "POST", "url": f"{recorder.url}/charge?mode=hang", "body": {"n": "{{ nodes.before.output.n }}"}},
        "timeout_seconds": 20,
    }
    workflow = stack.publish(definition({"id": "before", "type": "transform", "config": {"assign": {"n": "input.n"}}}, call, edges=[("before", "charge")]))
    with stack.configured("engine", Timeout=45):
        execution_id = stack.start(workflow, {"n": 5})
        wait_for(lambda: [each for each in recorder.calls() if each["path"] == "/charge"], lambda calls: len(calls) == 1)
        (hung,) = [pid for pid in stack.processes(ENGINE) if talks_to(pid, recorder.port)]
        os.kill(hung, signal.SIGSTOP)
        failure = stack.failure("engine", lambda body: "timed out" in str(body["responsePayload"]))
    assert failure["responsePayload"]["errorType"] == "Sandbox.Timedout"
    assert failure["requestContext"]["condition"] == "RetriesExhausted"
    assert hung not in stack.processes(ENGINE)

    ended = stack.ended(execution_id)
    assert (ended["status"], ended["output"]["charge"]["body"]) == ("succeeded", {"recorded": True, "repeat": True})
    calls = [each for each in recorder.calls() if each["path"] == "/charge"]
    assert Counter(each["key"] for each in calls) == {calls[0]["key"]: len(calls)}  # acted on once: the receiver honours keys
    assert [each["repeat"] for each in calls].count(False) == 1
    assert any("Task timed out after 45.00 seconds" in line for line in stack.lines("engine"))


def test_a_failing_function_ends_in_its_dead_letter_destination(stack: Stack) -> None:
    function_name = stack.function_name("engine")
    with stack.configured("engine", variables={"DATABASE_URL": ""}):
        event = {"source": "a test of failures"}
        failure = stack.failure(
            "engine",
            lambda body: body["requestPayload"] == event,
            send=lambda: stack.aws("lambda").invoke(FunctionName=function_name, InvocationType="Event", Payload=json.dumps(event)),
        )
    assert failure["requestContext"]["functionArn"].startswith(stack.aws("lambda").get_function(FunctionName=function_name)["Configuration"]["FunctionArn"])
    assert failure["requestContext"]["approximateInvokeCount"] == 1  # not tried again: the next tick does the work
    assert failure["responseContext"]["functionError"]
    assert failure["responsePayload"]["errorType"] == "Unavailable"
    assert "DATABASE_URL is not set" in failure["responsePayload"]["errorMessage"]
    work = stack.start(stack.publish(definition({"id": "one", "type": "transform", "config": {"assign": {"n": "1"}}})))
    assert stack.ended(work)["status"] == "succeeded"
