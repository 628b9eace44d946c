"""A small catalogue of node types for tests of the language, which knows types only through the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.definitions.issues import Issue


@dataclass(frozen=True)
class FakeType:
    """A node type whose ports, fields and checks are data."""

    type: str
    effect: str = "pure"
    retry: Mapping[str, Any] | None = None
    outputs: tuple[str, ...] = ("main", "error")
    required: tuple[str, ...] = ()
    cel: tuple[str, ...] = ()
    html: tuple[str, ...] = ()
    cases: bool = False
    body_field: str | None = None

    def ports(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        if not self.cases:
            return self.outputs
        return (*(case["name"] for case in config.get("cases", [])), "default", "error")

    def check(self, config: Mapping[str, Any]) -> list[Issue]:
        return [Issue(f"/{name}", "config_missing", "this field is required") for name in self.required if name not in config]

    def credentials(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def html_fields(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(f"/{name}" for name in self.html if name in config)

    def cel_fields(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        found = [f"/{name}" for name in self.cel if isinstance(config.get(name), str)]
        if isinstance(config.get("assign"), dict) and self.type == "transform":
            found += [f"/assign/{name}" for name in config["assign"]]
        return tuple(found)

    def literal_fields(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ()


class FakeCatalogue:
    """Types by name."""

    def __init__(self, *types: FakeType) -> None:
        self._types = {each.type: each for each in types}

    def get(self, type: str) -> FakeType | None:
        return self._types.get(type)

    def types(self) -> list[str]:
        return sorted(self._types)


CATALOGUE = FakeCatalogue(
    FakeType("http.request", effect="effect", required=("url",)),
    FakeType("kafka.publish", effect="effect", retry={"max_attempts": 7, "on": ["connection"]}),
    FakeType("transform"),
    FakeType("condition", outputs=("true", "false", "error"), required=("expression",), cel=("expression",)),
    FakeType("switch", cases=True),
    FakeType("delay", outputs=("main",)),
    FakeType("stop", outputs=()),
)


def node(own_id: str, type: str = "transform", **more: Any) -> dict[str, Any]:
    """One node of a definition."""
    return {"id": own_id, "type": type, **more}


def definition(*nodes: dict[str, Any], edges: list[Any] = (), **more: Any) -> dict[str, Any]:  # type: ignore[assignment]
    """A definition; an edge may be a triple (from, port, to) or a pair."""
    full = [
        edge if isinstance(edge, dict) else {"from": edge[0], "to": edge[-1], **({"port": edge[1]} if len(edge) == 3 else {})}
        for edge in edges
    ]
    return {"schema": "millrace/1", "nodes": list(nodes), "edges": full, **more}
