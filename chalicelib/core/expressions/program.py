"""A compiled expression: what it reads, and how it is evaluated."""

from __future__ import annotations

import functools
import threading
from collections.abc import Hashable, Mapping
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import reads as reading
from chalicelib.core.expressions import syntax
from chalicelib.core.expressions.cost import check_cost, harmless_weight, is_ordinary
from chalicelib.core.expressions.environment import SCOPE_FUNCTIONS, compile_source, environment
from chalicelib.core.expressions.limits import MAX_CONTEXT_BYTES, MAX_LOOP_LIST
from chalicelib.core.expressions.optionals import misplaced_optional
from chalicelib.core.expressions.reads import Branch, Read
from chalicelib.core.expressions.syntax import Node
from chalicelib.core.expressions.values import Scale


class Program:
    """One expression, compiled once and shared by all threads. Made by `compile_expression`.

    `source` is its text, `names` the variables it reads (input, trigger, nodes, execution, item, index, event), `nodes` the ids read as
    `nodes.<id>` or `nodes['<id>']`, None when they are read dynamically. `reads` are all its paths; `direct` is set when it is nothing but a path;
    `pure` is false when it calls now(), uuid() or random(); programs of one `view` read the same values.
    """

    __slots__ = (
        "source",
        "names",
        "nodes",
        "reads",
        "direct",
        "pure",
        "branches",
        "view",
        "_tree",
        "_compiled",
        "_guarded",
        "_harmless",
        "_ranges",
        "_lock",
    )

    def __init__(self, source: str) -> None:
        self.source = source
        self._compiled = compile_source(source)
        tree = syntax.parse(self._compiled.serialize())
        if message := reading.struct_name(tree):
            raise ExpressionError(
                f"'{message}{{…}}' makes a protobuf message; write an object such as {{'name': value}} instead", expression=source
            )
        if misplaced_optional(tree):
            message = "an optional stands where a plain value is needed; end it with .orValue(...), or write an optional entry such as {?'name': input.?name}"
            raise ExpressionError(message, expression=source)
        self.reads: tuple[Read, ...] = tuple(reading.find_reads(tree))
        self.direct: Read | None = reading.whole_read(tree)
        self.names: frozenset[str] = frozenset(read.root for read in self.reads)
        self.nodes: frozenset[str] | None = _node_ids(self.reads)
        self.branches: Mapping[str, Branch] = reading.branches(self.reads)
        self.view: Hashable = frozenset((read.root, read.steps, read.presence) for read in self.reads)
        self.pure: bool = not reading.functions_called(tree).intersection(SCOPE_FUNCTIONS)
        self._tree: Node | None = None if is_ordinary(tree) else tree
        self._ranges = reading.loop_ranges(tree)
        self._guarded: Any = None
        self._harmless: int | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Program({self.source!r})"

    def _harmless_weight(self) -> int:
        if self._harmless is None:
            self._harmless = harmless_weight(self._tree) if self._tree is not None else MAX_CONTEXT_BYTES
        return self._harmless

    def executable(self, values: Mapping[str, Any], weight: int, scale: Scale) -> Any:
        """The library's expression to evaluate over these values: with guards on the loops that need one, bare otherwise.

        `weight` is that of all the values it reads. Raises ExpressionError when evaluating it over these values might cost too much.
        """
        if self._tree is not None and weight > self._harmless_weight():
            check_cost(self._tree, values, scale)
        if all(_is_short_list(read, values) for _, read in self._ranges):
            return self._compiled
        if self._guarded is None:
            with self._lock:
                wrapped = syntax.wrap_ranges(self._compiled.serialize(), {loop for loop, _ in self._ranges})
                self._guarded = environment().deserialize(wrapped)
        return self._guarded


@functools.lru_cache(maxsize=4096)
def compile_expression(source: str) -> Program:
    """Compile CEL text. Raises ExpressionError that names what is wrong, where, and the nearest known name."""
    return Program(source)


def _is_short_list(read: Read | None, values: Mapping[str, Any]) -> bool:
    if read is None:
        return False
    found, value = reading.resolve(read, values)
    return not found or (type(value) is list and len(value) <= MAX_LOOP_LIST)


def _node_ids(reads: tuple[Read, ...]) -> frozenset[str] | None:
    ids = set()
    for read in reads:
        if read.root == "nodes":
            if not read.steps or not isinstance(read.steps[0], str):
                return None
            ids.add(read.steps[0])
    return frozenset(ids)
