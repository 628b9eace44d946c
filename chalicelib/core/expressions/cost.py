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
from chalicelib.core.expressions.library import GROWTH
from chalicelib.core.expressions.limits import MAX_LOOP_STEPS, MAX_WORK
from chalicelib.core.expressions.reads import Read, chain, resolve
from chalicelib.core.expressions.syntax import Node
from chalicelib.core.expressions.values import PER_VALUE, Scale

# Calls that give a number, a boolean or another small thing, whatever they are given.
_SMALL = frozenset(
    [
        "_==_",
        "_!=_",
        "_<_",
        "_<=_",
        "_>_",
        "_>=_",
        "_&&_",
        "_||_",
        "!_",
        "-_",
        "_-_",
        "_*_",
        "_/_",
        "_%_",
        "@in",
        "@not_strictly_false",
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "indexOf",
        "lastIndexOf",
        "int",
        "uint",
        "double",
        "bool",
        "type",
        "timestamp",
        "duration",
        "hasValue",
        "now",
        "uuid",
        "random",
        "charAt",
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    ]
)
# Calls that hand on a part of their first argument without reading it.
_VIEWS = frozenset(("_[_]", "_?._", "_[?_]", "value", "optional.of", "optional.ofNonZeroValue", "dyn"))
_WEIGHTS = (512, 4_096, 32_768, 262_144)
_GROWING = frozenset(("join", "replace", "split", "format")) | {name for name, (growth, adds) in GROWTH.items() if growth > 1 or adds}
_ORDINARY_READS = 8  # an expression that reads so few values, 8 MB at most, without loops, needs no closer look


@dataclass(frozen=True, slots=True)
class Size:
    """`fixed` units, and for loop variables so many times their own size."""

    fixed: float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: Size) -> Size:
        if not other.shares or not self.shares:
            return Size(self.fixed + other.fixed, self.shares or other.shares)
        names = {**self.shares, **other.shares}
        return Size(self.fixed + other.fixed, {name: self.shares.get(name, 0) + other.shares.get(name, 0) for name in names})

    def times(self, factor: float) -> Size:
        return Size(self.fixed * factor, {name: share * factor for name, share in self.shares.items()})


@dataclass(frozen=True, slots=True)
class Estimate:
    """At most so much work to evaluate, a result of at most this size, with at most so many elements."""

    work: Size
    size: Size
    count: Size


_TINY = Size(4 * PER_VALUE)
_Largest = Mapping[str, float]  # loop variables in sight, and the largest value each takes


def is_ordinary(tree: Node) -> bool:
    """Whether the expression is too simple to cost much, so that no bound need be computed."""
    return _count_reads(tree) <= _ORDINARY_READS


def _count_reads(node: Node) -> float:
    if node.kind == "loop" or (node.kind == "call" and node.name in _GROWING):
        return float("inf")
    return (node.kind == "ident") + sum(map(_count_reads, node.children))


def check_cost(tree: Node, values: Mapping[str, Any], scale: Scale) -> None:
    """Raises ExpressionError when evaluating the tree over these values may take more than MAX_WORK."""
    bound = _Bound(values, scale)
    whole = bound.visit(tree, {})
    bound.most(whole.work + whole.size + Size(bound.stepping), {})


def harmless_weight(tree: Node) -> int:
    """Values that weigh no more than this in all cannot make the tree cost too much, whatever they are: the bound, computed once for all of a weight."""
    harmless = 0
    for weight in _WEIGHTS:
        bound = _AnyOfWeight(weight)
        try:
            whole = bound.visit(tree, {})
            bound.most(whole.work + whole.size + Size(bound.stepping), {})
        except ExpressionError:
            break
        harmless = weight
    return harmless


