"""llm.prompt against local servers that answer as OpenAI-compatible APIs and Anthropic's do, whole and in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time

import pytest

from chalicelib.actions.llm_prompt import checked
from tests.support.web_api import web_api
from tests.support.workflows import definition, published, started

SCHEMA = {"type": "object", "properties": {"language": {"type": "string"}}, "required": ["language"], "additionalProperties": False}
GERMAN = '{"language": "German"}'


def openai(text: str, finish: str = "stop"):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return 200, {"id": "c-1", "model": "gpt-x-1", "choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}


def anthropic(*content, stop: str = "end_turn"):
    return 200, {"id": "msg_1", "model": "claude-x", "content": list(content), "stop_reason": stop, "usage": {"input_tokens": 5, "output_tokens": 3}}


def stream(*chunks, done: str = "data: [DONE]\n\n", named: bool = False):
    body = "".join((f"event: {chunk['type']}\n" if named else "") + f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + done
    return 200, body, {"Content-Type": "text/event-stream"}


@pytest.fixture
def model(bench):
    with web_api(lambda _request: openai("Hello")) as server:
        bench.credential("bearer", {"token": "sk-the-token"}, "key")
        bench.credential("header", {"name": "x-api-key", "value": "sk-ant-token"}, "ant")
        yield server


def ask(bench, server, /, **config):
    return bench.node("llm.prompt", **{"credential": "key", "base_url": server.url + "/v1", "model": "gpt-x", "prompt": "Hi", **config})


def ask_anthropic(bench, server, /, **config):
    return ask(bench, server, **{"api": "anthropic", "credential": "ant", "base_url": server.url, "model": "claude-x", **config})


def test_a_question_and_its_tokens(bench, model):
    node = ask(bench, model, system="Be short.", messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], temperature=0, options={"seed": 1})
    output = node.run().output
    assert output == {
        "text": "Hello", "data": None, "finish_reason": "stop", "model": "gpt-x-1", "id": "c-1",
        "usage": {"input_tokens": 11, "output_tokens": 7, "requests": 1},
    }  # fmt: skip
    sent = model.last
    assert sent.path == "/v1/chat/completions"
    assert (sent.headers["authorization"], sent.headers["idempotency-key"]) == ("Bearer sk-the-token", f"{node.execution_id}.n")
    assert [message["role"] for message in sent.json["messages"]] == ["system", "user", "assistant", "user"]
    assert (sent.json["temperature"], sent.json["seed"], sent.json["max_tokens"]) == (0, 1, 1024)


def test_an_answer_that_fits_the_schema(bench, model):
    model.answer = lambda _request: openai(GERMAN)
    assert ask(bench, model, output_schema=SCHEMA).run().output["data"] == {"language": "German"}
    assert model.last.json["response_format"]["json_schema"]["schema"] == SCHEMA


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason(bench, model):
    answers = iter(['{"language": 5}', f"```json\n{GERMAN}\n```"])
    model.answer = lambda _request: openai(next(answers))
    output = ask(bench, model, output_schema=SCHEMA).run().output
    assert (output["data"], output["usage"]) == ({"language": "German"}, {"input_tokens": 22, "output_tokens": 14, "requests": 2})
    assert "at /language" in model.last.json["messages"][-1]["content"]
    assert len({sent.headers["idempotency-key"] for sent in model.sent}) == 2


@pytest.mark.parametrize(
    ("text", "finish", "code"),
    [("no JSON", "stop", "output_invalid"), ('{"other": 1}', "stop", "output_invalid"), ('{"langu', "length", "output_truncated"), ("", "content_filter", "output_refused")],
)
def test_an_answer_that_never_fits_fails_the_node_and_is_kept(bench, model, text, finish, code):
    model.answer = lambda _request: openai(text, finish)
    error = ask(bench, model, output_schema=SCHEMA, repairs=1).fails()
    assert (error.code, error.error_class) == (code, None)
    assert error.output["text"] == text
    assert error.output["usage"]["requests"] == (2 if code == "output_invalid" else 1)


def test_anthropic(bench, model):
    model.answer = lambda _request: anthropic({"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"})
    output = ask_anthropic(bench, model, system="Be short.").run().output
    assert (output["text"], output["finish_reason"], output["usage"]["output_tokens"]) == ("Hello", "stop", 3)
    sent = model.last
    assert sent.path == "/v1/messages"
    assert (sent.headers["x-api-key"], sent.headers["anthropic-version"]) == ("sk-ant-token", "2023-06-01")
    assert (sent.json["system"], sent.json["messages"]) == ("Be short.", [{"role": "user", "content": "Hi"}])
    model.answer = lambda _request: anthropic({"type": "tool_use", "id": "t", "name": "answer", "input": {"language": "German"}}, stop="tool_use")
    assert ask_anthropic(bench, model, output_schema=SCHEMA).run().output["data"] == {"language": "German"}
    assert model.last.json["tool_choice"] == {"type": "tool", "name": "answer"}
    assert model.last.json["tools"][0]["input_schema"] == SCHEMA


def test_in_pieces(bench, model):
    def piece(text, finish=None):
        return {"id": "c-2", "model": "gpt-x", "choices": [{"delta": {"content": text}, "finish_reason": finish}]}

    usage = {"id": "c-2", "choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
    model.answer = lambda _request: stream(piece("Hé"), piece("llo"), piece("", "stop"), usage)
    output = ask(bench, model, stream=True).run().output
    assert (output["text"], output["finish_reason"], output["usage"]) == ("Héllo", "stop", {"input_tokens": 4, "output_tokens": 2, "requests": 1})
    assert model.last.json["stream_options"] == {"include_usage": True}
    model.answer = lambda _request: stream(piece("Hé"), done="")
    assert ask(bench, model, stream=True).fails().code == "invalid_response"


def test_anthropic_in_pieces(bench, model):
    events = [
        {"type": "message_start", "message": {"id": "msg_2", "model": "claude-x", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": '{"language":'}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": ' "German"}'}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 12}},
        {"type": "message_stop"},
    ]
    model.answer = lambda _request: stream(*events, done="", named=True)
    output = ask_anthropic(bench, model, stream=True, output_schema=SCHEMA).run().output
    assert (output["data"], output["usage"]) == ({"language": "German"}, {"input_tokens": 9, "output_tokens": 12, "requests": 1})
    model.answer = lambda _request: stream(*events[:3], {"type": "error", "error": {"type": "overloaded_error"}}, done="", named=True)
    assert ask_anthropic(bench, model, stream=True).fails().code == "invalid_response"


def piece_of(text: str, finish: str | None = None) -> bytes:
    chunk = {"id": "c-3", "model": "gpt-x", "choices": [{"delta": {"content": text}, "finish_reason": finish}]}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_events_are_read_however_they_are_cut(bench, model, size):
    body = piece_of("Grüße") + b": a comment\n\n" + piece_of(", 世界", "stop") + b'data: {"choices": [],\ndata: "usage": {"prompt_tokens": 4, "completion_tokens": 2}}\n\ndata: [DONE]\n\n'
    model.answer = lambda _request: (200, iter(body[at : at + size] for at in range(0, len(body), size)), {"Content-Type": "text/event-stream; charset=utf-8"})
    output = ask(bench, model, stream=True).run().output
    assert (output["text"], output["usage"]["output_tokens"]) == ("Grüße, 世界", 2)


def test_what_has_come_is_in_history_while_the_node_runs_and_after_it_broke_off(bench, model, engine, database):
    heard, go_on = threading.Event(), threading.Event()

    def pieces():
        yield piece_of("The key sk-the-")
        yield piece_of("token is")
        yield piece_of(" mine, says sk-th")
        heard.set()
        go_on.wait(30)
        yield b"data: no JSON\n\n"

    model.answer = lambda _request: (200, pieces(), {"Content-Type": "text/event-stream"})
    config = {"credential": "key", "base_url": model.url, "model": "gpt-x", "prompt": "Hi", "stream": True}
    execution_id = started(database, published(database, definition({"id": "n", "type": "llm.prompt", "config": config, "retry": {"max_attempts": 1}})))
    sql = "SELECT status, output FROM node_runs WHERE execution_id = %(id)s AND output IS NOT NULL"
    shown = []

    def look():
        while not shown:
            shown.extend(database.execute(sql, {"id": execution_id}))
            time.sleep(0.02)
        go_on.set()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    (row,) = engine.until_ended(execution_id)
    watcher.join(10)
    assert (shown[0]["status"], json.loads(shown[0]["output"])["text"]) == ("running", "The key [redacted] is mine, says ")
    assert (row["status"], row["error"]["code"]) == ("failed", "invalid_response")
    (kept,) = database.execute(sql, {"id": execution_id})
    assert json.loads(kept["output"])["text"] == "The key [redacted] is mine, says "


def test_cancelling_ends_the_stream(bench, model):
    def endless():
        while True:
            time.sleep(0.01)
            yield piece_of("and ")

    model.answer = lambda _request: (200, endless(), {"Content-Type": "text/event-stream"})
    node = ask(bench, model, stream=True)

    async def cut():
        task = asyncio.create_task(node.arun())
        while node.context is None or not heard:
            await asyncio.sleep(0.01)
            if node.context is not None:
                node.context.show = heard.append
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    heard = []
    asyncio.run(cut())
    assert heard[0]["text"].startswith("and ")
    assert model.left.wait(10)


def test_a_stream_has_its_cap_too(bench, model):
    def flood():
        while True:
            yield piece_of("x" * 500_000)

    model.answer = lambda _request: (200, flood(), {"Content-Type": "text/event-stream"})
    error = ask(bench, model, stream=True).fails()
    assert error.code == "response_too_large"
    assert len(error.output["text"]) == 200_000
    assert model.left.wait(10)


@pytest.mark.parametrize(
    ("status", "headers", "code", "error_class", "wait"),
    [
        (401, {}, "http_status", "http.401", None),
        (429, {"Retry-After": "12"}, "rate_limited", "http.429", 12),
        (500, {}, "http_status", "http.500", None),
        (529, {"Retry-After": "5"}, "http_status", "http.529", 5),
    ],
)
def test_what_an_api_says_no_to(bench, model, status, headers, code, error_class, wait):
    model.answer = lambda request: (status, {"error": {"message": f"no: {request.headers['authorization']}"}}, headers)
    error = ask(bench, model).fails()
    assert (error.code, error.error_class, error.retry_after) == (code, error_class, wait)
    assert "sk-the-token" not in error.message


@pytest.mark.parametrize("answer", [(200, "hello"), (200, {"choices": []}), (200, []), (200, {"choices": [{"message": None}]})])
def test_answers_of_another_form(bench, model, answer):
    model.answer = lambda _request: answer
    assert ask(bench, model).fails().code == "invalid_response"
    assert ask_anthropic(bench, model).fails().code == "invalid_response"


def test_what_is_no_question():
    from chalicelib.registry.catalogue import catalogue

    spec = catalogue().get("llm.prompt")
    assert spec.check({"model": "m", "prompt": "x", "output_schema": SCHEMA}) == []
    for config, path in (
        ({"model": "m"}, ""),
        ({"model": "m", "prompt": "x", "output_schema": {"type": "nothing"}}, "/output_schema"),
        ({"model": "m", "prompt": "x", "output_schema": {"$ref": "http://127.0.0.1/schema"}}, "/output_schema"),
        ({"model": "m", "prompt": "x", "temperature": 3}, "/temperature"),
    ):
        assert [issue.path for issue in spec.check(config)] == [path]
    assert spec.literal_fields({"output_schema": {"const": "{{ x }}"}}) == ("/output_schema",)


@pytest.mark.parametrize(("text", "problem"), [(GERMAN, None), ("x", "it is not JSON"), ('{"language": 1}', "at /language"), ("{}", "at /"), ("[1]", "at /")])
def test_checking(text, problem):
    found = checked(text, SCHEMA)[1]
    assert found is None if problem is None else found.startswith(problem)
