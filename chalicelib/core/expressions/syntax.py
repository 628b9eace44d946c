"""The syntax tree of a compiled CEL expression, read from its serialised form (`cel.expr.CheckedExpr`).

The CEL library shows no tree to Python, but serialises one. We read just enough of protobuf's wire format to learn which values an expression
reads, and to wrap the lists its loops walk over in a guard (`wrap_ranges`). The parser refuses nesting beyond 32, so recursion here is shallow.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

RANGE_GUARD = "@range"  # no identifier of CEL can be called this, so only `wrap_ranges` can call it

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_ANY_TYPE, _ANY_VALUE = 1, 2
_EXPR_ID, _CALL, _COMPREHENSION, _ITER_RANGE = 2, 6, 9, 2
_GUARD_ID = 1 << 40


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the tree.

    `kind` decides the rest: const (`value`), ident (`name`), select (`name`, `value` is true for has()), call (`name`, `value` is true when the
    first child is the receiver), list and struct (`value` holds the positions of optional entries; a struct has a `name`, and its children are key, value, key,
    value...), loop (`name` is the variable, `value` the
    accumulator's name; children are range, start, condition, step, result).
    """

    id: int
    kind: str
    name: str = ""
    value: Any = None
    children: tuple[Node, ...] = ()


def parse(serialized: bytes) -> Node:
    """The tree of `Expression.serialize()`."""
    return _node(_last(_fields(_last(_fields(serialized), _ANY_VALUE)), _root_field(serialized)))


def wrap_ranges(serialized: bytes, loops: Collection[int]) -> bytes:
    """The same expression with the range of each loop whose node id is in `loops` passed through the RANGE_GUARD function."""
    root = _root_field(serialized)
    return _replace(serialized, _ANY_VALUE, lambda program: _replace(program, root, lambda expr: _wrap(expr, loops)))


def _root_field(serialized: bytes) -> int:
    """Expressions that skipped the type check serialise as ParsedExpr, which keeps its tree in another field than CheckedExpr."""
    return 2 if _last(_fields(serialized), _ANY_TYPE).endswith(b".ParsedExpr") else 4


def _wrap(expr: bytes, loops: Collection[int]) -> bytes:
    """Rebuild one Expr message; every nested Expr sits below a field of messages that hold nothing else we must tell apart."""
    fields = _fields(expr)
    wrapped = _last(fields, _EXPR_ID, 0) in loops
    rebuilt = []
    for number, wire, value in fields:
        if number in _EXPR_PARTS:
            value = _wrap_parts(value, number, loops)
            if number == _COMPREHENSION and wrapped:
                value = _replace(value, _ITER_RANGE, _guarded)
        rebuilt.append((number, wire, value))
    return _encode(rebuilt)


# Which fields of which kind of expression (select 5, call 6, list 7, struct 8, comprehension 9) hold expressions.
_EXPR_PARTS = {5: (1,), 6: (1, 3), 7: (1,), 8: (2,), 9: (2, 4, 5, 6, 7)}
_STRUCT, _ENTRY_PARTS = 8, (3, 4)


def _wrap_parts(message: bytes, kind: int, loops: Collection[int]) -> bytes:
    def inner(value: bytes) -> bytes:
        if kind == _STRUCT:
            return _encode([(n, w, _wrap(v, loops) if n in _ENTRY_PARTS else v) for n, w, v in _fields(value)])
        return _wrap(value, loops)

    return _encode([(n, w, inner(v) if n in _EXPR_PARTS[kind] else v) for n, w, v in _fields(message)])


def _guarded(expr: bytes) -> bytes:
    own_id = _last(_fields(expr), _EXPR_ID, 0) + _GUARD_ID
    call = _encode([(2, _BYTES, RANGE_GUARD.encode()), (3, _BYTES, expr)])
    return _encode([(_EXPR_ID, _VARINT, own_id), (_CALL, _BYTES, call)])


# --- protobuf's wire format -------------------------------------------------------------------------------------------------------------------

