"""Function nodes on AWS: the engine's process invokes the sandbox function and believes its answer no more than a process's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core import config
from chalicelib.core.sandbox import client
from chalicelib.core.sandbox.client import SandboxUnavailable, run_job
from chalicelib.core.sandbox.job import Job, Ran
from functions import sandbox
from tests.support.web_api import Sent, web_api

JOB = Job("python", "def main(input):\n    print('hi')\n    return input['n'] + 1", '{"n": 41}')


@pytest.fixture
def function_named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings as the template gives them."""
    monkeypatch.setenv("MILLRACE_SANDBOX_FUNCTION", "millrace-sandbox")
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    config.settings.cache_clear()
    client._lambda.cache_clear()
    yield
    config.settings.cache_clear()
    client._lambda.cache_clear()


def run(monkeypatch: pytest.MonkeyPatch, url: str) -> Ran:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
    client._lambda.cache_clear()
    return asyncio.run(run_job(JOB))


def test_a_job_is_run_by_the_real_handler_behind_lambdas_api(function_named: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def invoke(request: Sent) -> tuple[int, Any]:
        assert request.path == "/2015-03-31/functions/millrace-sandbox/invocations"
        assert request.headers["x-amz-invocation-type"] == "RequestResponse"
        return 200, sandbox.handler(request.json, None)

    try:
        with web_api(invoke) as api:
            ran = run(monkeypatch, api.url)
    finally:
        loop, pool = sandbox._runtime()
        pool.close()
        loop.close()
        sandbox._runtime.cache_clear()
    assert (ran.output, ran.failure, ran.console) == ("42", None, [{"level": "log", "text": "hi"}])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {"message": "no"}), "cannot be invoked"),
        ((200, {"errorMessage": "Task timed out"}, {"X-Amz-Function-Error": "Unhandled"}), "failed"),
        ((200, {"output": 7}), "failed"),
        ((200, b"not json"), "failed"),
    ],
)
def test_what_is_no_answer_of_a_sandbox_is_an_outage_that_is_tried_again(
    function_named: None, monkeypatch: pytest.MonkeyPatch, answer: Any, words: str
) -> None:
    with web_api(lambda request: answer) as api, pytest.raises(SandboxUnavailable, match=words):
        run(monkeypatch, api.url)


def test_a_failure_of_the_code_comes_back_as_one(function_named: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"output": None, "failure": {"code": "function_error", "message": "KeyError: n (line 3)"}, "console": []}
    with web_api(lambda request: (200, told)) as api:
        ran = run(monkeypatch, api.url)
    assert ran.failure is not None
    assert (ran.failure.code, ran.failure.message) == ("function_error", "KeyError: n (line 3)")
    assert json.loads(JOB.input) == {"n": 41}
