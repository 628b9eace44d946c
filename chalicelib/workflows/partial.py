"""A draft up to one node: what "run to here" runs. Pure.

The node, what leads to it, and nothing else. A node whose output somebody pinned (`ui.pinned.output`) does not run: a `transform` with that output stands in its
place, and what only led there is left out. A pinned node that chooses between ways runs, since its output does not say which way it took.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from chalicelib.core.jsontext import dumps
from chalicelib.definitions.catalogue import Catalogue


def up_to(definition: Mapping[str, Any], last: str, types: Catalogue) -> dict[str, Any]:
    """The definition of a run that ends with the node `last`. Raises KeyError when there is no such node. `definition` is well formed and stays as it is."""
    nodes = {node["id"]: node for node in definition["nodes"]}
    edges = definition.get("edges", [])
    nodes[last] = {**nodes[last], "ui": {}}  # what is pinned to it is what one wants to see anew
    stands_in = {own_id for own_id, node in nodes.items() if is_pinned(node) and not _chooses(node, types)}
    kept = _needed(nodes, edges, last, stands_in)
    between = [edge for edge in edges if edge["from"] in kept and edge["to"] in kept and edge["from"] != last]
    between = [edge for edge in between if edge["from"] not in stands_in or edge.get("port", "main") == "main"]
    reached = {edge["to"] for edge in edges}
    undoing = {nodes[own_id].get("undo") for own_id in kept - stands_in} & nodes.keys() - reached
    caught = {edge["from"] for edge in between if edge.get("port") == "error"}
    shown = [
        _stand_in(node) if own_id in stands_in & kept else _cut(node, kept | undoing, caught)
        for own_id, node in nodes.items()
        if own_id in kept | undoing
    ]
    rest = {name: value for name, value in definition.items() if name != "output"}  # it may read what is not there
    return {**rest, "nodes": shown, "edges": between}


def is_pinned(node: Mapping[str, Any]) -> bool:
    """Whether an output is pinned to a node for tests."""
    ui = node.get("ui")
    return isinstance(ui, Mapping) and isinstance(ui.get("pinned"), Mapping) and "output" in ui["pinned"]


def _chooses(node: Mapping[str, Any], types: Catalogue) -> bool:
    """Whether it has several ways out, errors aside."""
    found = types.get(node["type"])
    return found is not None and not set(found.ports(node.get("config", {}))) <= {"main", "error"}


def _needed(nodes: Mapping[str, Any], edges: list[Any], last: str, stands_in: Collection[str]) -> set[str]:
    """The node, what leads to it up to what stands in, and what lies between it and a node further back that it reads."""
    before, after = _closure(edges, "to", "from"), _closure(edges, "from", "to")
    kept: set[str] = set()
    wanted = [last]
    while wanted:
        own_id = wanted.pop()
        if own_id in kept:
            continue
        kept.add(own_id)
        if own_id in stands_in:
            continue
        wanted += [edge["from"] for edge in edges if edge["to"] == own_id]
        text = dumps(nodes[own_id].get("config", {}))
        for read in before(own_id):
            if re.search(rf"\bnodes\b\W{{1,4}}{read}\b", text):
                wanted += [read, *(after(read) & before(own_id))]
    return kept


def _closure(edges: list[Any], here: str, there: str) -> Callable[[str], set[str]]:
    """All nodes that edges lead to from one, walked from `here` to `there`."""

    def reach(own_id: str) -> set[str]:
        found: set[str] = set()
        open_ids = [own_id]
        while open_ids:
            at = open_ids.pop()
            fresh = {edge[there] for edge in edges if edge[here] == at} - found
            found |= fresh
            open_ids += fresh
        return found

    return reach


def _stand_in(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node that has the pinned output at once."""
    kept = {name: node[name] for name in ("id", "name", "ui", "sensitive") if name in node}
    return {**kept, "type": "transform", "config": {"value": node["ui"]["pinned"]["output"]}}


def _cut(node: Mapping[str, Any], there: Collection[str], caught: Collection[str]) -> dict[str, Any]:
    """A node without what it says of nodes that are left out."""
    gone = {"undo"} if node.get("undo") not in there else set()
    if node.get("on_error") == "branch" and node["id"] not in caught:
        gone.add("on_error")
    return {name: value for name, value in node.items() if name not in gone}
