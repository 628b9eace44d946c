"""What differs between two definitions, node by node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _pointer(path: str, part: str | int) -> str:
    return f"{path}/" + str(part).replace("~", "~0").replace("/", "~1")


def _same(before: Any, after: Any) -> bool:
    """Equality as JSON sees it: true is not 1, but 1 is 1.0."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(value, after[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(_same(one, other) for one, other in zip(before, after, strict=True))
    return type(before) is type(after) and before == after or _numbers_equal(before, after)


def _numbers_equal(before: Any, after: Any) -> bool:
    return isinstance(before, int | float) and isinstance(after, int | float) and before == after


def changes(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """Every difference as {path, op: added|removed|changed, from?, to?}, in document order; lists of unequal length differ as a whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found = []
        for name in [*before, *(name for name in after if name not in before)]:
            here = _pointer(path, name)
            if name not in after:
                found.append({"path": here, "op": "removed", "from": before[name]})
            elif name not in before:
                found.append({"path": here, "op": "added", "to": after[name]})
            else:
                found += changes(before[name], after[name], here)
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            change
            for n, (one, other) in enumerate(zip(before, after, strict=True))
            for change in changes(one, other, _pointer(path, n))
        ]
    return [] if _same(before, after) else [{"path": path, "op": "changed", "from": before, "to": after}]


def _edge_key(edge: Mapping[str, Any]) -> tuple[str, str, str]:
    return (edge["from"], edge.get("port", "main"), edge["to"])


def _edge(key: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("from", "port", "to"), key, strict=True))


def _beside_graph(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name not in ("nodes", "edges")}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The structural difference of two well-formed definitions.

    {identical, nodes: {added: [node], removed: [node], changed: [{id, changes}]}, edges: {added, removed}, settings: [change]}, where `settings` is everything
    beside nodes and edges. Moving a node on the canvas is a change of its `ui`; the order of nodes and edges means nothing.
    """
    old = {node["id"]: node for node in before.get("nodes", [])}
    new = {node["id"]: node for node in after.get("nodes", [])}
    changed = [{"id": name, "changes": found} for name in old if name in new and (found := changes(old[name], new[name]))]
    old_edges = dict.fromkeys(_edge_key(edge) for edge in before.get("edges", []))
    new_edges = dict.fromkeys(_edge_key(edge) for edge in after.get("edges", []))
    rest = changes(_beside_graph(before), _beside_graph(after))
    answer: dict[str, Any] = {
        "nodes": {
            "added": [node for name, node in new.items() if name not in old],
            "removed": [node for name, node in old.items() if name not in new],
            "changed": changed,
        },
        "edges": {
            "added": [_edge(key) for key in new_edges if key not in old_edges],
            "removed": [_edge(key) for key in old_edges if key not in new_edges],
        },
        "settings": rest,
    }
    nothing = not (changed or rest or any(answer["edges"].values()) or answer["nodes"]["added"] or answer["nodes"]["removed"])
    return {"identical": nothing, **answer}
