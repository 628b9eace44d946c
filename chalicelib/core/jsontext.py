"""JSON in and out, exactly: what cannot be kept is refused with words, nothing is altered silently.

Output is pure ASCII, so NUL and lone surrogates stay escapes (`\\u0000`, `\\ud800`) and any TEXT column can hold them.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from chalicelib.core.errors import InvalidJson, ValidationFailed

MAX_DEPTH = 200
INT64 = range(-(2**63), 2**63)
_LONG_NUMBER = re.compile(r"\d{18}|[eE]")
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
# JSONEncoder.encode builds this for each call, which takes longer than encoding a small object. No look-out for circles: what is deeper than the stack is refused.
_encode: Any = _make_encoder and _make_encoder(
    None, _ENCODER.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
)


def dumps(value: Any) -> str:
    """Compact ASCII JSON. Raises ValueError for NaN and infinities, TypeError for what JSON does not have."""
    return "".join(_encode(value, 0)) if _encode else _ENCODER.encode(value)


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON; send a number, a string or null instead")


def _exact_int(text: str) -> int:
    number = int(text) if len(text) < 25 else 2**64
    if number not in INT64:
        raise ValidationFailed(
            [
                {
                    "path": "",
                    "code": "number_out_of_range",
                    "message": f"the integer {text[:40]} does not fit 64 bits; send it as a string",
                }
            ]
        )
    return number


def _finite_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValidationFailed(
            [{"path": "", "code": "number_out_of_range", "message": f"the number {text[:40]} is too large; send it as a string"}]
        )
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_EXACT_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_exact_int, parse_float=_finite_float)


def depth_of(text: str) -> int:
    """How deep arrays and objects nest in this JSON text (strings are skipped)."""
    depth = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', text, re.DOTALL):
        char = token.group()
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def loads(text: str | bytes) -> Any:
    """Parse a request's or a message's JSON.

    Raises InvalidJson (400) for text that is not JSON or not UTF-8, and ValidationFailed (422) for nesting deeper than MAX_DEPTH and for numbers
    that no 64-bit integer or double can hold.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidJson(f"the body is not UTF-8 text (byte {error.start})") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and depth_of(text) > MAX_DEPTH:
        raise ValidationFailed(
            [{"path": "", "code": "too_deep", "message": f"arrays and objects nest deeper than {MAX_DEPTH} levels"}]
        )
    try:
        if text.startswith("\ufeff"):
            return json.loads(text)  # says that a byte order mark does not belong there
        return (_EXACT_DECODER if _LONG_NUMBER.search(text) else _DECODER).decode(text)
    except ValueError as error:
        at = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise InvalidJson(f"{reason}{at}") from None


def is_clean(text: str) -> bool:
    """Whether a string can stand in a TEXT column and in UTF-8: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
