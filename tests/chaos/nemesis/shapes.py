"""The workflows that run while the nemesis does harm: one for each mechanism, and how each must end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.workflows import definition

CHILD = "nemesis-child"
TOPIC = "nemesis-records"


@dataclass(frozen=True)
class Shape:
    """`effects` are the names (below) of the nodes whose effects must have been made, each after the one before it. `nodes` are statuses that node runs must end
    with. `by` is how it is started: `api`, or `kafka`."""

    body: Mapping[str, Any]
    effects: Sequence[str]
    ends: str = "succeeded"
    by: str = "api"
    nodes: Mapping[str, str] = field(default_factory=dict)

    def keys(self, execution_id: str, name: str) -> list[str]:
        """The idempotency keys of one of `effects`: a loop's items and a child's node count as one place in the order."""
        parts = {"item": [f"item.each:{n}" for n in range(3)], "inside": ["child.inside"]}.get(name, [name])
        return [f"{execution_id}.{part}" for part in parts]


def call(node_id: str, url: str, mode: str = "", **rest: Any) -> dict[str, Any]:
    """A node whose effect the recorder sees."""
    body = {"n": "{{ input.n }}", **rest.pop("more", {})}
    retry = {"max_attempts": 8, "initial_seconds": 0.2, "max_seconds": 2}
    address = f"{url}/{node_id}" + (f"?mode={mode}" if mode else "")
    return {"id": node_id, "type": "http.request", "config": {"method": "POST", "url": address, "body": body}, "retry": retry, **rest}


def child(url: str) -> dict[str, Any]:
    """What `nemesis-order` runs as a sub-workflow."""
    return definition(call("inside", url))


def shapes(url: str) -> dict[str, Shape]:
    """By slug. The recorder is at `url`."""
    inner = {"nodes": [call("item", url)], "edges": [], "output": "{{ index }}"}
    loop = {"id": "each", "type": "map", "config": {"items": "{{ [1, 2, 3] }}", "body": inner, "max_parallel": 2}}
    order = definition(
        call("first", url), loop, {"id": "pause", "type": "delay", "config": {"seconds": 0.5}},
        {"id": "child", "type": "workflow.run", "config": {"workflow": CHILD, "input": "{{ input }}"}}, call("last", url),
        edges=[("first", "each"), ("each", "pause"), ("pause", "child"), ("child", "last")],
    )  # fmt: skip
    both = definition(
        call("left", url, "drop"), call("right", url, "late"), call("merge", url),
        {"id": "hear", "type": "wait.event", "config": {"name": "nemesis", "key": "{{ input.n }}", "look_back_seconds": 86400}}, call("heard", url),
        edges=[("left", "merge"), ("right", "merge"), ("merge", "hear"), ("hear", "heard")],
    )  # fmt: skip
    saga = definition(
        call("book", url, undo="free"), call("free", url), {"id": "end", "type": "fail", "config": {"message": "as it must"}}, edges=[("book", "end")]
    )
    one = definition(call("alone", url), settings={"concurrency": {"key": "{{ 'k' + string(input.n % 20) }}", "limit": 3}})
    once = definition(
        call("before", url), call("once", url, delivery="at_most_once", on_error="branch"), call("sure", url), call("unknown", url),
        edges=[("before", "once"), ("once", "sure"), ("once", "error", "unknown")],
    )  # fmt: skip
    race = definition(
        call("fast", url), {"id": "slow", "type": "delay", "config": {"seconds": 3600}}, call("won", url, join="any"),
        edges=[("fast", "won"), ("slow", "won")],
    )  # fmt: skip
    ask = definition(
        call("tell", url, more={"answer_at": "{{ nodes.ask.callback_url }}"}), {"id": "ask", "type": "wait.callback", "config": {}},
        call("told", url, more={"answer": "{{ nodes.ask.output }}"}), edges=[("tell", "ask"), ("ask", "told")],
    )  # fmt: skip
    body = {"nodes": [{"id": "double", "type": "transform", "config": {"assign": {"n": "item * 2"}}}], "edges": [], "output": "{{ nodes.double.output.n }}"}
    many = definition(
        {"id": "list", "type": "transform", "config": {"assign": {"items": "input.items"}}},
        {"id": "each", "type": "map", "config": {"items": "{{ nodes.list.output.items }}", "body": body, "max_parallel": 10}},
        call("counted", url, more={"sizes": "{{ [size(nodes.each.output), nodes.each.output[149]] }}"}),
        edges=[("list", "each"), ("each", "counted")],
    )  # fmt: skip
    return {
        "nemesis-order": Shape(order, ["first", "item", "inside", "last"]),
        "nemesis-both": Shape(both, ["left", "merge", "heard"]),
        "nemesis-saga": Shape(saga, ["book", "free"], ends="failed"),
        "nemesis-one": Shape(one, ["alone"]),
        "nemesis-once": Shape(once, ["before"]),
        "nemesis-race": Shape(race, ["fast", "won"], nodes={"slow": "cancelled"}),
        "nemesis-ask": Shape(ask, ["tell", "told"]),
        "nemesis-many": Shape(many, ["counted"]),
        "nemesis-record": Shape(definition(call("received", url)), ["received"], by="kafka"),
    }


def input_of(slug: str, n: int) -> dict[str, Any]:
    """What the n-th execution is started with."""
    return {"n": n, "items": list(range(150))} if slug == "nemesis-many" else {"n": n}
