"""Which values an expression reads, found in its syntax tree: `nodes.charge.output.total` is a Read of `nodes`, "charge", "output", "total".

Reads serve four ends: only what is read is converted for CEL, an expression that is nothing but a Read needs no CEL at all, error messages can name
the field that is missing, and publishing can check which nodes an expression depends on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.expressions.environment import VARIABLES
from chalicelib.core.expressions.syntax import Node

Step = str | int


@dataclass(frozen=True, slots=True)
class Read:
    """One path from a variable. `required` leading steps must exist; the rest are asked for by has() or `?.`. `presence`: only has() wants it."""

    root: str
    steps: tuple[Step, ...]
    required: int
    presence: bool = False

    @property
    def text(self) -> str:
        return path_text(self.root, self.steps)


@dataclass(slots=True)
class Branch:
    """What of a value must be handed to CEL: all of it (`whole`), or only the named members."""

    whole: bool = False
    members: dict[Step, Branch] = field(default_factory=dict)


def path_text(root: str, steps: Iterable[Step]) -> str:
    """`input.items[0].name`, as one would write it."""
    text = root
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if step.isidentifier() else f"[{step!r}]"
    return text


def member(value: Any, step: Step) -> tuple[bool, Any]:
    """Whether a value has a member of that name or index, and the member."""
    if type(value) is dict:
        return (True, value[step]) if type(step) is str and step in value else (False, None)
    if type(value) is list and type(step) is int and 0 <= step < len(value):
        return True, value[step]
    return False, None


def resolve(read: Read, values: Mapping[str, Any]) -> tuple[bool, Any]:
    """Whether every step of the path exists in the values, and what stands there (else None)."""
    if read.root not in values:
        return False, None
    found, value = True, values[read.root]
    for step in read.steps:
        found, value = member(value, step)
        if not found:
            return False, None
    return True, value


def find_reads(tree: Node) -> list[Read]:
    """Every longest path the expression reads, in source order, duplicates included."""
    reads: list[Read] = []
    _collect(tree, frozenset(), reads)
    return reads


def whole_read(tree: Node) -> Read | None:
    """The Read, when the expression is nothing else."""
    read = chain(tree, frozenset())
    return read if read and read.required == len(read.steps) else None


def loop_ranges(tree: Node) -> list[tuple[int, Read | None]]:
    """Each loop that builds a list (map, filter): its node id, and its range when that is a plain Read. Ranges that are list literals or loops
    themselves are left out: their length is bounded already."""
    found: list[tuple[int, Read | None]] = []
    _collect_loops(tree, frozenset(), found)
    return found


def functions_called(tree: Node) -> frozenset[str]:
    """Names of all functions and operators in the tree."""
    names = {tree.name} if tree.kind == "call" else set()
    return frozenset(names.union(*(functions_called(child) for child in tree.children)))


def struct_name(tree: Node) -> str | None:
    """The name of a protobuf message the expression makes, if any."""
    if tree.kind == "struct" and tree.name:
        return tree.name
    return next(filter(None, map(struct_name, tree.children)), None)


def branches(reads: Iterable[Read]) -> dict[str, Branch]:
    """Reads merged into one tree for each variable."""
    roots: dict[str, Branch] = {}
    for read in reads:
        branch = roots.setdefault(read.root, Branch())
        for step in read.steps:
            branch = branch.members.setdefault(step, Branch())
        branch.whole = branch.whole or not read.presence
    return roots


def prune(value: Any, branch: Branch) -> Any:
    """The parts of `value` that `branch` names, in the same shape; a list keeps its length, so that indexes stay true."""
    if branch.whole:
        return value
    if not branch.members:  # only has() asks for it, and a null is as present as anything
        return None
    if type(value) is dict:
        return {key: prune(value[key], member) for key, member in branch.members.items() if key in value}
    if type(value) is list:
        return [prune(entry, branch.members[at]) if at in branch.members else None for at, entry in enumerate(value)]
    return value


def chain(node: Node, bound: Collection[str]) -> Read | None:
    """The path a node is, if it is one; `bound` are loop variables in sight, which hide variables of the same name."""
    if node.kind == "ident":
        return Read(node.name, (), 0) if node.name in VARIABLES and node.name not in bound else None
    step, optional = _step(node)
    if step is None:
        return None
    inner = chain(node.children[0], bound)
    if inner is None or inner.presence:
        return None
    presence = node.kind == "select" and node.value
    all_required = inner.required == len(inner.steps) and not optional and not presence
    return Read(inner.root, (*inner.steps, step), inner.required + 1 if all_required else inner.required, presence)


def _step(node: Node) -> tuple[Step | None, bool]:
    """The member a select or an index with a constant names, and whether it may be absent."""
    if node.kind == "select":
        return node.name, False
    if node.kind == "call" and node.name in ("_[_]", "_[?_]", "_?._") and len(node.children) == 2:
        key = node.children[1]
        if key.kind == "const" and type(key.value) in (str, int):
            return key.value, node.name != "_[_]"
    return None, False


def _collect(node: Node, bound: frozenset[str], reads: list[Read]) -> None:
    read = chain(node, bound)
    if read is not None:
        reads.append(read)
        return
    if node.kind == "loop":
        start, inside = bound | {node.value}, bound | {node.name, node.value}
        for child, names in zip(node.children, (bound, bound, inside, inside, start), strict=True):
            _collect(child, names, reads)
        return
    for child in node.children:
        _collect(child, bound, reads)


def _collect_loops(node: Node, bound: frozenset[str], found: list[tuple[int, Read | None]]) -> None:
    if node.kind == "loop":
        source, start = node.children[0], node.children[1]
        if start.kind == "list" and source.kind not in ("list", "loop"):
            found.append((node.id, chain(source, bound)))
        bound = bound | {node.name, node.value}
    for child in node.children:
        _collect_loops(child, bound, found)
