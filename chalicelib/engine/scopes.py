"""What expressions see, where some outputs are too large to be here: reading one asks for it first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.expressions import Program, Scope, compile_expression
from chalicelib.core.expressions.reads import Branch, prune
from chalicelib.engine.state import Key


@dataclass(frozen=True, slots=True)
class Unloaded:
    """Stands where an output is that is only in its row."""

    key: Key


class Missing(Exception):
    """An expression reads outputs that are not loaded: load these, then evaluate again."""

    def __init__(self, keys: frozenset[Key]) -> None:
        super().__init__(f"{len(keys)} outputs are not loaded")
        self.keys = keys


class LazyScope(Scope):
    """A scope that raises Missing before it evaluates what reads an output that is not loaded."""

    def evaluate(self, program: Program | str) -> Any:
        """As Scope does; raises Missing too."""
        if isinstance(program, str):
            program = compile_expression(program)
        require(program.branches, self._values)
        return super().evaluate(program)


def require(branches: Mapping[str, Branch], values: Mapping[str, Any]) -> None:
    """Raises Missing when a value that these branches read is not loaded."""
    branch = branches.get("nodes")
    if branch is None:
        return
    keys = frozenset(_missing(branch, values.get("nodes", {})))
    if keys:
        raise Missing(keys)


def _missing(branch: Branch, nodes: Mapping[str, Any]) -> Iterator[Key]:
    everything = Branch(whole=True)
    read = [(node_id, everything) for node_id in nodes] if branch.whole else list(branch.members.items())
    for node_id, below in read:
        if not isinstance(node_id, str) or node_id not in nodes:
            continue
        output = nodes[node_id].get("output") if isinstance(nodes[node_id], dict) else None
        if type(output) is Unloaded:
            wanted = everything if below.whole else below.members.get("output", Branch())
            if wanted.whole or wanted.members:
                yield output.key


def pruned(branches: Mapping[str, Branch], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only what these branches read of the values, in the same shape. Raises Missing."""
    require(branches, values)
    return {root: prune(values[root], branch) for root, branch in branches.items() if root in values}


def make_scope(values: Mapping[str, Any], now: datetime, seed: str) -> LazyScope:
    """The names a node's expressions may use. `now` is the instant it became ready."""
    return LazyScope(values, now=now, seed=seed)