class _Bound:
    """One estimation over given values."""

    def __init__(self, values: Mapping[str, Any], scale: Scale) -> None:
        self._values, self._scale = values, scale
        self.stepping = 0.0  # the work of all loops that is the same at every step; the steps of all loops together are limited

    def most(self, size: Size, largest: _Largest) -> float:
        """The most this can be. Raises ExpressionError above MAX_WORK."""
        most = size.fixed + sum(share * largest[name] for name, share in size.shares.items())
        if most > MAX_WORK:
            million = MAX_WORK // 1_000_000
            raise ExpressionError(
                f"over values as large as these the expression may need more than {million} million steps; let it read less"
            )
        return most

    def visit(self, node: Node, largest: _Largest) -> Estimate:
        """Bounds for one node of the tree."""
        read = chain(node, largest)
        if read is not None:
            return self._read(read)
        if node.kind == "const":
            length = len(node.value) if isinstance(node.value, str | bytes) else 0
            return Estimate(Size(PER_VALUE), Size(PER_VALUE + length), Size())
        if node.kind == "ident":
            size = Size(0.0, {node.name: 1.0}) if node.name in largest else _TINY
            return Estimate(Size(PER_VALUE), size, size.times(1 / PER_VALUE))
        if node.kind == "loop":
            return self._loop(node, largest)
        parts = [self.visit(child, largest) for child in node.children]
        work = sum((part.work for part in parts), Size(PER_VALUE))
        if node.kind == "select" or (node.kind == "call" and node.name in _VIEWS):
            return Estimate(work, parts[0].size if parts else _TINY, parts[0].count if parts else Size())
        total = sum((part.size for part in parts), Size(PER_VALUE))
        size, count = total, Size(float(len(parts)))
        if node.kind == "call":
            size, count = self._result(node, parts, total, largest)
        work = work + total + size
        self.most(work, largest)
        return Estimate(work, size, count)

    def _read(self, read: Read) -> Estimate:
        found, value = resolve(read, self._values)
        elements = len(value) if isinstance(value, list | dict) else 0
        return Estimate(Size(PER_VALUE), Size(float(self._scale.weigh(value) if found else PER_VALUE)), Size(float(elements)))

    def _heaviest_of(self, read: Read) -> float | None:
        """The weight of the heaviest element of a list that is read, None when it is no list."""
        value = resolve(read, self._values)[1]
        return float(self._scale.largest(value)) if isinstance(value, list) else None

    def _result(self, node: Node, parts: list[Estimate], total: Size, largest: _Largest) -> tuple[Size, Size]:
        """The size of what a call returns, and how many elements it has if that is a list."""
        if node.name in _SMALL or node.name.startswith("math."):
            return _TINY, Size()
        if node.name == "replace" and len(parts) > 2:
            inserted = self.most(parts[2].size, largest)
            return parts[0].size.times(1 + inserted) + Size(inserted), Size()
        if node.name == "join" and len(parts) > 1:
            return parts[0].size + parts[0].count.times(self.most(parts[1].size, largest)), Size()
        if node.name == "split":
            return total.times(PER_VALUE + 1), total
        if node.name == "string":
            return total + _TINY, Size()
        if node.name in ("format", "base64.encode", "strings.quote"):
            return total.times(4), Size()
        if node.name in GROWTH:
            growth, adds = GROWTH[node.name]
            size = total.times(growth) + Size(adds) + _TINY
            return size, size.times(1 / PER_VALUE)
        if node.name in ("_+_", "_?_:_"):
            return total, sum((part.count for part in parts), Size())
        return total, total.times(1 / PER_VALUE)

    def _loop(self, node: Node, largest: _Largest) -> Estimate:
        source, start, condition, step, result = node.children
        over, initial = self.visit(source, largest), self.visit(start, largest)
        steps = over.count if self.most(over.count, largest) < MAX_LOOP_STEPS else Size(float(MAX_LOOP_STEPS))
        builds = start.kind == "list"
        inside = {**largest, node.name: self._largest_element(source, over, largest)}
        inside[node.value] = 0.0 if builds else self.most(initial.size, largest)
        condition_part, step_part = self.visit(condition, inside), self.visit(step, inside)
        sums = _Sums(node, over.size, steps, inside, self.most(steps, largest))
        each = condition_part.work + step_part.work
        self.stepping += each.fixed * (sums.most_steps if not largest else MAX_LOOP_STEPS)
        work = over.work + initial.work + sums.of(Size(0.0, each.shares))
        if builds:
            size, count = sums.of(step_part.size), steps
        else:
            inside[node.name] = 0.0
            final = self.visit(result, inside)
            size = Size(self.most(final.size, inside))
            count = size.times(1 / PER_VALUE)
            work = work + Size(self.most(final.work, inside))
        self.most(work + size, largest)
        return Estimate(work, size, count)

    def _largest_element(self, source: Node, over: Estimate, largest: _Largest) -> float:
        read = chain(source, largest)
        heaviest = self._heaviest_of(read) if read is not None else None
        return self.most(over.size, largest) if heaviest is None else heaviest


class _AnyOfWeight(_Bound):
    """An estimation over all values of one weight."""

    def __init__(self, weight: int) -> None:
        super().__init__({}, Scale())
        self._weight = float(weight)

    def _read(self, read: Read) -> Estimate:
        return Estimate(Size(PER_VALUE), Size(self._weight), Size(self._weight / PER_VALUE))

    def _heaviest_of(self, read: Read) -> float | None:
        return self._weight


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over all steps of one loop."""

    loop: Node
    source: Size
    steps: Size
    inside: _Largest
    most_steps: float

    def of(self, each: Size) -> Size:
        """What is in proportion to the element adds up to the source; what is fixed comes once a step."""
        own = each.shares.get(self.loop.name, 0.0)
        fixed = each.fixed + each.shares.get(self.loop.value, 0.0) * self.inside[self.loop.value]
        outer = {
            name: share * self.most_steps for name, share in each.shares.items() if name not in (self.loop.name, self.loop.value)
        }
        return self.steps.times(fixed) + self.source.times(own) + Size(0.0, outer)