Field = tuple[int, int, Any]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _fields(data: bytes) -> list[Field]:
    at, fields = 0, []
    value: Any
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
            if wire == _BYTES:
                size, at = _varint(data, at)
            if size < 0:
                raise ValueError(f"protobuf wire type {wire}")
            value, at = data[at : at + size], at + size
        fields.append((key >> 3, wire, value))
    return fields


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _encode(fields: list[Field]) -> bytes:
    encoded = bytearray()
    for number, wire, value in fields:
        encoded += _encode_varint(number << 3 | wire)
        if wire == _VARINT:
            encoded += _encode_varint(value)
            continue
        if wire == _BYTES:
            encoded += _encode_varint(len(value))
        encoded += value
    return bytes(encoded)


def _replace(message: bytes, field: int, change: Callable[[bytes], bytes]) -> bytes:
    return _encode([(n, w, change(v) if n == field else v) for n, w, v in _fields(message)])


def _last(fields: list[Field], number: int, default: Any = b"") -> Any:
    found = default
    for field, _, value in fields:
        if field == number:
            found = value
    return found


def _all(fields: list[Field], number: int) -> list[Any]:
    return [value for field, _, value in fields if field == number]


def _text(fields: list[Field], number: int) -> str:
    return bytes(_last(fields, number)).decode("utf-8", "replace")


# --- from messages to nodes -------------------------------------------------------------------------------------------------------------------


def _node(expr: bytes) -> Node:
    fields = _fields(expr)
    own_id = _last(fields, _EXPR_ID, 0)
    for number, _, value in fields:
        if number in _READERS:
            return _READERS[number](own_id, _fields(value))
    return Node(own_id, "const")


def _const(own_id: int, fields: list[Field]) -> Node:
    if not fields:
        return Node(own_id, "const")
    number, _, raw = fields[-1]
    value: Any = None
    if number == 2:
        value = bool(raw)
    elif number == 3:
        value = raw - (1 << 64) if raw >= 1 << 63 else raw
    elif number == 4:
        value = raw
    elif number == 5:
        value = struct.unpack("<d", raw)[0]
    elif number == 6:
        value = raw.decode("utf-8", "replace")
    elif number == 7:
        value = bytes(raw)
    return Node(own_id, "const", value=value)


def _select(own_id: int, fields: list[Field]) -> Node:
    return Node(own_id, "select", _text(fields, 2), bool(_last(fields, 3, 0)), (_node(_last(fields, 1)),))


def _call(own_id: int, fields: list[Field]) -> Node:
    target = _all(fields, 1)
    return Node(own_id, "call", _text(fields, 2), bool(target), tuple(_node(raw) for raw in target + _all(fields, 3)))


def _struct(own_id: int, fields: list[Field]) -> Node:
    entries = [_fields(raw) for raw in _all(fields, 2)]
    children = [_node(_last(entry, number)) for entry in entries for number in (3, 4)]
    optional = frozenset(at for at, entry in enumerate(entries) if _last(entry, 5, 0))
    return Node(own_id, "struct", _text(fields, 1), optional, tuple(children))


def _list(own_id: int, fields: list[Field]) -> Node:
    return Node(own_id, "list", value=frozenset(_packed(fields, 2)), children=tuple(_node(raw) for raw in _all(fields, 1)))


def _packed(fields: list[Field], number: int) -> list[int]:
    """Repeated small integers, packed into bytes or one by one."""
    found = []
    for raw in _all(fields, number):
        at = 0
        while isinstance(raw, bytes) and at < len(raw):
            value, at = _varint(raw, at)
            found.append(value)
        if isinstance(raw, int):
            found.append(raw)
    return found


def _loop(own_id: int, fields: list[Field]) -> Node:
    children = tuple(_node(_last(fields, number)) for number in (2, 4, 5, 6, 7))
    return Node(own_id, "loop", _text(fields, 1), _text(fields, 3), children)


_READERS: dict[int, Callable[[int, list[Field]], Node]] = {
    3: _const,
    4: lambda own_id, fields: Node(own_id, "ident", _text(fields, 1)),
    5: _select,
    6: _call,
    7: _list,
    8: _struct,
    9: _loop,
}
