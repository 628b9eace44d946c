"""What keeps a well-formed definition from being published: `find_issues`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chalicelib.core.errors import ValidationFailed
from chalicelib.core.expressions import suggestion
from chalicelib.definitions import schemas
from chalicelib.definitions.catalogue import Catalogue, NodeType
from chalicelib.definitions.graph import Link, ancestors_of, links_of, topological_order, undo_nodes
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.readings import NAMES, Reader, config_issues, template_issues
from chalicelib.definitions.schema import MAX_NODES, Definition, Node, Quorum, parse_body

MAX_NODE_SECONDS = 840.0  # one attempt must fit a function's 15 minutes, with time left to save
MAX_EXECUTION_SECONDS = 365 * 86_400.0
MAX_NESTING = 8


def find_issues(definition: Definition, catalogue: Catalogue) -> list[Issue]:
    """Every problem, in document order; paths are JSON Pointers into the definition. Without an error among them `compile_graph` succeeds."""
    check = _Check(definition, catalogue)
    return [
        *_size(definition, catalogue),
        *schemas.find_schema_issues(definition.input_schema, "/input_schema"),
        *check.start(),
        *(issue for index, node in enumerate(definition.nodes) for issue in check.node(node, f"/nodes/{index}")),
        *check.edges(),
        *check.output(),
        *check.settings(),
    ]


def _size(definition: Definition, catalogue: Catalogue) -> Iterable[Issue]:
    count = _count(definition.model_dump(by_alias=True)["nodes"], catalogue)
    if count > MAX_NODES:
        yield Issue("/nodes", "too_many_nodes", f"at most {MAX_NODES} nodes are allowed, those within loops included; there are {count}")


def _count(nodes: Any, catalogue: Catalogue) -> int:
    """Nodes of a well-formed list and of the bodies within, whatever form those have."""
    total, pending = 0, [nodes]
    while pending:
        listed = pending.pop()
        for node in listed if isinstance(listed, list) else ():
            total += 1
            config = node.get("config") if isinstance(node, dict) else None
            node_type = catalogue.get(str(node.get("type"))) if isinstance(config, dict) else None
            body = config.get(node_type.body_field) if node_type and node_type.body_field and isinstance(config, dict) else None
            pending.append(body.get("nodes") if isinstance(body, dict) else None)
    return total


@dataclass(frozen=True)
class _Outside:
    """What the body of a loop has around it: readable nodes, all nodes there are, names, and how deep it is nested."""

    known: frozenset[str] = frozenset()
    before: frozenset[str] | None = frozenset()
    names: frozenset[str] = NAMES
    depth: int = 0


@dataclass(frozen=True)
class _Check:
    definition: Definition
    catalogue: Catalogue
    outside: _Outside = _Outside()

    @cached_property
    def links(self) -> list[Link]:
        return links_of(self.definition)

    @cached_property
    def node_types(self) -> dict[str, NodeType | None]:
        return {node.id: self.catalogue.get(node.type) for node in self.definition.nodes}

    @cached_property
    def ports(self) -> dict[str, tuple[str, ...]]:
        """Output ports by node id; nodes of unknown types are left out."""
        return {node.id: found.ports(node.config) for node in self.definition.nodes if (found := self.node_types[node.id])}

    @cached_property
    def cycle(self) -> str | None:
        try:
            topological_order((node.id for node in self.definition.nodes), self.links)
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]] | None:
        """None when a cycle leaves no order to speak of."""
        if self.cycle:
            return None
        order = topological_order((node.id for node in self.definition.nodes), self.links)
        return ancestors_of(self.definition, order)

    @cached_property
    def names(self) -> dict[str, Any]:
        return dict.fromkeys(node.id for node in self.definition.nodes)

    @cached_property
    def connected_ports(self) -> set[tuple[str, str]]:
        return {(link.source, link.port) for link in self.links}

    @cached_property
    def incoming(self) -> Counter[str]:
        return Counter(link.target for link in self.links)

    def start(self) -> Iterable[Issue]:
        if not self.definition.nodes:
            yield Issue("/nodes", "no_nodes", "a workflow needs at least one node")
        elif self.cycle is None:
            undoing = undo_nodes(self.definition)
            if not any(not self.incoming[own_id] and own_id not in undoing for own_id in self.names):
                yield Issue("/nodes", "no_start", "no node starts with the execution: each one is another one's undo")

    def node(self, node: Node, path: str) -> Iterable[Issue]:
        node_type = self.node_types[node.id]
        if node_type is None:
            known = self.catalogue.types()
            yield Issue(f"{path}/type", "unknown_type", f"there is no node type '{node.type}'.{suggestion(node.type, known)}")
        yield from config_issues(node, node_type, f"{path}/config", self._reader(node))
        if node_type is not None and node_type.body_field:
            yield from self._body(node, node_type.body_field, f"{path}/config/{node_type.body_field}")
        yield from self._limits(node, path)
        if node.rate_limit is not None and node_type is not None and node_type.effect != "effect":
            yield Issue(f"{path}/rate_limit", "nothing_to_limit", f"{node.type} does nothing outside, so there is nothing to limit")
        yield from self._error_path(node, node_type, path)
        yield from self._undo(node, path)
        yield from self._join(node, path)
        yield from self._disabled(node, path)
        for index, text in enumerate(node.sensitive):
            if not schemas.is_pointer(text):
                message = f"{text[:80]!r} is not a JSON Pointer; write /field or /list/0/field, with ~1 for '/' and ~0 for '~' within a name"
                yield Issue(f"{path}/sensitive/{index}", "not_a_pointer", message)

    def _reader(self, node: Node) -> Reader:
        return Reader({**self.names, **dict.fromkeys(self.outside.known)}, self._before(node), node.id, self.outside.names)

    def _before(self, node: Node) -> frozenset[str] | None:
        if self.ancestors is None or self.outside.before is None:
            return None
        return self.ancestors[node.id] | (self.outside.before - frozenset(self.names))

    def _body(self, node: Node, field: str, path: str) -> Iterable[Issue]:
        """Everything that is wrong within a loop's body, which is checked like a definition with the loop's surroundings in sight."""
        raw = node.config.get(field)
        if not isinstance(raw, dict):
            return  # said by the config's own check
        if self.outside.depth >= MAX_NESTING:
            yield Issue(path, "nesting_too_deep", f"loops nest at most {MAX_NESTING} deep; move the inner ones to a workflow of their own")
            return
        try:
            body = parse_body(raw)
        except ValidationFailed as error:
            yield from (Issue(path + found["path"], found["code"], found["message"]) for found in error.errors)
            return
        known = self.outside.known | frozenset(self.names)
        outside = _Outside(known, self._before(node), self.outside.names | {"item", "index"}, self.outside.depth + 1)
        check = replace(self, definition=body, outside=outside)
        found = [
            *check.start(),
            *(issue for index, inner in enumerate(body.nodes) for issue in check.node(inner, f"/nodes/{index}")),
            *check.edges(),
            *check.output(),
        ]
        yield from (issue.under(path) for issue in found)

    def _limits(self, node: Node, path: str) -> Iterable[Issue]:
        if node.timeout_seconds is not None and node.timeout_seconds > MAX_NODE_SECONDS:
            message = f"one attempt may take at most {MAX_NODE_SECONDS:g} seconds; wait longer with delay or wait nodes, which hold nothing"
            yield Issue(f"{path}/timeout_seconds", "timeout_too_long", message)
        retry = node.retry
        if (
            retry
            and retry.initial_seconds is not None
            and retry.max_seconds is not None
            and retry.initial_seconds > retry.max_seconds
        ):
            yield Issue(
                f"{path}/retry/initial_seconds",
                "retry_never_grows",
                "the first pause is longer than max_seconds, which caps it",
                "warning",
            )

    def _error_path(self, node: Node, node_type: NodeType | None, path: str) -> Iterable[Issue]:
        if node_type is None or node.on_error != "branch":
            if node_type is not None and (node.id, "error") in self.connected_ports:
                message = f"the error port is connected but never taken, because on_error is '{node.on_error}'; set it to 'branch'"
                yield Issue(f"{path}/on_error", "error_port_unused", message, "warning")
            return
        if "error" not in self.ports[node.id]:
            yield Issue(
                f"{path}/on_error", "no_error_port", f"nodes of type {node.type} have no error port, so on_error cannot be 'branch'"
            )
        elif (node.id, "error") not in self.connected_ports:
            yield Issue(f"{path}/on_error", "error_port_unconnected", "on_error is 'branch', so an edge must leave the error port")

    def _undo(self, node: Node, path: str) -> Iterable[Issue]:
        if node.undo is None:
            return
        if node.undo not in self.names:
            yield Issue(
                f"{path}/undo",
                "unknown_node",
                f"there is no node '{node.undo}' to undo this one.{suggestion(node.undo, self.names)}",
            )
        elif node.undo == node.id:
            yield Issue(f"{path}/undo", "undo_itself", "a node cannot undo itself")

    def _join(self, node: Node, path: str) -> Iterable[Issue]:
        incoming = self.incoming[node.id]
        if isinstance(node.join, Quorum) and node.join.quorum > max(incoming, 1):
            message = f"a quorum of {node.join.quorum} cannot be reached: {incoming} edge{'' if incoming == 1 else 's'} lead here"
            yield Issue(f"{path}/join/quorum", "join_unsatisfiable", message)

    def _disabled(self, node: Node, path: str) -> Iterable[Issue]:
        leaves = {port for source, port in self.connected_ports if source == node.id} if node.disabled else set()
        if leaves and "main" not in leaves:
            message = (
                f"a disabled node passes on through main, but edges leave only {', '.join(sorted(leaves))}: what follows is skipped"
            )
            yield Issue(f"{path}/disabled", "disabled_dead_end", message, "warning")

    def edges(self) -> Iterable[Issue]:
        if self.cycle:
            yield Issue("/edges", "cycle", self.cycle)
        disabled = {node.id for node in self.definition.nodes if node.disabled}
        seen: dict[Link, int] = {}
        for index, edge in enumerate(self.definition.edges):
            path = f"/edges/{index}"
            link = Link(edge.source, edge.port, edge.target)
            if link in seen:
                yield Issue(path, "duplicate_edge", f"this edge is the same as /edges/{seen[link]}")
                continue
            seen[link] = index
            ports = self.ports.get(edge.source)
            if ports is not None and edge.port not in ports and not (edge.port == "main" and edge.source in disabled):
                has = f"it has: {', '.join(ports)}" if ports else "it has no output ports"
                message = f"node '{edge.source}' has no port '{edge.port[:80]}'; {has}.{suggestion(edge.port, ports)}"
                yield Issue(f"{path}/port", "unknown_port", message)

    def output(self) -> Iterable[Issue]:
        known = {**self.names, **dict.fromkeys(self.outside.known)}
        return template_issues(self.definition.output, "/output", Reader(known, None, None, self.outside.names))

    def settings(self) -> Iterable[Issue]:
        settings = self.definition.settings
        if settings.timeout_seconds is not None and settings.timeout_seconds > MAX_EXECUTION_SECONDS:
            yield Issue(
                "/settings/timeout_seconds", "timeout_too_long", "an execution may take at most 365 days (31536000 seconds)"
            )
        if settings.concurrency is not None:
            at_start = Reader(self.names, frozenset(), None)
            yield from template_issues(settings.concurrency.key, "/settings/concurrency/key", at_start)
