"""What stops a well-formed definition from being published."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.definitions.graph import compile_graph
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.schema import parse_definition
from chalicelib.definitions.validate import find_issues
from tests.unit.definitions.fakes import CATALOGUE, definition, node


def issues(raw: dict[str, Any]) -> list[Issue]:
    return find_issues(parse_definition(raw), CATALOGUE)


def found(raw: dict[str, Any]) -> list[tuple[str, str]]:
    return [(issue.path, issue.code) for issue in issues(raw)]


def only(raw: dict[str, Any]) -> Issue:
    every = issues(raw)
    assert len(every) == 1, every
    return every[0]


def test_a_valid_workflow_has_no_issues() -> None:
    raw = definition(
        node("check", "condition", config={"expression": "input.total > 100"}),
        node(
            "charge", "http.request", config={"url": "https://pay.example/{{ input.customer }}"}, undo="refund", on_error="branch"
        ),
        node("refund", "http.request", config={"url": "https://pay.example/refund/{{ nodes.charge.output.body.id }}"}),
        node("report", "transform", config={"assign": {"why": "nodes.charge.error.code"}}),
        node(
            "receipt",
            "transform",
            join="any",
            config={"assign": {"id": "has(nodes.charge.output) ? nodes.charge.output.body.id : 'none'"}},
        ),
        edges=[("check", "true", "charge"), ("check", "false", "receipt"), ("charge", "receipt"), ("charge", "error", "report")],
        output={"id": "{{ nodes.receipt.output.id }}"},
        settings={"concurrency": {"key": "{{ input.customer }}"}},
        input_schema={"type": "object", "properties": {"total": {"$ref": "#/$defs/money"}}, "$defs": {"money": {"type": "number"}}},
    )
    assert issues(raw) == []
    assert compile_graph(parse_definition(raw), CATALOGUE).roots == ("check",)


def test_an_empty_workflow() -> None:
    assert found({"schema": "millrace/1", "nodes": []}) == [("/nodes", "no_nodes")]


def test_unknown_type() -> None:
    issue = only(definition(node("a", "transfrom")))
    assert (issue.path, issue.code) == ("/nodes/0/type", "unknown_type")
    assert "Did you mean 'transform'?" in issue.message


def test_config_problems_come_from_the_type_with_their_place() -> None:
    assert found(definition(node("a", "http.request"))) == [("/nodes/0/config/url", "config_missing")]


@pytest.mark.parametrize(
    ("edges", "named"),
    [
        ([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")], "b -> c -> b"),
        ([("a", "a")], "a -> a"),
        ([("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")], "a -> b -> c -> d -> a"),
        ([("a", "b"), ("b", "a"), ("b", "c"), ("c", "d")], "a -> b -> a"),
    ],
)
def test_a_cycle_is_named(edges: list[tuple[str, str]], named: str) -> None:
    issue = only(definition(*(node(own_id) for own_id in "abcd"), edges=edges))
    assert (issue.path, issue.code) == ("/edges", "cycle")
    circle = issue.message.removeprefix("the edges form a cycle: ").split(" -> ")
    wanted = named.split(" -> ")
    assert circle[0] == circle[-1]
    assert set(circle) == set(wanted)
    assert all((left, right) in edges for left, right in zip(circle, circle[1:], strict=False))


def test_ports() -> None:
    issue = only(definition(node("a", "condition", config={"expression": "true"}), node("b"), edges=[("a", "b")]))
    assert (issue.path, issue.code) == ("/edges/0/port", "unknown_port")
    assert "it has: true, false, error" in issue.message
    switch = node("s", "switch", config={"cases": [{"name": "big"}]})
    assert found(definition(switch, node("b"), edges=[("s", "big", "b"), ("s", "default", "b")])) == []
    assert "Did you mean 'big'?" in only(definition(switch, node("b"), edges=[("s", "bgi", "b")])).message
    assert "no output ports" in only(definition(node("s", "stop"), node("b"), edges=[("s", "b")])).message


def test_a_disabled_node_passes_on_through_main_whatever_its_type() -> None:
    off = node("a", "condition", config={"expression": "true"}, disabled=True)
    assert found(definition(off, node("b"), edges=[("a", "b")])) == []
    issue = only(definition(off, node("b"), edges=[("a", "true", "b")]))
    assert (issue.path, issue.code, issue.severity) == ("/nodes/0/disabled", "disabled_dead_end", "warning")


def test_duplicate_edges() -> None:
    assert found(definition(node("a"), node("b"), edges=[("a", "b"), ("a", "main", "b")])) == [("/edges/1", "duplicate_edge")]
    assert found(definition(node("a"), node("b"), edges=[("a", "b"), ("a", "error", "b")])) == [
        ("/nodes/0/on_error", "error_port_unused")
    ]


@pytest.mark.parametrize(("quorum", "codes"), [(1, []), (2, []), (3, ["join_unsatisfiable"])])
def test_quorums(quorum: int, codes: list[str]) -> None:
    raw = definition(node("a"), node("b"), node("c", join={"quorum": quorum}), edges=[("a", "c"), ("b", "c")])
    assert [issue.code for issue in issues(raw)] == codes


def test_on_error_branch_needs_a_connected_error_port() -> None:
    assert found(definition(node("a", on_error="branch"))) == [("/nodes/0/on_error", "error_port_unconnected")]
    assert found(definition(node("a", "delay", on_error="branch"))) == [("/nodes/0/on_error", "no_error_port")]
    assert found(definition(node("a", on_error="branch"), node("b"), edges=[("a", "error", "b")])) == []


def test_undo() -> None:
    assert found(definition(node("a", undo="b"))) == [("/nodes/0/undo", "unknown_node")]
    assert ("/nodes/0/undo", "undo_itself") in found(definition(node("a", undo="a")))
    assert found(definition(node("a", undo="b"), node("b", undo="a"))) == [("/nodes", "no_start")]


def test_an_undoing_node_reads_what_it_undoes_and_what_came_before() -> None:
    def with_read(source: str) -> list[tuple[str, str]]:
        return found(
            definition(
                node("first"),
                node("charge", undo="refund"),
                node("ship"),
                node("refund", config={"x": "{{ " + source + " }}"}),
                edges=[("first", "charge"), ("charge", "ship")],
            )
        )

    assert with_read("nodes.charge.output") == []
    assert with_read("nodes.first.output") == []
    assert with_read("nodes.ship.output") == [("/nodes/3/config/x", "not_an_ancestor")]


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("{{ nodes.chrage.output }}", "unknown_node", "Did you mean 'charge'?"),
        ("{{ nodes.other.output }}", "not_an_ancestor", "no path leads from 'other' to 'last'"),
        ("{{ nodes.last.output }}", "reads_itself", "this node itself"),
        ("{{ has(nodes.other.output) }}", "not_an_ancestor", "no path leads"),
        ("{{ input.x + }}", "expression_error", "column"),
        ("{{ input.x", "expression_error", "never closed"),
        ("{{ item }}", "unknown_name", "'item' does not exist here"),
        ("{{ event.name }}", "unknown_name", "'event' does not exist here"),
        ("{{ nodes[input.which].output }}", "dynamic_read", "computed names"),
    ],
)
def test_expressions_in_templates(source: str, code: str, words: str) -> None:
    raw = definition(node("charge"), node("other"), node("last", config={"a": [{"b/c": source}]}), edges=[("charge", "last")])
    issue = only(raw)
    assert (issue.path, issue.code) == ("/nodes/2/config/a/0/b~1c", code)
    assert words in issue.message
    assert issue.severity == ("warning" if code == "dynamic_read" else "error")


def test_bare_expressions() -> None:
    def with_expression(source: str) -> list[tuple[str, str]]:
        return found(definition(node("a"), node("b", "condition", config={"expression": source}), edges=[("a", "b")]))

    assert with_expression("nodes.a.output.x > 1") == []
    assert with_expression("{{ nodes.a.output.x }}") == [("/nodes/1/config/expression", "expression_error")]
    assert with_expression("nodes.c.output") == [("/nodes/1/config/expression", "unknown_node")]
    assert with_expression("1 > ") == [("/nodes/1/config/expression", "expression_error")]
    raw = definition(node("a", config={"assign": {"x": "1 +", "y": "nodes.zz.output"}}))
    assert found(raw) == [("/nodes/0/config/assign/x", "expression_error"), ("/nodes/0/config/assign/y", "unknown_node")]


def test_output_and_concurrency_key() -> None:
    assert found(definition(node("a"), output=["{{ nodes.b.output }}", "{{ 1 + }}"])) == [
        ("/output/0", "unknown_node"),
        ("/output/1", "expression_error"),
    ]
    key = {"concurrency": {"key": "{{ nodes.a.output }}"}}
    assert found(definition(node("a"), settings=key)) == [("/settings/concurrency/key", "not_an_ancestor")]


def test_limits() -> None:
    raw = definition(node("a", timeout_seconds=841), settings={"timeout_seconds": 365 * 86_400 + 1})
    assert found(raw) == [("/nodes/0/timeout_seconds", "timeout_too_long"), ("/settings/timeout_seconds", "timeout_too_long")]
    raw = definition(node("a", retry={"initial_seconds": 90, "max_seconds": 60}))
    assert only(raw).severity == "warning"


def test_sensitive_must_be_json_pointers() -> None:
    raw = definition(node("a", sensitive=["/headers/x-token", "/a~1b/0", "headers", "", "/a~2"]))
    assert found(raw) == [(f"/nodes/0/sensitive/{index}", "not_a_pointer") for index in (2, 3, 4)]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, []),
        ({"type": "strin"}, [("/input_schema/type", "schema_invalid")]),
        ({"properties": {"a/b": {"minimum": "1"}}}, [("/input_schema/properties/a~1b/minimum", "schema_invalid")]),
        ({"$ref": "https://example.com/x.json"}, [("/input_schema/$ref", "schema_remote_ref")]),
        ({"items": {"$ref": "#/$defs/none"}}, [("/input_schema/items/$ref", "schema_dangling_ref")]),
        ({"$ref": "#there", "$defs": {"x": {"$anchor": "there"}}}, []),
        ({"$ref": "#"}, []),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, [("/input_schema/$schema", "schema_draft")]),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, []),
        ({"pattern": "("}, [("/input_schema/pattern", "schema_invalid")]),
        ({"const": {"$ref": "https://example.com"}}, []),
    ],
)
def test_input_schema(schema: Any, expected: list[tuple[str, str]]) -> None:
    assert found(definition(node("a"), input_schema=schema)) == expected


def test_issues_come_in_document_order() -> None:
    raw = definition(
        node("a", "nope"),
        node("b", "http.request", sensitive=["x"]),
        edges=[("a", "b"), ("b", "nope", "a")],
        output="{{ nodes.c.output }}",
        settings={"timeout_seconds": 1e12},
        input_schema={"type": "x"},
    )
    assert [path for path, _ in found(raw)] == [
        "/input_schema/type",
        "/nodes/0/type",
        "/nodes/1/config/url",
        "/nodes/1/sensitive/0",
        "/edges",
        "/edges/1/port",
        "/output",
        "/settings/timeout_seconds",
    ]


ids = st.sampled_from("abcde")
expressions = st.sampled_from(
    ["{{ nodes.a.output }}", "{{ nodes.c.output.x }} y", "{{ input.x }}", "{{ broken", "plain", "{{ nodes.zz.error }}"]
)
some_nodes = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "type": st.sampled_from(["transform", "condition", "delay", "nope"])},
        optional={
            "config": st.dictionaries(st.sampled_from(["x", "expression"]), expressions, max_size=2),
            "undo": ids,
            "on_error": st.sampled_from(["fail", "branch", "continue"]),
            "join": st.sampled_from(["all", "any", {"quorum": 2}]),
            "disabled": st.booleans(),
        },
    ),
    max_size=5,
    unique_by=lambda each: each["id"],
)


@given(
    nodes=some_nodes,
    pairs=st.lists(st.tuples(ids, st.sampled_from(["main", "error", "true"]), ids), max_size=6),
    output=expressions,
)
@settings(max_examples=120, deadline=None)
def test_without_errors_a_graph_can_be_compiled(
    nodes: list[dict[str, Any]], pairs: list[tuple[str, str, str]], output: str
) -> None:
    known = {each["id"] for each in nodes}
    raw = definition(*nodes, edges=[edge for edge in pairs if edge[0] in known and edge[2] in known], output=output)
    parsed = parse_definition(raw)
    if not any(issue.severity == "error" for issue in find_issues(parsed, CATALOGUE)):
        graph = compile_graph(parsed, CATALOGUE)
        assert set(graph.nodes) == known
        assert graph.roots


def test_only_what_acts_outside_can_have_a_rate_limit() -> None:
    limit = {"limit": 5, "per_seconds": 1}
    assert found(definition(node("a", "http.request", rate_limit=limit, config={"url": "https://a.example"}))) == []
    assert only(definition(node("a", rate_limit=limit))).code == "nothing_to_limit"
