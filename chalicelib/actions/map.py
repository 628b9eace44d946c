"""map: run a body of nodes once for each item of a list."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.registry.spec import ActionError, ActionSpec, Config, Loop, NodeContext

MAX_ITEMS = 100_000


class MapConfig(Config):
    """The items, and what to do with each."""

    items: list[Any] = Field(description="A list; each item is `item` in the body, its place `index`, from 0.")
    body: dict[str, Any] = Field(
        description="{nodes, edges, output}: what runs for each item. Without `output` it is an object of each end node's output by id.",
        json_schema_extra={"format": "literal", "x-graph": True},
    )
    max_parallel: int = Field(default=10, ge=1, le=1000, description="How many items are worked on at a time.")
    on_item_error: Literal["fail", "continue"] = Field(
        default="fail", description="fail: the first item that fails fails the node. continue: its output is null, and `error` lists what failed."
    )


def run(ctx: NodeContext, config: MapConfig) -> Loop:
    """Runs the body for every item; the output is the list of their outputs, in the order of the items."""
    if len(config.items) > MAX_ITEMS:
        raise ActionError("too_many_items", f"a map takes at most {MAX_ITEMS} items, this one was given {len(config.items)}")
    return Loop(config.items, config.max_parallel, config.on_item_error == "continue")


SPEC = ActionSpec(
    type="map",
    title="For each",
    description="Runs nodes once for each item of a list, several at a time, and collects their outputs in order.",
    kind="logic",
    icon="repeat",
    config_model=MapConfig,
    run=run,
    effect="pure",
    output_ports=("main", "error"),
    output_schema={"type": "array", "description": "The body's output for each item, in order; null for one that failed under `continue`."},
    example={
        "items": "{{ input.orders }}",
        "body": {"nodes": [{"id": "total", "type": "transform", "config": {"assign": {"cents": "item.total * 100"}}}], "edges": []},
        "max_parallel": 10,
    },
    body_field="body",
)
