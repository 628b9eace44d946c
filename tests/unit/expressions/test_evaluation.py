"""What expressions give, and that whatever is not a value is an ExpressionError."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope, compile_expression

NOW = datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)
VALUES = {
    "input": {
        "customer": "Ann",
        "total": 120,
        "rate": 60.5,
        "big": 2**53 + 1,
        "min": -(2**63),
        "max": 2**63 - 1,
        "paid": True,
        "none": None,
        "odd name": 1,
        "items": [{"price": 1, "name": "a"}, {"price": 2.5, "name": "b"}],
        "map": {"zeta": 1, "alpha": 2, "mid": 3},
        "nul": "a\0b",
        "surrogate": "\ud800",
        "empty": {},
    },
    "nodes": {
        "waiting": {},
        "charge": {"output": {"status": 200, "body": {"id": "ch_1"}}},
        "failed": {"output": None, "error": {"code": "timeout"}},
    },
    "trigger": {"type": "api", "headers": {"x-github-event": "push"}},
    "execution": {"id": "exe_1"},
}


def scope(**more: object) -> Scope:
    return Scope({**VALUES, **more}, now=NOW, seed="exe_1.charge")


def fails(source: str, **more: object) -> str:
    with pytest.raises(ExpressionError) as caught:
        scope(**more).evaluate(source)
    assert caught.value.code == "expression_error"
    return caught.value.detail


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("input.total > 100", True),
        ("input.total", 120),
        ("input['odd name']", 1),
        ("input.items[1].price", 2.5),
        ("input.none", None),
        ("input", VALUES["input"]),
        ("input.big + 0", 2**53 + 1),
        ("input.min + 0", -(2**63)),
        ("input.max - 0", 2**63 - 1),
        ("60.5 * 100", 6050.0),
        ("input.rate * 100", 6050.0),
        ("100 * input.rate", 6050.0),
        ("input.rate * input.total", 7260.0),
        ("1 + 0.5", 1.5),
        ("0.5 - 1", -0.5),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2.0", 3.5),
        ("7.0 / 2", 3.5),
        ("7 % 4", 3),
        ("1 == 1.0", True),
        ("1.5 != 1", True),
        ("1 < 1.5", True),
        ("input.total >= 119.5", True),
        ("input.rate <= input.total", True),
        ("2.5 > 3", False),
        ("1 in [1.0, 2.0]", True),
        ("[1, 2] == [1.0, 2.0]", True),
        ("false ? 1 : 2.5", 2.5),
        ("1 / 0.0 > 5.0", True),
        ("math.greatest(1, 2.5)", 2.5),
        ("math.abs(-3)", 3),
        ("'a,b'.split(',')", ["a", "b"]),
        ("'%s is %d'.format(['x', 3])", "x is 3"),
        ("base64.encode(b'hi')", "aGk="),
        ("'Grüße'.size()", 5),
        ("input.?missing.orValue('none')", "none"),
        ("input.?total.orValue(0)", 120),
        ("has(nodes.waiting.output)", False),
        ("has(nodes.charge.output)", True),
        ("has(input.none)", True),
        ("has(nodes.charge.output.body) ? nodes.charge.output.body.id : ''", "ch_1"),
        ("nodes['charge'].output.status == 200", True),
        ("nodes.failed.output == null", True),
        ("trigger.headers['x-github-event'] == 'push'", True),
        ("input.items.map(i, i.price * 2)", [2, 5.0]),
        ("input.items.filter(i, i.price > 1).map(i, i.name)", ["b"]),
        ("input.items.all(i, i.price > 0)", True),
        ("input.items.exists_one(i, i.name == 'b')", True),
        ("input.map.map(k, k)", ["alpha", "mid", "zeta"]),
        ("{'zeta': 1, 'alpha': 2}.map(k, k)", ["alpha", "zeta"]),
        ("[{'b': 1, 'a': 2}].map(m, m.map(k, k))", [["a", "b"]]),
        ("{'b': 1, 'a': {'d': [1, null], 'c': true}}", {"a": {"c": True, "d": [1, None]}, "b": 1}),
        ("'a\\u0000b'", "a\0b"),
        ("[1, 2].map(x, 'a\\u0000b')", ["a\0b", "a\0b"]),
        ("now()", "2026-01-02T03:04:05.600Z"),
        ("string(now())", "2026-01-02T03:04:05.600Z"),
        ("now() + duration('30m')", "2026-01-02T03:34:05.600Z"),
        ("timestamp('2026-01-02T03:04:05.000001Z')", "2026-01-02T03:04:05.000001Z"),
        ("timestamp('2026-01-02T05:04:05+02:00')", "2026-01-02T03:04:05Z"),
        ("now() > timestamp('2020-01-01T00:00:00Z')", True),
        ("duration('3.5s')", "3.5s"),
        ("duration('-90s')", "-90s"),
        ("duration('1h')", "3600s"),
        ("[duration('1ms'), timestamp('2026-01-01T00:00:00Z')]", ["0.001s", "2026-01-01T00:00:00Z"]),
        ("b'abc'", "YWJj"),
        ("5u", 5),
        ("input.none == null || input.missing", True),
        ("false && input.missing", False),
        ("[1, 2, 3].exists(x, x == 3 || 1 / (x - 1) > 5)", True),
        ("// a comment\n 1 + 1", 2),
    ],
)
def test_values(source: str, expected: object) -> None:
    found = scope().evaluate(source)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("input.totl > 100", "no field 'totl' in input; it has: big, customer, "),
        ("input.totl > 100", "Did you mean 'total'?"),
        ("input.totl", "Did you mean 'total'? [in: input.totl]"),
        ("input.empty.x", "no field 'x' in input.empty, which is empty"),
        ("input.empty.x == 1", "no field 'x' in input.empty, which is empty"),
        ("input.none.x", "no field 'x' in input.none, which is null"),
        ("input.total.x + 1", "no field 'x' in input.total, which is a number"),
        ("has(input.missing.x)", "no field 'missing' in input"),
        ("input.items[7]", "input.items has 2 elements, there is no 7"),
        ("input.items[7].price + 1", "input.items has 2 elements, there is no 7"),
        ("input.items.map(i, i.prize)", "no field 'prize'"),
        ("nodes.waiting.output", "node 'waiting' has no 'output': it has not run"),
        ("nodes.waiting.output.x == 1", "node 'waiting' has no 'output': it has not run"),
        ("nodes.chrage.output", "no node 'chrage'; there are: charge, failed, waiting. Did you mean 'charge'?"),
        ("item", "'item' does not exist here; there are: execution, input, nodes, trigger"),
        ("item.x == 1", "'item' does not exist here"),
        ("1 / 0", "divide by zero [in: 1 / 0]"),
        ("1 % 0", "modulus by zero"),
        ("input.max + 1", "overflow"),
        ("9223372036854775807 * 2", "overflow"),
        ("-input.min", "overflow"),
        ("input.customer + 1", "+ cannot be applied to (string, int)"),
        ("'a' + 1", "+ cannot be applied to (string, int) at column 5"),
        ("input.customer ? 1 : 2", "the condition of ?: is not true or false"),
        ("input.total && true", "&& needs true or false"),
        ("!input.total", "! needs true or false"),
        ("1 / 0 == 1 && true", "divide by zero"),
        ("int('x')", "cannot convert string to int"),
        ("0.0 / 0", "the result is NaN"),
        ("1 / 0.0", "the result is infinity"),
        ("[-1 / 0.0]", "the result is -infinity"),
        ("18446744073709551615u", "does not fit a 64-bit integer"),
        ("{1: 2}", "an object's key must be a string, but 1 is an integer"),
        ("{true: 2}", "an object's key must be a string, but True is a boolean"),
        ("{1: 'a', true: 'b'}", "an object's key must be a string"),
        ("type(1)", "not a JSON value"),
        ("optional.of(1)", "the result holds an optional"),
        ("[optional.none()]", "an optional stands where"),
        ("input.?total", "the result holds an optional"),
        ("google.protobuf.Int64Value{value: 3}", "makes a protobuf message"),
        ("input.nul + 'x'", "NUL"),
        ("size(input.surrogate)", "half a surrogate pair"),
        ("size(input)", "NUL"),
        ("''.matches('(')", "regular expression"),
        ("timestamp('yesterday')", "timestamp"),
        ("'a\\u0000b'.split(',').map(x, x)", "NUL"),
    ],
)
def test_errors(source: str, words: str) -> None:
    assert words in fails(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("1 +", "at column 4"),
        ("input.x ==\n  = 1", "at line 2, column 3"),
        (
            "inpt.total",
            "unknown name 'inpt'; known are input, trigger, nodes, execution, item, index, event. Did you mean 'input'? at column 1",
        ),
        ("'x'.upperAscci()", "unknown function 'upperAscci'. Did you mean 'upperAscii'? at column 5"),
        ("sizee(input)", "unknown function 'sizee'. Did you mean 'size'?"),
        ("input.nul == 'a\0b'", "NUL character at position"),
        ("'\ud800'", "half a surrogate pair"),
        ("'" + "x" * 17_000 + "'", "at most 16384"),
        ("(" * 500 + "1" + ")" * 500, "nests too deeply"),
        ("+".join(["1"] * 500), "nests too deeply"),
        ("[" * 5000 + "]" * 5000, "nests too deeply"),
        ("input" + ".a" * 5000, "nests too deeply"),
    ],
)
def test_what_does_not_compile(source: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source)
    assert words in caught.value.detail


def test_values_that_are_only_passed_on_stay_as_they_are() -> None:
    assert scope().evaluate("input.nul") == "a\0b"
    assert scope().evaluate("input.surrogate") == "\ud800"
    assert scope().evaluate("input.map") is VALUES["input"]["map"]


def test_computed_objects_have_their_keys_in_order_in_every_process() -> None:
    source = "{" + ", ".join(f"'k{number}': {{'z': input.total, 'y': 1}}" for number in (7, 3, 11, 1, 5)) + "}"
    found = scope().evaluate(source)
    assert list(found) == ["k1", "k11", "k3", "k5", "k7"]
    assert all(list(inner) == ["y", "z"] for inner in found.values())


def test_a_value_nobody_reads_harms_no_expression() -> None:
    assert scope().evaluate("input.total + 1") == 121
    assert scope().evaluate("[input.items[0].price, size(input.customer)]") == [1, 3]


def test_integers_outside_64_bits_and_nan_are_refused_not_altered() -> None:
    for value in (2**63, -(2**63) - 1, float("nan"), float("inf"), (1, 2), b"x", {1: 2}):
        assert fails("[input.odd]", input={"odd": value})


def test_what_a_program_reads() -> None:
    program = compile_expression("nodes.a.output.x + nodes['b'].error.code + input.y && trigger.type == item")
    assert program.nodes == {"a", "b"}
    assert program.names == {"nodes", "input", "trigger", "item"}
    assert compile_expression("nodes[input.which].output").nodes is None
    assert compile_expression("size(nodes)").nodes is None
    assert compile_expression("has(nodes.a.output)").nodes == {"a"}
    assert compile_expression("input.?a").nodes == frozenset()
    assert compile_expression("[{'a': 1}].map(nodes, nodes.a)").names == frozenset()
    assert compile_expression("[1].map(x, nodes.late.output)").nodes == {"late"}


def test_programs_are_compiled_once() -> None:
    assert compile_expression("input.total > 1") is compile_expression("input.total > 1")


def test_uuid_and_random_repeat_with_the_seed_and_the_order_of_calls() -> None:
    sources = ["uuid()", "random()", "[uuid(), uuid()]", "string(random()) + uuid()"]
    first = [scope().evaluate(source) for source in sources]
    one, two = scope(), scope()
    assert [one.evaluate(source) for source in sources] == [two.evaluate(source) for source in sources]
    assert first[0] == scope().evaluate("uuid()")
    pair = scope().evaluate("[uuid(), uuid()]")
    assert pair[0] != pair[1]
    assert Scope(VALUES, now=NOW, seed="other").evaluate("uuid()") != first[0]
    assert 0.0 <= scope().evaluate("random()") < 1.0
    assert first[0][14] == "4"


def test_now_is_the_scopes_in_every_zone_and_needs_one() -> None:
    elsewhere = Scope({}, now=NOW.astimezone(timezone(timedelta(hours=5))), seed="")
    assert elsewhere.evaluate("now()") == "2026-01-02T03:04:05.600Z"
    with pytest.raises(ValueError, match="time zone"):
        Scope({}, now=datetime(2026, 1, 1), seed="")


def _by_thread(number: int) -> list[object]:
    own = Scope({"input": {"n": number}}, now=NOW + timedelta(seconds=number), seed=str(number))
    return [own.evaluate("[input.n * 1.5, now() - duration('1s'), uuid(), [1, 2].map(x, x + input.n)]") for _ in range(20)]


def test_threads_and_tasks_do_not_mix_their_scopes() -> None:
    alone = [_by_thread(number) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(_by_thread, range(40))) == alone

    async def interleaved() -> list[list[object]]:
        async def one(number: int) -> list[object]:
            own = Scope({"input": {"n": number}}, now=NOW + timedelta(seconds=number), seed=str(number))
            found = []
            for _ in range(20):
                found.append(own.evaluate("[input.n * 1.5, now() - duration('1s'), uuid(), [1, 2].map(x, x + input.n)]"))
                await asyncio.sleep(0)
            return found

        return await asyncio.gather(*(one(number) for number in range(40)))

    assert asyncio.run(interleaved()) == alone


numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))


@given(left=numbers, right=numbers, symbol=st.sampled_from("+-*/"))
@settings(max_examples=200, deadline=None)
def test_promoted_arithmetic_agrees_with_python(left: int | float, right: int | float, symbol: str) -> None:
    operations = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}
    own = Scope({"input": {"a": left, "b": right}}, now=NOW, seed="")
    try:
        found = own.evaluate(f"input.a {symbol} input.b")
    except ExpressionError:
        found = None
    if isinstance(left, int) and isinstance(right, int):
        if right == 0 and symbol == "/":
            assert found is None
            return
        exact = (
            abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1) if symbol == "/" else operations[symbol](left, right)
        )
        assert found == (exact if -(2**63) <= exact < 2**63 else None)
        assert found is None or type(found) is int
        return
    try:
        expected = operations[symbol](float(left), float(right))
    except ZeroDivisionError:
        expected = float("inf")
    if expected in (float("inf"), float("-inf")) or expected != expected:
        assert found is None
    else:
        assert found == expected
        assert type(found) is float


@given(left=numbers, right=numbers)
@settings(max_examples=200, deadline=None)
def test_comparison_of_any_two_numbers(left: int | float, right: int | float) -> None:
    own = Scope({"input": {"a": left, "b": right}}, now=NOW, seed="")
    for symbol, expected in (
        ("<", left < right),
        ("<=", left <= right),
        (">", left > right),
        (">=", left >= right),
        ("==", left == right),
    ):
        assert own.evaluate(f"input.a {symbol} input.b") is expected


json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_values_go_through_cel_unchanged_or_are_refused(value: object) -> None:
    own = Scope({"input": value}, now=NOW, seed="")
    assert own.evaluate("input") == value
    has_nul = "\\u0000" in repr_json(value)
    try:
        assert own.evaluate("[input][0]") == value
    except ExpressionError:
        assert has_nul


def repr_json(value: object) -> str:
    return json.dumps(value)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_a_json_value_or_an_expression_error(source: str) -> None:
    try:
        found = scope().evaluate(source)
    except ExpressionError:
        return
    assert found is None or type(found) in (bool, int, float, str, list, dict)


FRAGMENTS = ["input", ".total", ".missing", "nodes", ".waiting", ".output", "1", "2.5", "'x'", "null", "true", " + ", " / ", " == ", " && ", " || ", " ? ", " : ", "!", "(", ")", "[", "]", "0", "has(", "size(", ".map(x, ", "x"]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join))
@settings(max_examples=250, deadline=None)
def test_an_error_never_becomes_a_value(source: str) -> None:
    """The library returns errors as values that read as truthy text; none of its words may come out as a result."""
    try:
        found = scope().evaluate(f"[{source}]")
    except ExpressionError:
        return
    text = str(found)
    assert not any(mark in text for mark in ("NOT_FOUND", "INVALID_ARGUMENT", "UNKNOWN:", "overload", "not found"))


@pytest.mark.parametrize(
    "source",
    [
        "{'a': optional.of(1)}.map(k, k)",
        "{'a': input.?x}.map(k, k)",
        "{'a': [1].first()}",
        "[input.?x]",
        "[1, 2].map(x, {'a': optional.of(x)})",
        "dyn(input.?x)",
        "optional.of(optional.of(1)).value()",
        "{'a': true ? input.?x : optional.none()}",
        "{'a': input.?x.y}",
    ],
)
def test_an_optional_in_the_wrong_place_is_refused_and_crashes_nothing(source: str) -> None:
    with pytest.raises(ExpressionError, match="orValue"):
        compile_expression(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{?'a': input.?x, 'b': 1}", {"b": 1}),
        ("[?input.?x, 2]", [2]),
        ("input.?x.optMap(v, v + 1).orValue(7)", 7),
        ("input.?x.or(optional.of(3)).value()", 3),
        ("input.?a.?b.hasValue()", False),
        ("optional.of(1) == optional.of(1)", True),
        ("[1, 2].first().orValue(0) + [5].last().value()", 6),
        ("{'a': 1}.?a.optFlatMap(v, input.?x).orValue('none')", "none"),
    ],
)
def test_optionals_in_their_places(source: str, value: Any) -> None:
    assert scope(input={}).evaluate(source) == value
