"""No expression takes all memory or runs for ever: every bound is checked before evaluation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORDERS = {"orders": [{"id": i, "lines": [{"price": j * 1.5, "name": "n" * 100} for j in range(8)]} for i in range(400)]}


def evaluate(source: str, value: Any) -> Any:
    return Scope({"input": value}, now=NOW, seed="").evaluate(source)


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("input.orders.map(o, o.lines.map(l, l.price * 2)).size()", ORDERS, 400),
        ("input.orders.filter(o, o.id > 5).map(o, string(o.id)).join(',').size() > 1000", ORDERS, True),
        ("input.orders.map(o, {'id': o.id, 'big': o.lines.exists(l, l.price > 10)}).size()", ORDERS, 400),
        ("input.orders.map(o, o.id).map(i, i + 1).filter(i, i > 3).size()", ORDERS, 397),
        ("input.s.split(',').map(x, int(x)).size()", {"s": ",".join(map(str, range(900)))}, 900),
        ("input.t.replace('{name}', input.n).size()", {"t": "Dear {name}, " * 3000, "n": "Ann"}, 30_000),
        ("input.all(x, x >= 0)", list(range(9_000)), True),
        ("input.exists(x, x in input)", list(range(2_000)), True),
        ("input.map(x, x).size()", list(range(1_000)), 1_000),
        ("input[100000]", list(range(100_001)), 100_000),
        ("size(input)", list(range(100_000)), 100_000),
        ("size(input)", "x" * 8_000_000, 8_000_000),
    ],
)
def test_ordinary_work_is_let_through(source: str, value: Any, expected: Any) -> None:
    assert evaluate(source, value) == expected


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("size(([input]" + ".map(x, x + x)" * 28 + ")[0])", "x" * 1000),
        ("size(([input]" + ".map(x, x + x)" * 28 + ")[0])", [1, 2]),
        ("[input]" + ".map(x, [x, x, x, x])" * 14, 1),
        ("input.a.replace('a', input.b).size()", {"a": "a" * 100_000, "b": "b" * 100_000}),
        ("input.map(x, input).size()", ["x" * 1000] * 900),
        ("input.map(x, 'y').join(input[0]).size()", ["x" * 200_000] + ["x"] * 900),
        ("(" + " + ".join(["(" + " + ".join(["input"] * 20) + ")"] * 9) + ").size()", "x" * 8_000_000),
        ("[" + ",".join(["input"] * 1000) + "].size()", "x" * 200_000),
        ("input.all(x, x in input)", list(range(9_000))),
        ("input.a.all(x, input.s.contains(x))", {"a": ["xxxxxxxxy"] * 5_000, "s": "x" * 1_000_000}),
    ],
)
def test_growth_and_endless_work_are_refused(source: str, value: Any) -> None:
    with pytest.raises(ExpressionError, match="million steps"):
        evaluate(source, value)


@pytest.mark.parametrize(
    ("source", "value", "words"),
    [
        ("input.map(x, x)", list(range(1_001)), "at most 1000 elements, this one has 1001"),
        ("input.filter(x, x > 1)", list(range(1_001)), "at most 1000 elements"),
        ("input.s.split(',').map(x, x)", {"s": "," * 3_000}, "at most 1000 elements, this one has 3001"),
        ("(input + input).map(x, x)", list(range(600)), "at most 1000 elements, this one has 1200"),
        ("input.map(k, k)", {str(i): i for i in range(1_001)}, "at most 1000 elements"),
        ("input.all(x, x >= 0)", list(range(10_001)), "more than 10000 steps"),
        ("input.all(x, input.all(y, y >= 0))", list(range(200)), "more than 10000 steps"),
        ("size(input)", "x" * 9_000_000, "larger than 8192 KB"),
        ("input.total + 1", {"total": 1}, None),
    ],
)
def test_lists_contexts_and_steps_are_capped(source: str, value: Any, words: str | None) -> None:
    if words is None:
        assert evaluate(source, value) == 2
        return
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, value)
    assert words in caught.value.detail


def test_a_large_value_beside_the_one_read_costs_nothing() -> None:
    values = {"total": 1, "blob": "x" * 9_000_000, "list": list(range(5_000)), "small": [1, 2]}
    assert evaluate("input.total + 1", values) == 2
    assert evaluate("input.small.map(x, x + input.total)", values) == [2, 3]
    assert evaluate("has(input.blob)", values) is True


def test_nesting_is_bounded() -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    assert evaluate("size(input)", nested(200)) == 1
    assert evaluate("[input][0]", nested(200)) == nested(200)
    for depth in (300, 5_000, 100_000):
        with pytest.raises(ExpressionError, match="deeper than 256"):
            evaluate("size(input)", nested(depth))


def test_a_scope_may_be_used_many_times() -> None:
    own = Scope({"input": [{"n": i, "text": "x" * 50} for i in range(300)]}, now=NOW, seed="")
    for turn in range(30):
        assert own.evaluate("input.map(i, i.n).size()") == 300
        assert own.evaluate(f"input.exists(i, i.n == {turn})") is True


def test_loops_within_loops_are_estimated_too() -> None:
    with pytest.raises(ExpressionError):
        evaluate("input.map(a, " * 8 + "1" + ")" * 8, list(range(1_000)))
