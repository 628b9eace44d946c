"""A definition compiled for the engine: an immutable graph in topological order, with templates compiled and defaults filled in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Template, compile_expression, compile_template
from chalicelib.core.expressions.reads import Branch, Read, branches
from chalicelib.definitions.catalogue import Catalogue, NodeType
from chalicelib.definitions.pointers import value_at
from chalicelib.definitions.schema import Definition, Node, RateLimit, RetryPolicy, Settings, parse_body

DEFAULT_TIMEOUT_SECONDS = 60.0
DEFAULT_RETRY_CLASSES = ("timeout", "connection", "http.408", "http.429", "http.5xx", "rate_limited")


@dataclass(frozen=True, slots=True)
class Link:
    """One edge: `target` follows when `source` ends through `port`."""

    source: str
    port: str
    target: str


@dataclass(frozen=True, slots=True)
class Retry:
    """How a node is tried again. `max_attempts` counts the first one; the pause before attempt n + 1 is `initial_seconds * backoff ** (n - 1)`, at most
    `max_seconds`; `on` and `not_on` are error classes."""

    max_attempts: int = 3
    initial_seconds: float = 1.0
    backoff: float = 2.0
    max_seconds: float = 60.0
    jitter: bool = True
    on: tuple[str, ...] = DEFAULT_RETRY_CLASSES
    not_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quorum:
    """A join that is satisfied by `quorum` taken edges."""

    quorum: int


Join = str | Quorum  # "all", "any" or a Quorum


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node, ready to be planned and run. `retry` is None when a failed attempt is final."""

    id: str
    type: str
    name: str
    config: Template
    effect: bool
    retry: Retry | None
    timeout_seconds: float
    on_error: str
    join: Join
    undo: str | None
    delivery: str
    sensitive: tuple[str, ...]
    disabled: bool
    incoming: tuple[Link, ...]
    outgoing: tuple[Link, ...]
    reads: tuple[Read, ...] = ()
    body: Graph | None = None
    rate_limit: RateLimit | None = None
    credentials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A compiled definition, or the compiled body of a loop. `nodes` is in topological order; `roots` start with the execution, `ends` have no outgoing edges
    (both without nodes that only an `undo` starts); `ancestors` holds every node that can have run before one; `reads` is what its expressions read of each
    variable, inner bodies included; `undoes` maps a node that undoes to the nodes that name it; `off_path` are those that only undoing starts, and
    what follows them; `races` says whether some join goes on before all its edges are decided."""

    nodes: Mapping[str, GraphNode]
    roots: tuple[str, ...]
    ends: tuple[str, ...]
    output: Template | None
    settings: Settings
    ancestors: Mapping[str, frozenset[str]]
    reads: Mapping[str, Branch]
    undoes: Mapping[str, tuple[str, ...]]
    off_path: frozenset[str]
    races: bool

    @property
    def has_undo(self) -> bool:
        """Whether some node, here or in a body within, has an undo."""
        return bool(self.undoes) or any(node.body is not None and node.body.has_undo for node in self.nodes.values())


def compile_graph(definition: Definition, catalogue: Catalogue) -> Graph:
    """The graph of a definition without errors (see `find_issues`). Raises ExpressionError for expressions that do not compile, ValueError for a cycle or an
    unknown node type."""
    links = links_of(definition)
    order = topological_order([node.id for node in definition.nodes], links)
    incoming, outgoing = _by(links, "target"), _by(links, "source")
    by_id = {node.id: node for node in definition.nodes}
    nodes = {own_id: _graph_node(by_id[own_id], catalogue, incoming.get(own_id, ()), outgoing.get(own_id, ())) for own_id in order}
    undoing = undo_nodes(definition)
    on_path = [own_id for own_id in order if own_id not in undoing]
    output = None if definition.output is None else _template(definition.output, (), "output")
    own = [read for _, program in output.expressions for read in program.reads] if output else []
    return Graph(
        nodes=MappingProxyType(nodes),
        roots=tuple(own_id for own_id in on_path if not nodes[own_id].incoming),
        ends=tuple(own_id for own_id in on_path if not nodes[own_id].outgoing),
        output=output,
        settings=definition.settings,
        ancestors=MappingProxyType(ancestors_of(definition, order)),
        reads=MappingProxyType(branches([*own, *(read for node in nodes.values() for read in node.reads)])),
        undoes=MappingProxyType(_undoes(definition)),
        off_path=_off_path(nodes, undoing),
        races=any(node.join != "all" for node in nodes.values()),
    )


def _off_path(nodes: Mapping[str, GraphNode], undoing: frozenset[str]) -> frozenset[str]:
    reached: set[str] = set()
    for own_id, node in nodes.items():  # in topological order
        starts = not node.incoming and own_id not in undoing
        if starts or any(link.source in reached for link in node.incoming):
            reached.add(own_id)
    return frozenset(nodes) - reached


def _undoes(definition: Definition) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for node in definition.nodes:
        if node.undo is not None:
            found[node.undo] = (*found.get(node.undo, ()), node.id)
    return found


def links_of(definition: Definition) -> list[Link]:
    """The edges, each once."""
    return list(dict.fromkeys(Link(edge.source, edge.port, edge.target) for edge in definition.edges))


def undo_nodes(definition: Definition) -> frozenset[str]:
    """Nodes off the main path: some node names them as its `undo`, and no edge leads to them."""
    reached = {edge.target for edge in definition.edges}
    return frozenset(node.undo for node in definition.nodes if node.undo is not None and node.undo not in reached)


def topological_order(ids: Iterable[str], links: Iterable[Link]) -> list[str]:
    """Ids so that every link points forward, otherwise in the given order. Raises ValueError that names a cycle."""
    waiting = dict.fromkeys(ids, 0)
    following: dict[str, list[str]] = {own_id: [] for own_id in waiting}
    for link in links:
        following[link.source].append(link.target)
        waiting[link.target] += 1
    order = [own_id for own_id, count in waiting.items() if count == 0]
    for own_id in order:  # grows while it is walked
        for target in following[own_id]:
            waiting[target] -= 1
            if waiting[target] == 0:
                order.append(target)
    if len(order) < len(waiting):
        raise ValueError("the edges form a cycle: " + " -> ".join(find_cycle(following, set(waiting) - set(order))))
    return order


def find_cycle(following: Mapping[str, Iterable[str]], among: set[str]) -> list[str]:
    """One cycle among nodes that a topological sort left over: its ids in order, the first repeated at the end."""
    preceding: dict[str, str] = {}
    for source in following:
        if source in among:
            preceding.update((target, source) for target in following[source] if target in among)
    at = next(own_id for own_id in following if own_id in among)
    seen: dict[str, None] = {}
    while at not in seen:  # every node left over has a predecessor that is left over too, so walking back must close a circle
        seen[at] = None
        at = preceding[at]
    trail = list(seen)
    circle = trail[trail.index(at) :]
    return [at, *reversed(circle)]


def ancestors_of(definition: Definition, order: Iterable[str]) -> dict[str, frozenset[str]]:
    """For each node, all nodes that can have run before it. A node that undoes others may read those and what came before them."""
    before: dict[str, frozenset[str]] = {}
    sources: dict[str, list[str]] = {own_id: [] for own_id in order}
    for edge in definition.edges:
        sources[edge.target].append(edge.source)
    for own_id in sources:
        above = sources[own_id]
        before[own_id] = frozenset(above).union(*(before[source] for source in above))
    off_path = undo_nodes(definition)
    undone: dict[str, frozenset[str]] = dict.fromkeys(off_path, frozenset())
    for node in definition.nodes:
        if node.undo in off_path and node.undo != node.id:
            undone[node.undo] |= before[node.id] | {node.id}
    for own_id in sources:  # what follows an undoing node reads all that it may read
        reachable = undone.get(own_id, frozenset())
        before[own_id] = before[own_id].union(reachable, *(before[source] for source in sources[own_id]))
    return before


def _by(links: Iterable[Link], end: str) -> dict[str, tuple[Link, ...]]:
    grouped: dict[str, list[Link]] = {}
    for link in links:
        grouped.setdefault(getattr(link, end), []).append(link)
    return {own_id: tuple(found) for own_id, found in grouped.items()}


def _graph_node(node: Node, catalogue: Catalogue, incoming: tuple[Link, ...], outgoing: tuple[Link, ...]) -> GraphNode:
    node_type = catalogue.get(node.type)
    if node_type is None:
        raise ValueError(f"node '{node.id}' has the unknown type '{node.type}'")
    literal = node_type.cel_fields(node.config)
    config = _template(node.config, literal, f"node '{node.id}'", node_type.html_fields(node.config))
    body = _body(node, node_type, catalogue)
    return GraphNode(
        id=node.id,
        type=node.type,
        name=node.name or node.id,
        config=config,
        effect=node_type.effect == "effect",
        retry=resolve_retry(node.retry, node_type),
        timeout_seconds=node.timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
        on_error=node.on_error,
        join=node.join if isinstance(node.join, str) else Quorum(node.join.quorum),
        undo=node.undo,
        delivery=node.delivery,
        sensitive=tuple(node.sensitive),
        disabled=node.disabled,
        incoming=incoming,
        outgoing=outgoing,
        reads=_reads(node, node_type, config, literal, body),
        body=body,
        rate_limit=node.rate_limit,
        credentials=tuple(dict.fromkeys(node_type.credentials(node.config))) if node_type.effect == "effect" else (),
    )


def _body(node: Node, node_type: NodeType, catalogue: Catalogue) -> Graph | None:
    return compile_graph(parse_body(node.config.get(node_type.body_field)), catalogue) if node_type.body_field else None


def _reads(node: Node, node_type: NodeType, config: Template, literal: Iterable[str], body: Graph | None) -> tuple[Read, ...]:
    """What a node's expressions read, those of its body included."""
    programs = [program for _, program in config.expressions]
    for pointer in set(literal) - set(node_type.literal_fields(node.config)):
        source = value_at(node.config, pointer)
        if isinstance(source, str) and source.strip():
            with contextlib.suppress(ExpressionError):  # the node fails with it when it runs
                programs.append(compile_expression(source))
    own = tuple(read for program in programs for read in program.reads)
    if body is None:
        return own
    inner = [read for node in body.nodes.values() for read in node.reads]
    inner += [read for _, program in (body.output.expressions if body.output else ()) for read in program.reads]
    return (*own, *inner)


def _template(value: Any, literal: tuple[str, ...], where: str, html: tuple[str, ...] = ()) -> Template:
    try:
        return compile_template(value, literal, html)
    except ExpressionError as error:
        raise ExpressionError(f"{where}{error.extra.get('pointer', '')}: {error.detail}", **error.extra) from None


def resolve_retry(policy: RetryPolicy | None, node_type: NodeType) -> Retry | None:
    """The node's retry over its type's, over the language's defaults. None for pure types, unless the node asks for it."""
    if policy is None and node_type.effect != "effect":
        return None
    settings = dict(node_type.retry or {})
    settings.update(policy.model_dump(exclude_none=True) if policy else {})
    for classes in ("on", "not_on"):
        if classes in settings:
            settings[classes] = tuple(settings[classes])
    return Retry(**settings)
