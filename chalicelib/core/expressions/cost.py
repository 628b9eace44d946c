"""An upper bound of what one evaluation may cost, found before it starts.

The library counts loop iterations and nothing else: doubling a string thirty times, or replacing every letter of a text by the text, would take all memory,
and no evaluation can be interrupted. So the work of an expression is bounded from its syntax tree and the sizes of the values it reads: every call
costs what it reads and what it makes, loops multiply. The unit is about a byte of JSON; a second of computing is some hundred million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions.limits import MAX_LOOP_LIST, MAX_LOOP_STEPS, MAX_WORK
from chalicelib.core.expressions.reads import chain, resolve
from chalicelib.core.expressions.syntax import Node
from chalicelib.core.expressions.values import PER_VALUE, measure

# Calls that give a number, a boolean or another small thing, whatever they are given.
_SMALL = frozenset(
    """_==_ _!=_ _<_ _<=_ _>_ _>=_ _&&_ _||_ !_ -_ _-_ _*_ _/_ _%_ @in @not_strictly_false size contains startsWith endsWith matches indexOf lastIndexOf
    int uint double bool type timestamp duration hasValue now uuid random charAt getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours
    getMinutes getSeconds getMilliseconds""".split()
)
# Calls that hand on a part of their first argument without reading it.
_VIEWS = frozenset(("_[_]", "_?._", "_[?_]", "value", "optional.of", "optional.ofNonZeroValue", "dyn"))
_GROWING = frozenset(("join", "replace", "split", "format"))
_ORDINARY_CALLS = 8  # an expression of so few calls over 8 MB at most needs no closer look
_COPY = 8  # a loop that builds a list copies it at each step


@dataclass(frozen=True, slots=True)
class Size:
    """`fixed` units, and for loop variables so many times their own size."""

    fixed: float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: Size) -> Size:
        if not other.shares:
            return Size(self.fixed + other.fixed, self.shares)
        names = {**self.shares, **other.shares}
        return Size(self.fixed + other.fixed, {name: self.shares.get(name, 0) + other.shares.get(name, 0) for name in names})

    def times(self, factor: float) -> Size:
        return Size(self.fixed * factor, {name: share * factor for name, share in self.shares.items()})


@dataclass(frozen=True, slots=True)
class _Variable:
    """The largest value a loop variable takes."""

    largest: float


def is_ordinary(tree: Node) -> bool:
    """Whether the expression is too simple to cost much, so that no bound need be computed."""
    return _count_calls(tree) <= _ORDINARY_CALLS


def _count_calls(node: Node) -> float:
    if node.kind == "loop" or (node.kind == "call" and node.name in _GROWING):
        return float("inf")
    return (node.kind in ("call", "list", "struct")) + sum(_count_calls(child) for child in node.children)


def check_cost(tree: Node, values: Mapping[str, Any]) -> None:
    """Raises ExpressionError when evaluating the tree over these values may take more than MAX_WORK."""
    bound = _Bound(values)
    work, size = bound.visit(tree, {})
    bound.limit(work + size, {})


class _Bound:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._measured: dict[int, float] = {}

    def limit(self, work: Size, variables: Mapping[str, _Variable]) -> float:
        """The most this can be. Raises ExpressionError above MAX_WORK."""
        most = work.fixed + sum(share * variables[name].largest for name, share in work.shares.items())
        if most > MAX_WORK:
            raise ExpressionError(
                f"with values as large as these the expression may need more than {MAX_WORK // 1_000_000} million steps; read less, or loop over less"
            )
        return most

    def visit(self, node: Node, variables: Mapping[str, _Variable]) -> tuple[Size, Size]:
        """The work of evaluating a node, and the size of its result."""
        read = chain(node, variables)
        if read is not None:
            found, value = resolve(read, self._values)
            return Size(PER_VALUE), Size(self._measure(value) if found else PER_VALUE)
        if node.kind == "const":
            length = len(node.value) if isinstance(node.value, str | bytes) else 0
            return Size(PER_VALUE), Size(PER_VALUE + length)
        if node.kind == "ident":
            return Size(PER_VALUE), Size(0.0, {node.name: 1.0}) if node.name in variables else Size(PER_VALUE)
        if node.kind == "loop":
            return self._loop(node, variables)
        works, sizes = zip(*(self.visit(child, variables) for child in node.children), strict=True) if node.children else ((), ())
        work, total = sum(works, Size(PER_VALUE)), sum(sizes, Size(PER_VALUE))
        if node.kind == "select" or (node.kind == "call" and node.name in _VIEWS):
            return work, sizes[0]
        if node.kind == "call":
            result = self._result(node, sizes, total, variables)
            work = work + total + result
        self.limit(work, variables)
        return work, total if node.kind != "call" else result

    def _result(self, node: Node, sizes: tuple[Size, ...], total: Size, variables: Mapping[str, _Variable]) -> Size:
        if node.name in _SMALL or node.name.startswith("math."):
            return Size(4 * PER_VALUE)
        if node.name in ("replace", "join") and len(sizes) > 1:
            inserted = self.limit(sizes[-1] if node.name == "join" else sizes[2], variables)
            return sizes[0].times(1 + inserted / (1 if node.name == "replace" else PER_VALUE)) + Size(inserted)
        if node.name in ("split", "format", "string", "base64.encode", "strings.quote"):
            return total.times(PER_VALUE + 2)
        return total

    def _loop(self, node: Node, variables: Mapping[str, _Variable]) -> tuple[Size, Size]:
        source, start, condition, step, result = node.children
        work, size = self.visit(source, variables)
        steps, largest = self._elements(source, size, variables)
        builds = start.kind == "list"
        inside = {**variables, node.name: _Variable(largest), node.value: _Variable(0.0)}
        before, initial = self.visit(start, variables)
        inside[node.value] = _Variable(0.0 if builds else self.limit(initial, variables))
        each_work, each_size = (left + right for left, right in zip(self.visit(condition, inside), self.visit(step, inside), strict=True))
        total_work = work + before + self._over(each_work, node, size, steps, inside)
        if builds:
            total_work = total_work + Size(min(steps, MAX_LOOP_LIST) ** 2 * _COPY)
            made = self._over(each_size, node, size, steps, inside)
        else:
            made = initial + self.visit(result, inside)[1]
            made = Size(made.fixed, {name: share for name, share in made.shares.items() if name in variables})
        self.limit(total_work + made, variables)
        return total_work, made

    def _over(self, each: Size, loop: Node, source: Size, steps: float, inside: Mapping[str, _Variable]) -> Size:
        """A size summed over all steps: what is in proportion to the element adds up to the whole source."""
        rest = {name: share * steps for name, share in each.shares.items() if name not in (loop.name, loop.value)}
        accumulated = each.shares.get(loop.value, 0) * inside[loop.value].largest
        return Size((each.fixed + accumulated) * steps, rest) + source.times(each.shares.get(loop.name, 0))

    def _elements(self, source: Node, size: Size, variables: Mapping[str, _Variable]) -> tuple[float, float]:
        """How many steps a loop over this takes at most, and the largest element."""
        most = self.limit(size, variables)
        read = chain(source, variables)
        if read is not None:
            _, value = resolve(read, self._values)
            if isinstance(value, list | dict):
                entries = list(value)
                return len(entries), max(map(self._measure, entries), default=0.0)
        if source.kind == "list":
            return len(source.children), most
        return min(most / PER_VALUE, MAX_LOOP_STEPS), most

    def _measure(self, value: Any) -> float:
        known = self._measured.get(id(value))
        if known is None:
            known = self._measured[id(value)] = float(measure(value))
        return known


