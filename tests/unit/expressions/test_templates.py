"""Templates: what `{{ }}` keeps, what it turns into text, and where it ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope, check_template, compile_template

NOW = datetime(2026, 1, 2, tzinfo=UTC)
INPUT = {
    "total": 120,
    "rate": 60.5,
    "name": "Zoë",
    "tags": ["a", "ü"],
    "none": None,
    "ok": True,
    "nested": {"b": 1, "a": [None]},
    "x": "{{ 1 }}",
}


def render(value: Any, literal: tuple[str, ...] = ()) -> Any:
    return compile_template(value, literal).render(Scope({"input": INPUT}, now=NOW, seed=""))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ input.total }}", 120),
        ("  {{ input.total }}\n", 120),
        ("{{input.rate * 100}}", 6050.0),
        ("{{ input.tags }}", ["a", "ü"]),
        ("{{ input.none }}", None),
        ("{{ input.ok }}", True),
        ("{{ input }}", INPUT),
        ("total: {{ input.total }}", "total: 120"),
        ("{{ input.total }}{{ input.total }}", "120120"),
        ("{{ input.rate * 100 }} cents", "6050.0 cents"),
        ("<{{ input.none }}>", "<>"),
        ("ok={{ input.ok }}", "ok=true"),
        ("{{ input.name }}!", "Zoë!"),
        ("tags {{ input.tags }}", 'tags ["a","ü"]'),
        ("x {{ input.nested }}", 'x {"b":1,"a":[null]}'),
        ('{{ {"a": {"b": 1}} }}', {"a": {"b": 1}}),
        ('{{{"a":{"b":1}}}}', {"a": {"b": 1}}),
        ('{{ "}}" }}', "}}"),
        ("{{ '}}' + \"}}\" }}", "}}}}"),
        ('{{ "\\"}}" }}', '"}}'),
        ("{{ r'\\}}' }}", "\\}}"),
        ("{{ '''}}\n'}}''' }}", "}}\n'}}"),
        ('{{ """}}""" }}', "}}"),
        ("{{ 1 // }} is the end\n }}", "1 is the end\n }}"),
        ("{{ 1 + // one more\n 1 }}", 2),
        ('a {{ "{{" }} b', "a {{ b"),
        ("plain }} text", "plain }} text"),
        ("{ not } {a}", "{ not } {a}"),
        ("", ""),
        ("{{ input.x }}", "{{ 1 }}"),
        ("again {{ input.x }}", "again {{ 1 }}"),
        (["{{ input.total }}", 1, None], [120, 1, None]),
        ({"{{ input.total }}": "{{ input.total }}"}, {"{{ input.total }}": 120}),
        (5, 5),
        (None, None),
    ],
)
def test_rendering(template: Any, expected: Any) -> None:
    found = render(template)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("x {{ input.total", "the '{{' at position 2 is never closed"),
        ("{{ 1 }} {{", "the '{{' at position 8 is never closed"),
        ("{{ {1: 2 }}", "never closed"),
        ("{{ '}}", "does not belong into an expression"),
        ("{{ }}", "the expression is empty"),
        ("{{}}", "the expression is empty"),
        ("{{ 1 } }}", "never closed: the '}' at position 5 closes nothing"),
        ("{{ nope }}", "unknown name 'nope'"),
    ],
)
def test_templates_that_do_not_compile(template: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words) as caught:
        compile_template({"a": [template]})
    assert caught.value.extra["pointer"] == "/a/0"


def test_every_problem_is_reported_with_its_pointer() -> None:
    _, problems = check_template({"a/b": "{{ x", "c": ["ok", "{{ 1 + }}"], "d~": "{{ 1 }}"})
    assert [pointer for pointer, _ in problems] == ["/a~1b", "/c/1"]


def test_expressions_and_constants() -> None:
    template = compile_template({"a": "{{ input.total }} {{ input.rate }}", "b": ["{{ now() }}"], "c": "text"})
    assert [(pointer, program.source) for pointer, program in template.expressions] == [
        ("/a", "input.total"),
        ("/a", "input.rate"),
        ("/b/0", "now()"),
    ]
    assert not template.constant
    assert compile_template({"a": ["text", 1]}).constant


def test_literal_leaves_are_left_alone() -> None:
    value = {"expression": "{{ input.total", "assign": {"x": "{{ 1 }}"}, "text": "{{ input.total }}"}
    assert render(value, ("/expression", "/assign/x")) == {**value, "text": 120}


def test_an_evaluation_error_is_no_text() -> None:
    with pytest.raises(ExpressionError, match="no field 'missing'"):
        render("Dear {{ input.missing }}")


def test_rendering_does_not_share_containers_with_the_template() -> None:
    template = compile_template({"list": [1, 2]})
    own = Scope({}, now=NOW, seed="")
    template.render(own)["list"].append(3)
    assert template.render(own) == {"list": [1, 2]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def holds_template(value: Any) -> bool:
    return "{{" in json.dumps(value)


@given(json_values.filter(lambda value: not holds_template(value)))
@settings(max_examples=100, deadline=None)
def test_json_without_expressions_renders_as_itself(value: Any) -> None:
    assert render(value) == value


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_a_whole_expression_keeps_any_value(value: Any) -> None:
    own = Scope({"input": value}, now=NOW, seed="")
    assert compile_template({"x": "{{ input }}"}).render(own) == {"x": value}


plain_text = st.text(max_size=12).filter(lambda text: "{" not in text and "}" not in text)


@given(plain_text, json_values, plain_text)
@settings(max_examples=100, deadline=None)
def test_text_around_an_expression_stays(before: str, value: Any, after: str) -> None:
    own = Scope({"input": value}, now=NOW, seed="")
    found = compile_template(f"{before}|{{{{ input }}}}|{after}").render(own)
    assert found.startswith(before + "|")
    assert found.endswith("|" + after)
    inner = found[len(before) + 1 : len(found) - len(after) - 1]
    if isinstance(value, str):
        assert inner == value
    else:
        assert (json.loads(inner) if inner else None) == value


@given(st.text(alphabet="{}'\"\\ra1/\n+ ", max_size=24))
@settings(max_examples=250, deadline=None)
def test_any_text_compiles_or_is_an_expression_error(text: str) -> None:
    try:
        template = compile_template(text)
    except ExpressionError:
        assert "{{" in text
        return
    if template.constant:
        assert render(text) == text


@given(st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_string_literal_may_stand_in_an_expression(content: str) -> None:
    """Braces and quotes inside CEL strings never end an expression early."""
    literal = json.dumps(content)
    if any("\\ud" in part for part in [literal.lower()]):
        return  # JSON's surrogate pairs are no CEL escapes
    assert render(f"{{{{ {literal} }}}}") == content
