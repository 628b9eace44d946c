"""The Runtime API where a process does not do as it should."""

from __future__ import annotations

import http.client
import json

from millrace_localstack.runtime_api import PATH, Invocation, Outcome, RuntimeApi


def invocation(request_id: str = "r-1") -> Invocation:
    return Invocation(request_id, b"{}", "arn:x", "", 0)


def call(api: RuntimeApi, method: str, path: str, body: bytes = b"", **options: object) -> int:
    connection = http.client.HTTPConnection(api.address, timeout=10)
    connection.request(method, path, body=body, **options)  # type: ignore[arg-type]
    status = connection.getresponse().status
    connection.close()
    return status


def test_an_answer_in_chunks_is_put_together() -> None:
    api = RuntimeApi()
    future = api.submit(invocation())
    assert call(api, "GET", f"{PATH}/invocation/next") == 200
    chunks = iter([b'{"a":', b" 1}"])
    assert call(api, "POST", f"{PATH}/invocation/r-1/response", chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"}) == 202  # type: ignore[arg-type]
    assert future.result(5) == Outcome(False, b'{"a": 1}')
    api.close()


def test_an_answer_that_nobody_waits_for_is_refused() -> None:
    api = RuntimeApi()
    assert call(api, "POST", f"{PATH}/invocation/other/response", b"{}") == 400
    assert call(api, "POST", f"{PATH}/nonsense", b"{}") == 400
    assert call(api, "GET", f"{PATH}/nonsense") == 404
    api.close()


def test_whoever_waits_hears_that_the_process_is_gone() -> None:
    api = RuntimeApi()
    future = api.submit(invocation())
    api.fail(Outcome(True, b'"gone"'))
    assert future.result(0) == api.submit(invocation("r-2")).result(0) == api.started.result(0) == Outcome(True, b'"gone"')
    api.close()
    api.close()


def test_an_error_at_the_start_is_known_before_the_process_ends() -> None:
    api = RuntimeApi()
    problem = {"errorType": "ImportError", "errorMessage": "no"}
    assert call(api, "POST", f"{PATH}/init/error", json.dumps(problem).encode()) == 202
    assert api.started.result(0) == Outcome(True, json.dumps(problem).encode())
    api.close()
