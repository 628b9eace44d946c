"""The corpus of expressions: what the server gives for each. The web app's preview runs the same file (frontend/src/lib/cel/corpus.test.ts)."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope, compile_expression, library

CORPUS = json.loads((Path(__file__).parents[2] / "corpus" / "expressions.json").read_text("utf-8"))


def evaluate(expression: str) -> Any:
    scope = Scope(CORPUS["scope"], now=datetime.fromisoformat(CORPUS["now"]), seed=CORPUS["seed"])
    return scope.evaluate(expression)


def same(left: Any, right: Any) -> bool:
    """Equal with their types: 1 is not 1.0, and true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.mark.parametrize("case", CORPUS["cases"], ids=lambda case: case["expression"][:80])
def test_the_server_gives_what_the_corpus_says(case: dict[str, Any]) -> None:
    if case.get("error"):
        with pytest.raises(ExpressionError):
            evaluate(case["expression"])
    else:
        assert same(evaluate(case["expression"]), case["value"])


def test_the_corpus_is_large_and_without_repetition() -> None:
    expressions = [case["expression"] for case in CORPUS["cases"]]
    assert len(expressions) == len(set(expressions)) >= 300
    assert sum("error" in case for case in CORPUS["cases"]) >= 50


def test_every_example_of_the_library_is_in_the_corpus_with_its_value() -> None:
    known = {case["expression"]: case.get("value") for case in CORPUS["cases"]}
    for function in library.FUNCTIONS:
        for expression, value in function.examples:
            assert same(known.get(expression), value), expression


def test_every_function_is_described_and_those_that_are_ours_have_an_example() -> None:
    for function in library.FUNCTIONS:
        assert function.summary.endswith("."), function.name
        assert function.signatures
        if function.overloads and function.name not in ("hash.sha512", "hash.hmacSha256Base64"):
            assert function.examples, function.name


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nods.a", ["unknown name 'nods'", "input, trigger, nodes", "Did you mean 'nodes'"]),
        ("input.nmae", ["no field 'nmae'", "it has:", "Did you mean 'name'"]),
        ("nodes.chrage.output", ["no node 'chrage'", "charge", "Did you mean 'charge'"]),
        ("input.items.map(i, i.prize)", ["no field 'prize' in an element of input.items", "price, qty, sku, tags", "Did you mean 'price'"]),
        ("input.name.uper()", ["unknown function 'uper'", "Did you mean 'upper'"]),
        ("date.formt(input.at, 'yyyy')", ["unknown function 'date.formt'", "Did you mean 'date.format'"]),
        ("input.name.sum()", ["sum cannot be called on string", "it takes: list.sum()"]),
        ("'a'.padStart('x')", ["padStart", "string.padStart(int); string.padStart(int, string)"]),
        ("date.add(input.at, 1, 'fortnights')", ["'fortnights' is no unit", "years, months"]),
    ],
)
def test_errors_name_what_there_is_and_the_nearest(source: str, words: list[str]) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    for word in words:
        assert word in caught.value.detail


@pytest.mark.parametrize(
    "source",
    [
        "input.big" + ".padStart(100000, 'x')" * 2,
        "json.encode(" * 12 + "input.big" + ")" * 12,
        "lists.range(1000).map(i, input.big.repeat(2))",
        "lists.range(1000).map(i, lists.range(1000).map(j, json.encode(input.big)))",
        "url.encode(" * 9 + "input.big" + ")" * 9,
        "'x'.repeat(1000000)",
        "lists.range(1000000000)",
    ],
)
def test_what_would_cost_too_much_is_refused(source: str) -> None:
    scope = Scope({"input": {"big": "é" * 20_000}}, now=datetime.fromisoformat(CORPUS["now"]), seed="s")
    try:
        result = scope.evaluate(source)
    except ExpressionError:
        return
    assert len(json.dumps(result)) < 8 * 1024 * 1024  # allowed because it is bounded


def test_a_library_function_keeps_an_expression_pure() -> None:
    assert compile_expression("date.format(input.at, 'yyyy')").pure
    assert not compile_expression("date.format(now(), 'yyyy')").pure
