"""Which definitions are well formed, and that every problem of one that is not is reported with its place."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import ValidationFailed
from chalicelib.definitions.reserved import RESERVED_WORDS
from chalicelib.definitions.schema import Quorum, definition_schema, parse_definition
from tests.unit.definitions.fakes import definition, node

CONTRACT_EXAMPLE = {
    "schema": "millrace/1",
    "input_schema": {"type": "object", "required": ["total"]},
    "nodes": [
        {
            "id": "charge",
            "type": "http.request",
            "name": "Charge the card",
            "config": {"method": "POST", "url": "https://pay.example/charges", "body": {"amount": "{{ input.total * 100 }}"}},
            "retry": {
                "max_attempts": 5,
                "initial_seconds": 1,
                "backoff": 2,
                "max_seconds": 60,
                "jitter": True,
                "on": ["timeout", "http.5xx"],
                "not_on": [],
            },
            "timeout_seconds": 30,
            "on_error": "branch",
            "undo": "refund",
            "join": {"quorum": 2},
            "delivery": "at_most_once",
            "sensitive": ["/headers/x-token"],
            "disabled": False,
            "ui": {"x": 0, "y": 0},
        },
        {"id": "receipt", "type": "http.request"},
        {"id": "refund", "type": "http.request", "config": {}},
    ],
    "edges": [{"from": "charge", "port": "main", "to": "receipt"}],
    "output": {"receipt": "{{ nodes.receipt.output.body.id }}"},
    "settings": {
        "timeout_seconds": 86400,
        "concurrency": {"key": "{{ input.customer }}", "limit": 1, "on_limit": "queue"},
        "on_failure_workflow": "slug",
        "retention_days": 30,
    },
}


def problems(raw: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationFailed) as caught:
        parse_definition(raw)
    assert all(set(error) == {"path", "code", "message"} and error["message"] for error in caught.value.errors)
    return [(error["path"], error["code"]) for error in caught.value.errors]


def message(raw: Any) -> str:
    with pytest.raises(ValidationFailed) as caught:
        parse_definition(raw)
    return str(caught.value.errors[0]["message"])


def test_the_contracts_example_is_read_whole() -> None:
    found = parse_definition(CONTRACT_EXAMPLE)
    charge = found.nodes[0]
    assert charge.retry is not None
    assert charge.retry.on == ["timeout", "http.5xx"]
    assert charge.join == Quorum(quorum=2)
    assert (charge.timeout_seconds, charge.undo, charge.delivery) == (30, "refund", "at_most_once")
    assert (found.edges[0].source, found.edges[0].port, found.edges[0].target) == ("charge", "main", "receipt")
    assert found.settings.concurrency is not None
    assert found.settings.concurrency.key == "{{ input.customer }}"


def test_defaults() -> None:
    found = parse_definition({"schema": "millrace/1", "nodes": [{"id": "a", "type": "x"}]})
    only = found.nodes[0]
    assert (only.config, only.on_error, only.join, only.delivery, only.disabled, only.retry) == (
        {},
        "fail",
        "all",
        "at_least_once",
        False,
        None,
    )
    assert found.edges == []
    assert found.output is None


def test_cycles_loops_and_unknown_types_are_well_formed() -> None:
    raw = definition(node("a", "no.such.type"), node("b"), edges=[("a", "b"), ("b", "a"), ("a", "a")], output="{{ 1 + }}")
    assert len(parse_definition(raw).edges) == 3


def test_every_problem_is_reported_in_document_order() -> None:
    raw = {
        "schema": "millrace/2",
        "nodes": [
            {"id": "Charge", "type": 3, "config": [], "retry": {"max_attempts": 0, "on": ["http.6xx"]}, "timeout_seconds": "5"},
            {"id": "a", "type": "x", "name": ""},
            {"id": "a", "type": "x", "name": "a\0", "join": "some"},
            {"type": "x"},
        ],
        "edges": [{"from": "a", "to": "zz"}, {"from": "aa", "to": "a", "prt": "x"}, 3],
        "settings": {"retention_days": 0, "concurrency": {"limit": 2}},
        "otput": 1,
    }
    assert problems(raw) == [
        ("/schema", "not_allowed"),
        ("/nodes/0/id", "invalid_id"),
        ("/nodes/0/type", "wrong_type"),
        ("/nodes/0/config", "wrong_type"),
        ("/nodes/0/retry/max_attempts", "greater_than_equal"),
        ("/nodes/0/retry/on/0", "not_allowed"),
        ("/nodes/0/timeout_seconds", "wrong_type"),
        ("/nodes/1/name", "string_too_short"),
        ("/nodes/2/id", "duplicate_id"),
        ("/nodes/2/name", "not_allowed"),
        ("/nodes/2/join", "not_allowed"),
        ("/nodes/3/id", "missing"),
        ("/edges/0/to", "unknown_node"),
        ("/edges/1/from", "unknown_node"),
        ("/edges/1/prt", "unknown_field"),
        ("/edges/2", "wrong_type"),
        ("/settings/retention_days", "greater_than_equal"),
        ("/settings/concurrency/key", "missing"),
        ("/otput", "unknown_field"),
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, ("", "wrong_type")),
        ([], ("", "wrong_type")),
        ("x", ("", "wrong_type")),
        ({"nodes": []}, ("/schema", "missing")),
        ({"schema": "millrace/1"}, ("/nodes", "missing")),
        ({"schema": "millrace/1", "nodes": {}}, ("/nodes", "wrong_type")),
        (definition(node("a", config=None)), ("/nodes/0/config", "wrong_type")),
        (definition(node("a", timeout_seconds=0)), ("/nodes/0/timeout_seconds", "greater_than")),
        (definition(node("a", disabled=1)), ("/nodes/0/disabled", "wrong_type")),
        (definition(node("a", retry={"max_attempts": 2.5})), ("/nodes/0/retry/max_attempts", "wrong_type")),
        (definition(node("a", retry={"max_attempts": True})), ("/nodes/0/retry/max_attempts", "wrong_type")),
        (definition(node("a", join={"quorum": 0})), ("/nodes/0/join/quorum", "greater_than_equal")),
        (definition(node("a", join={"quorum": 1, "of": 3})), ("/nodes/0/join/of", "unknown_field")),
        (definition(node("a", join=["all"])), ("/nodes/0/join", "not_allowed")),
        (definition(node("a", undo="in")), ("/nodes/0/undo", "not_allowed")),
        (definition(node("a", sensitive=[1])), ("/nodes/0/sensitive/0", "wrong_type")),
        (definition(node("a", ui={"x": "left"})), ("/nodes/0/ui/x", "wrong_type")),
        (definition(node("a", **{"x/y~z": 1})), ("/nodes/0/x~1y~0z", "unknown_field")),
        (definition(node("a"), input_schema="x"), ("/input_schema", "wrong_type")),
        (
            definition(node("a"), settings={"concurrency": {"key": "x", "on_limit": "drop"}}),
            ("/settings/concurrency/on_limit", "not_allowed"),
        ),
        (definition(node("a", config={"n": 2**63})), ("/nodes/0/config/n", "number_out_of_range")),
        (definition(node("a", config={"n": float("nan")})), ("/nodes/0/config/n", "not_json")),
        (definition(node("a", name="x" * 201)), ("/nodes/0/name", "string_too_long")),
        (definition(node("a", name="\ud800")), ("/nodes/0/name", "not_allowed")),
        (definition(*(node(f"n{index}") for index in range(501))), ("/nodes", "too_many_nodes")),
        (definition(node("a", config={"text": "x" * 2**20})), ("", "definition_too_large")),
    ],
)
def test_one_problem(raw: Any, expected: tuple[str, str]) -> None:
    assert problems(raw) == [expected]


@pytest.mark.parametrize("own_id", ["", "A", "1a", "_a", "a-b", "a.b", "a b", "ä", "a" * 64, "a\n"])
def test_ids_that_are_none(own_id: str) -> None:
    assert problems(definition(node(own_id))) == [("/nodes/0/id", "invalid_id")]


@pytest.mark.parametrize("own_id", ["a", "a_b", "a1", "a" * 63, "nodes", "input"])
def test_ids(own_id: str) -> None:
    assert parse_definition(definition(node(own_id))).nodes[0].id == own_id


@pytest.mark.parametrize("word", sorted(RESERVED_WORDS))
def test_reserved_words_are_no_ids(word: str) -> None:
    assert problems(definition(node(word))) == [("/nodes/0/id", "not_allowed")]


def test_words_help() -> None:
    assert "Did you mean 'timeout_seconds'?" in message(definition(node("a", timeout_second=5)))
    assert "Did you mean 'charge'?" in message(definition(node("charge"), edges=[("chrage", "charge")]))
    assert '{"quorum": n}' in message(definition(node("a", join="most")))
    assert "already used by /nodes/0" in message(definition(node("a"), node("a")))


def test_nesting_and_hostile_depth() -> None:
    deep: Any = 1
    for _ in range(190):
        deep = [deep]
    assert parse_definition(definition(node("a", config={"x": deep}))).nodes
    for _ in range(100_000):
        deep = {"x": deep}
    assert problems(definition(node("a", config=deep))) == [("", "too_deep")]
    while isinstance(deep, dict):  # taken apart by hand: freeing it at once would recurse
        deep = deep["x"]


def test_large_but_allowed() -> None:
    assert parse_definition(definition(*(node(f"n{index}", config={"text": "x" * 1000}) for index in range(500))))


def test_the_exported_schema_agrees_with_the_models() -> None:
    schema = definition_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(CONTRACT_EXAMPLE)
    assert not validator.is_valid({**CONTRACT_EXAMPLE, "schema": "millrace/2"})
    assert not validator.is_valid(definition(node("A")))
    assert not validator.is_valid(definition(node("a", typo=1)))
    assert validator.is_valid(definition(node("a"), edges=[("a", "true", "a")]))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a", "b", "main", "millrace/1", "in"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "id",
    "type",
    "name",
    "config",
    "retry",
    "timeout_seconds",
    "on_error",
    "undo",
    "join",
    "delivery",
    "sensitive",
    "disabled",
    "ui",
    "odd",
]
some_node = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=5) | json_values
some_edge = st.dictionaries(st.sampled_from(["from", "to", "port", "odd"]), json_values, max_size=4) | json_values
some_definition = st.fixed_dictionaries(
    {},
    optional={
        "schema": st.just("millrace/1") | json_values,
        "nodes": st.lists(some_node, max_size=4) | json_values,
        "edges": st.lists(some_edge, max_size=4) | json_values,
        "output": json_values,
        "settings": st.dictionaries(
            st.sampled_from(["timeout_seconds", "concurrency", "retention_days", "odd"]), json_values, max_size=3
        )
        | json_values,
        "input_schema": json_values,
        "odd": json_values,
    },
)


@given(some_definition | json_values)
@settings(max_examples=120, deadline=None)
def test_any_json_parses_or_is_refused_with_places_that_can_be_found(raw: Any) -> None:
    failure = None
    try:
        assert parse_definition(raw).language == "millrace/1"
    except ValidationFailed as error:
        failure = error
    if failure is not None:
        assert failure.errors
        assert json.dumps(failure.problem())
        for problem in failure.errors:
            assert problem["path"] == "" or problem["path"].startswith("/")
            parent_exists(raw, problem["path"])


def parent_exists(raw: Any, path: str) -> None:
    """Everything but the last step of a path must be there; the last may be what is missing."""
    value = raw
    steps = path.split("/")[1:]
    for step in steps[:-1]:
        step = step.replace("~1", "/").replace("~0", "~")
        value = value[int(step)] if isinstance(value, list) else value[step]
