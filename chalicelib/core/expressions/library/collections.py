"""Functions of lists and objects."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from chalicelib.core.expressions.library.declare import SMALL, Category, kind_of

LISTS = Category("lists")
OBJECTS = Category("objects")
MAX_RANGE = 1_000


def _numbers(values: list[Any]) -> list[int | float]:
    for value in values:
        if kind_of(value) != "a number":
            raise ValueError(f"the list holds {kind_of(value)}; only numbers can be added up")
    return values


def _within(number: int | float) -> int | float:
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        raise ValueError("the sum does not fit 64 bits")
    return number


def _sum(values: list[Any]) -> int | float:
    total: int | float = 0
    for value in _numbers(values):
        total += value
    return _within(total)


def _average(values: list[Any]) -> float:
    if not values:
        raise ValueError("the list is empty, so it has no average")
    return float(_sum(values)) / len(values)


def _compare(left: Any, right: Any) -> int:
    kinds = kind_of(left), kind_of(right)
    if kinds[0] != kinds[1] or kinds[0] not in ("a number", "a string", "a boolean"):
        raise ValueError(f"{kinds[0]} and {kinds[1]} have no order")
    return (left > right) - (left < right)


_order = functools.cmp_to_key(_compare)


def _extreme(choose: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    def of(values: list[Any]) -> Any:
        if not values:
            raise ValueError("the list is empty, so it has no smallest or largest")
        return choose(values, key=_order)

    return of


def _field(item: Any, name: str) -> Any:
    if not isinstance(item, dict):
        raise ValueError(f"the list holds {kind_of(item)}; only objects have fields")
    if name not in item:
        raise ValueError(f"an object of the list has no field '{name}'; it has: {', '.join(sorted(map(str, item))[:12])}")
    return item[name]


def _identity(value: Any) -> str:
    """Equal for values that CEL calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_identity, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{_identity(value[key])}" for key in sorted(value, key=str)) + "}"
    return json.dumps(value) if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _distinct(values: list[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for value in values:
        found.setdefault(_identity(value), value)
    return list(found.values())


def _flatten(values: list[Any]) -> list[Any]:
    return [inner for value in values for inner in (value if isinstance(value, list) else [value])]


def _slice(values: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(values):
        raise ValueError(f"the list has {len(values)} elements; a slice from {start} to {end} is not in it")
    return values[start:end]


def _chunk(values: list[Any], size: int) -> list[Any]:
    if size < 1:
        raise ValueError(f"a chunk has at least one element, not {size}")
    return [values[at : at + size] for at in range(0, len(values), size)]


def _index(values: list[Any], wanted: Any) -> int:
    identity = _identity(wanted)
    return next((at for at, value in enumerate(values) if _identity(value) == identity), -1)


def _key_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return _identity(value)
    raise ValueError(f"{kind_of(value)} cannot be the name of a group")


def _group(values: list[Any], name: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in values:
        found.setdefault(_key_text(_field(item, name)), []).append(item)
    return found


def _range(start: int, end: int) -> list[int]:
    if not 0 <= end - start <= MAX_RANGE:
        raise ValueError(f"a range has between 0 and {MAX_RANGE} elements, not {end - start}")
    return list(range(start, end))


def _take(values: list[Any], count: int) -> list[Any]:
    return values[: max(0, count)]


add = LISTS.add
add("sum", "All numbers added up; 0 for none.", {"list -> dyn": _sum}, ("[1, 2.5].sum()", 3.5), method=True, growth=SMALL)
add("avg", "Their average, a double.", {"list -> double": _average}, ("[1, 2].avg()", 1.5), method=True, growth=SMALL)
add("min", "The smallest.", {"list -> dyn": _extreme(min)}, ("[3, 1.5, 2].min()", 1.5), method=True)
add("max", "The largest.", {"list -> dyn": _extreme(max)}, ("['a', 'c', 'b'].max()", "c"), method=True)
add("sort", "In order: numbers, or strings by code point.", {"list -> list": lambda values: sorted(values, key=_order)}, ("[3, 1, 2].sort()", [1, 2, 3]), method=True)
add(
    "sortBy", "Objects in the order of one field.", {"list, string -> list": lambda values, name: sorted(values, key=lambda item: _order(_field(item, name)))},
    ("[{'n': 2}, {'n': 1}].sortBy('n')", [{"n": 1}, {"n": 2}]), method=True,
)  # fmt: skip
add("distinct", "Each value once, where it first occurs.", {"list -> list": _distinct}, ("[1, 2, 1.0].distinct()", [1, 2]), method=True)
add("reverse", "From the last to the first; strings have it too.", {"list -> list": lambda values: values[::-1]}, ("[1, 2].reverse()", [2, 1]), method=True)
add("flatten", "Lists within the list opened, one level.", {"list -> list": _flatten}, ("[[1, [2]], 3].flatten()", [1, [2], 3]), method=True)
add("slice", "The elements from a position up to, not including, another.", {"list, int, int -> list": _slice}, ("[1, 2, 3].slice(1, 3)", [2, 3]), method=True)
add("take", "The first n, or all if there are fewer.", {"list, int -> list": _take}, ("[1, 2, 3].take(2)", [1, 2]), method=True)
add("drop", "All but the first n.", {"list, int -> list": lambda values, count: values[max(0, count) :]}, ("[1, 2, 3].drop(2)", [3]), method=True)
add("chunk", "Lists of so many each; the last may be shorter.", {"list, int -> list": _chunk}, ("[1, 2, 3].chunk(2)", [[1, 2], [3]]), method=True, growth=2)
add("positionOf", "Where a value first stands, from 0; -1 if nowhere.", {"list, dyn -> int": _index}, ("['a', 'b'].positionOf('b')", 1), method=True, growth=SMALL)
add("compact", "Without nulls.", {"list -> list": lambda values: [value for value in values if value is not None]}, ("[1, null, 2].compact()", [1, 2]), method=True)
add("pluck", "One field of each object.", {"list, string -> list": lambda values, name: [_field(item, name) for item in values]}, ("[{'n': 1}, {'n': 2}].pluck('n')", [1, 2]), method=True)
add(
    "groupBy", "An object of lists, by the value of one field.", {"list, string -> map": _group},
    ("[{'k': 'a', 'n': 1}, {'k': 'b', 'n': 2}, {'k': 'a', 'n': 3}].groupBy('k')", {"a": [{"k": "a", "n": 1}, {"k": "a", "n": 3}], "b": [{"k": "b", "n": 2}]}),
    method=True, growth=2,
)  # fmt: skip
add(
    "keyBy", "An object of the objects, by the value of one field; of several the last stays.",
    {"list, string -> map": lambda values, name: {_key_text(_field(item, name)): item for item in values}},
    ("[{'id': 'x', 'n': 1}].keyBy('id')", {"x": {"id": "x", "n": 1}}), method=True, growth=2,
)  # fmt: skip
add(
    "countBy", "How many objects have each value of one field.", {"list, string -> map": lambda values, name: {key: len(group) for key, group in _group(values, name).items()}},
    ("[{'k': 'a'}, {'k': 'a'}, {'k': 'b'}].countBy('k')", {"a": 2, "b": 1}), method=True, growth=2,
)  # fmt: skip
add(
    "lists.range", "Integers from the first (0) up to, not including, the last.", {"int -> list": lambda end: _range(0, end), "int, int -> list": _range},
    ("lists.range(3)", [0, 1, 2]), ("lists.range(2, 4)", [2, 3]), growth=SMALL, adds=16 * MAX_RANGE,
)  # fmt: skip


def _sorted_keys(value: dict[Any, Any]) -> list[Any]:
    return sorted(value, key=lambda key: (kind_of(key), key))


def _get(value: dict[str, Any], path: str, otherwise: Any = None) -> Any:
    found: Any = value
    for name in path.split("."):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isascii() and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return otherwise
    return found


add = OBJECTS.add
add("keys", "The names, sorted.", {"map -> list": _sorted_keys}, ("{'b': 1, 'a': 2}.keys()", ["a", "b"]), method=True)
add("values", "The values, in the order of the names.", {"map -> list": lambda value: [value[key] for key in _sorted_keys(value)]}, ("{'b': 1, 'a': 2}.values()", [2, 1]), method=True)
add(
    "entries", "A list of {key, value}, in the order of the names.", {"map -> list": lambda value: [{"key": key, "value": value[key]} for key in _sorted_keys(value)]},
    ("{'a': 1}.entries()", [{"key": "a", "value": 1}]), method=True, growth=5,
)  # fmt: skip
add("merge", "Both; where a name is in both, the second's value.", {"map, map -> map": lambda left, right: {**left, **right}}, ("{'a': 1}.merge({'b': 2})", {"a": 1, "b": 2}), method=True)
add("pick", "Only these names.", {"map, list -> map": lambda value, names: {key: value[key] for key in names if key in value}}, ("{'a': 1, 'b': 2}.pick(['a'])", {"a": 1}), method=True)
add("omit", "All but these names.", {"map, list -> map": lambda value, names: {key: inner for key, inner in value.items() if key not in names}}, ("{'a': 1, 'b': 2}.omit(['a'])", {"b": 2}), method=True)
add(
    "get", "What stands at a path such as 'a.0.b', or else null, or the value given.", {"map, string -> dyn": _get, "map, string, dyn -> dyn": _get},
    ("{'a': [{'b': 1}]}.get('a.0.b')", 1), ("{'a': 1}.get('x.y', 'none')", "none"), method=True,
)  # fmt: skip
