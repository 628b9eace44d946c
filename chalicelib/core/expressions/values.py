"""JSON values into CEL and back, exactly. What cannot be carried is refused with words; nothing is altered silently.

The library crashes on lone surrogates, cuts strings at NUL, reads integers above int64 as unsigned and accepts NaN, so values are checked first.
"""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions.limits import MAX_CONTEXT_BYTES, MAX_DEPTH, MAX_RESULT_BYTES

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
PER_VALUE = 8


class Scale:
    """Weighs the values of one evaluation: about how many bytes of JSON each makes, remembering lists, since the estimate of the cost asks again.

    Weighing raises ExpressionError for what CEL cannot hold exactly (NUL, lone surrogates, integers beyond 64 bits, NaN, anything that is not JSON), for nesting
    beyond MAX_DEPTH, and for more than MAX_CONTEXT_BYTES. The values must outlive the scale.
    """

    def __init__(self) -> None:
        self._lists: dict[int, tuple[int, int]] = {}

    def weigh(self, value: Any, depth: int = 0) -> int:
        """The weight of a value with all it holds."""
        kind = type(value)
        if kind is str:
            return PER_VALUE + _text_weight(value)
        if kind is dict or kind is list:
            if depth >= MAX_DEPTH:
                raise ExpressionError(f"the values this expression reads nest deeper than {MAX_DEPTH} levels")
            weight = self._weigh_object(value, depth + 1) if kind is dict else self._weigh_list(value, depth + 1)[0]
            if weight > MAX_CONTEXT_BYTES:
                raise ExpressionError(
                    f"the values this expression reads are larger than {MAX_CONTEXT_BYTES // 1024} KB; read a smaller part"
                )
            return weight
        if value is not None and kind is not bool:
            _check_number(value)
        return PER_VALUE

    def largest(self, entries: list[Any]) -> int:
        """The weight of the heaviest element, 0 for an empty list."""
        return self._weigh_list(entries, 0)[1]

    def _weigh_object(self, value: dict[str, Any], depth: int) -> int:
        weight = PER_VALUE
        for key, entry in value.items():
            if type(key) is not str:
                raise ExpressionError(f"an object's key must be a string, not {type(key).__name__}")
            weight += PER_VALUE + _text_weight(key) + self.weigh(entry, depth)
        return weight

    def _weigh_list(self, value: list[Any], depth: int) -> tuple[int, int]:
        known = self._lists.get(id(value))
        if known is None:
            weight, largest = PER_VALUE, 0
            for entry in value:
                own = self.weigh(entry, depth)
                weight += own
                if own > largest:
                    largest = own
                if weight > MAX_CONTEXT_BYTES:
                    break
            known = self._lists[id(value)] = (weight, largest)
        return known


def _check_number(value: Any) -> None:
    kind = type(value)
    if kind is int:
        if not _INT_MIN <= value <= _INT_MAX:
            raise ExpressionError(f"the integer {str(value)[:40]} does not fit 64 bits")
    elif kind is not float:
        raise ExpressionError(f"a value of type {kind.__name__} is not JSON")
    elif not math.isfinite(value):
        raise ExpressionError(f"{value} is not a JSON number")


def _text_weight(text: str) -> int:
    if "\x00" in text:
        raise ExpressionError(
            "a string this expression reads holds a NUL character, which expressions cannot compute with; pass it on as a whole instead"
        )
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise ExpressionError(
            "a string this expression reads holds half a surrogate pair, which expressions cannot compute with; pass it on as a whole instead"
        ) from None


def to_json(plain: Any) -> Any:
    """The JSON value of what CEL computed.

    Timestamps become RFC 3339 text in UTC, durations text such as "3.5s" (both to the microsecond), bytes base64. Keys of objects come out sorted, because CEL's
    own order differs from process to process. Raises ExpressionError for NaN and infinities, keys that are not strings, types and optionals,
    and more than MAX_RESULT_BYTES.
    """
    budget = [MAX_RESULT_BYTES]
    return _json(plain, budget)


def _json(plain: Any, budget: list[int]) -> Any:
    kind = type(plain)
    _spend(budget, PER_VALUE)
    if plain is None or kind is bool:
        return plain
    if kind is int:
        if plain > _INT_MAX:
            raise ExpressionError(f"the unsigned result {plain} does not fit a 64-bit integer; use string()")
        return plain
    if kind is float:
        if not math.isfinite(plain):
            raise ExpressionError(f"the result is {_float_name(plain)}, which is not a JSON number")
        return plain
    if kind is str:
        _spend(budget, len(plain))
        return plain
    if kind is list:
        return [_json(entry, budget) for entry in plain]
    if kind is dict:
        return {_key(key, budget): _json(plain[key], budget) for key in sorted(plain, key=str)}
    return _special(plain, budget)


def _special(plain: Any, budget: list[int]) -> str:
    if isinstance(plain, datetime):
        return timestamp_text(plain)
    if isinstance(plain, timedelta):
        return duration_text(plain)
    if isinstance(plain, bytes | bytearray):
        _spend(budget, len(plain) * 4 // 3)
        return base64.b64encode(plain).decode("ascii")
    raise ExpressionError(f"the result is a CEL {type(plain).__name__.lower()}, which is not a JSON value")


def _key(key: Any, budget: list[int]) -> str:
    if type(key) is not str:
        raise ExpressionError(f"an object's key must be a string, but {key!r} is {_kind_name(key)}; write '{key}' or string(...)")
    _spend(budget, len(key) + PER_VALUE)
    return key


def _spend(budget: list[int], amount: int) -> None:
    budget[0] -= amount
    if budget[0] < 0:
        raise ExpressionError(f"the result is larger than {MAX_RESULT_BYTES // 1024 // 1024} MB")


def _float_name(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "infinity" if number > 0 else "-infinity"


def _kind_name(value: Any) -> str:
    return {bool: "a boolean", int: "an integer"}.get(type(value), type(value).__name__)


def timestamp_text(at: datetime) -> str:
    """`2026-11-22T14:32:05.500Z`: RFC 3339 in UTC; no, three or six digits of a second as needed, as CEL's own string() writes it."""
    at = at.astimezone(UTC)
    fraction = f".{at.microsecond:06d}".removesuffix("000") if at.microsecond else ""
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{at.hour:02d}:{at.minute:02d}:{at.second:02d}{fraction}Z"


def duration_text(span: timedelta) -> str:
    """`3.5s`: seconds, with a fraction only where there is one; exact to the microsecond."""
    micros = span // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    whole, fraction = divmod(micros, 1_000_000)
    return f"{sign}{whole}" + (f".{fraction:06d}".rstrip("0") if fraction else "") + "s"


def describe(value: Any) -> str:
    """What kind of JSON value this is, in words, for error messages; never the value itself."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
