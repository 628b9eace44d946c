"""Function nodes in executions: their output, their console and their errors in history, and retries that do not happen."""

from __future__ import annotations

import json
from typing import Any

from tests.support.engines import EngineRun
from tests.support.workflows import Database, definition, published, started


def function(language: str, source: str, **config: Any) -> dict[str, Any]:
    return {"id": "code", "type": "function", "config": {"language": language, "source": source, **config}}


def test_a_function_gets_its_input_and_its_output_is_used(database: Database, engine: EngineRun) -> None:
    body = definition(
        function("python", "def main(input):\n    print('got', input)\n    return {'sum': input['a'] + 1, 'literal': '{{ input.a }}'}", input={"a": "{{ input.n }}"}),
        {"id": "after", "type": "function", "config": {"language": "javascript", "source": "const main = (i) => `${i.text}!`", "input": {"text": "{{ nodes.code.output.sum }}"}}},
        {"id": "own", "type": "function", "config": {"language": "javascript", "source": "const main = (input) => Object.keys(input)"}},
        edges=[("code", "after"), ("after", "own")],
    )  # fmt: skip
    execution_id = started(database, published(database, body), {"n": 41})
    (row,) = engine.until_ended(execution_id, seconds=40)
    assert row["status"] == "succeeded", row["error"]
    assert engine.outputs(execution_id) == {"code": {"sum": 42, "literal": "{{ input.a }}"}, "after": "42!", "own": ["n"]}
    told = database.one("SELECT console FROM node_runs WHERE execution_id = %(id)s AND node_id = 'code'", id=execution_id)
    assert json.loads(told["console"]) == [{"level": "log", "text": "got {'a': 41}"}]
    silent = database.one("SELECT console FROM node_runs WHERE execution_id = %(id)s AND node_id = 'after'", id=execution_id)
    assert silent["console"] is None


def test_an_error_has_its_line_and_what_was_printed_before_it_and_is_not_repeated(database: Database, engine: EngineRun) -> None:
    body = definition(function("python", "def main(input):\n    print('before')\n    return input['gone']"))
    execution_id = started(database, published(database, body), {})
    (row,) = engine.until_ended(execution_id, seconds=40)
    assert row["status"] == "failed"
    assert row["error"]["code"] == "function_error"
    assert "line 3 in main" in row["error"]["message"]
    assert engine.history(execution_id) == [("code", 1, "failed")]
    told = database.one("SELECT console FROM node_runs WHERE execution_id = %(id)s", id=execution_id)
    assert json.loads(told["console"]) == [{"level": "log", "text": "before"}]


def test_the_nodes_timeout_ends_it(database: Database, engine: EngineRun) -> None:
    body = definition({**function("javascript", "const main = () => { for (;;); }"), "timeout_seconds": 1, "retry": {"max_attempts": 1}})
    execution_id = started(database, published(database, body), {})
    (row,) = engine.until_ended(execution_id, seconds=40)
    assert row["error"]["code"] in ("timeout", "function_limit")
