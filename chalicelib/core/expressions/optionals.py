"""Optionals (`input.?a`, `optional.of(x)`) may stand only where something takes them: followed by `.orValue()` and its kin, or as an optional entry.

The CEL library crashes the whole process when a list or an object that holds an optional is handed to a function of ours, so such expressions are refused when
they are compiled.
"""

from __future__ import annotations

from chalicelib.core.expressions.syntax import Node

_MAKES = frozenset(("optional.of", "optional.none", "optional.ofNonZeroValue", "_?._", "_[?_]", "or"))
_MAKES_OF_A_LIST = frozenset(("first", "last"))  # as methods
_TAKES_FIRST = frozenset(("orValue", "hasValue", "value", "or", "_?._", "_[?_]", "_[_]"))
_COMPARES = frozenset(("_==_", "_!=_"))


def misplaced_optional(tree: Node) -> bool:
    """Whether an optional stands where a plain value is needed."""
    return any((is_optional(child) and not _may_hold(tree, index)) or misplaced_optional(child) for index, child in enumerate(tree.children))


def is_optional(node: Node) -> bool:
    """Whether the value of a node is an optional, as far as its syntax tells."""
    if node.kind == "call":
        if node.name in _MAKES or (node.name in _MAKES_OF_A_LIST and node.value):
            return True
        if node.name == "_?_:_":
            return any(map(is_optional, node.children[1:]))
        return node.name == "_[_]" and is_optional(node.children[0])
    if node.kind == "select":
        return not node.value and is_optional(node.children[0])
    return node.kind == "loop" and is_optional(node.children[4])


def _may_hold(parent: Node, index: int) -> bool:
    if parent.kind == "call":
        takes = index == 0 and parent.name in _TAKES_FIRST
        return takes or parent.name in _COMPARES or parent.name == "or" or (parent.name == "_?_:_" and index > 0)
    if parent.kind == "list":
        return index in parent.value
    if parent.kind == "struct":
        return index % 2 == 1 and index // 2 in parent.value
    return parent.kind == "select" or (parent.kind == "loop" and index == 4)
