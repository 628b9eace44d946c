"""The CEL we offer: the standard language, its strings, math, encoders and optional extensions, our library, `now()`, `uuid()` and `random()`, and arithmetic and
comparison that mix ints with doubles (plain CEL refuses `60.5 * 100`).

Compiling turns the library's reports into an ExpressionError in plain words, with the position and the nearest known name.
"""

from __future__ import annotations

import difflib
import functools
import math
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_encoders, ext_math, ext_optional, ext_strings

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import library
from chalicelib.core.expressions.limits import MAX_LOOP_LIST, MAX_SOURCE_CHARS
from chalicelib.core.expressions.syntax import RANGE_GUARD

# `response` is what the templates of a workspace's own actions see; a workflow's expressions do not, so errors do not offer it.
_WORKFLOW_VARIABLES = ("input", "trigger", "nodes", "execution", "item", "index", "event")
VARIABLES = (*_WORKFLOW_VARIABLES, "response")
SCOPE_FUNCTIONS = ("now", "uuid", "random")

_REPORT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'$")


def _divide(left: float, right: float) -> float:
    """Division of doubles as IEEE 754 has it; Python's own raises for zero."""
    left, right = float(left), float(right)
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _on_floats(calculate: Callable[[float, float], float]) -> Callable[[Any, Any], float]:
    return lambda left, right: calculate(float(left), float(right))


_ARITHMETIC: dict[str, Callable[[Any, Any], float]] = {
    "_+_": _on_floats(operator.add),
    "_-_": _on_floats(operator.sub),
    "_*_": _on_floats(operator.mul),
    "_/_": _divide,
}
# The library compares ints with doubles well enough, but its type checker refuses literals such as `1 < 1.5` and `[1] == [1.0]`.
_PROMOTED_BY_EVALUATION = ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_?_:_")


def _mixed(symbol: str, calculate: Callable[[Any, Any], float]) -> Any:
    """One operator for int with double and double with int; equal types keep the library's own overloads."""
    kinds = ((cel.Type.INT, cel.Type.DOUBLE, "int_double"), (cel.Type.DOUBLE, cel.Type.INT, "double_int"))
    overloads = [
        cel.Overload(f"mixed_{symbol}_{name}", cel.Type.DOUBLE, [left, right], impl=calculate) for left, right, name in kinds
    ]
    return cel.FunctionDecl(symbol, overloads)


def _guard_range(value: Any) -> Any:
    """What a loop walks over: a list of bearable length, or a map's keys in sorted order (the library's order differs between processes)."""
    if isinstance(value, dict):
        value = sorted(value, key=lambda key: (str(type(key)), key))
    elif not isinstance(value, list):
        raise ValueError(f"a loop needs a list or a map, not {type(value).__name__}")
    if len(value) > MAX_LOOP_LIST:
        raise ValueError(f"a loop that builds a list takes at most {MAX_LOOP_LIST} elements, this one has {len(value)}")
    if _holds_nul(value):
        raise ValueError("a loop over computed strings cannot carry NUL characters")  # the library would cut them there
    return value


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(entry) for key, entry in value.items())
    return isinstance(value, list) and any(_holds_nul(entry) for entry in value)


def _functions() -> list[Any]:
    declared = [_mixed(symbol, calculate) for symbol, calculate in _ARITHMETIC.items()] + library.declarations()
    guard = cel.Overload("guard_range", cel.Type.DYN, [cel.Type.DYN], impl=_guard_range)
    declared.append(cel.FunctionDecl(RANGE_GUARD, [guard]))
    for name, result in (("now", cel.Type.TIMESTAMP), ("uuid", cel.Type.STRING), ("random", cel.Type.DOUBLE)):
        declared.append(cel.FunctionDecl(name, [cel.Overload(f"scope_{name}", result, [])]))
    return declared


@functools.cache
def environment() -> Any:
    """The one CEL environment of this process; it is immutable and shared by all threads."""
    extensions = [ext_strings.ExtStrings(), ext_math.ExtMath(), ext_encoders.ExtEncoders(), ext_optional.ExtOptional()]
    return cel.NewEnv(
        variables=dict.fromkeys(VARIABLES, cel.Type.DYN), extensions=[*extensions, cel.CelExtension("millrace", _functions())]
    )


def compile_source(source: str) -> Any:
    """The library's compiled expression. Raises ExpressionError that says where and why, and what may have been meant."""
    _refuse_unreadable(source)
    try:
        return environment().compile(source)
    except RuntimeError as error:
        reports = _REPORT.findall(str(error))
        if reports and all(_mixes_numbers(message) for _, _, message in reports):
            return environment().compile(source, disable_check=True)
        raise _compile_error(source, str(error), reports) from None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when nothing is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'total'?`, or nothing."""
    close = nearest(name, known)
    return f" Did you mean '{close}'?" if close else ""


def _refuse_unreadable(source: str) -> None:
    if not source.strip():
        raise ExpressionError("the expression is empty")
    if len(source) > MAX_SOURCE_CHARS:
        raise ExpressionError(f"the expression has {len(source)} characters; at most {MAX_SOURCE_CHARS} are allowed")
    if "\x00" in source:
        raise ExpressionError(
            f"the expression holds a NUL character at position {source.index(chr(0))}; write \\u0000 inside a string instead"
        )
    try:
        source.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ExpressionError(f"the expression holds half a surrogate pair at position {error.start}") from None


def _mixes_numbers(message: str) -> bool:
    found = _NO_OVERLOAD.search(message)
    if not found or found[1] not in _PROMOTED_BY_EVALUATION:
        return False
    kinds = set(re.findall(r"\w+", found[2]))
    return {"int", "double"} <= kinds


def _compile_error(source: str, text: str, reports: list[tuple[str, str, str]]) -> ExpressionError:
    if "recursion" in text:
        return ExpressionError(
            "the expression nests too deeply: at most 32 levels, counting each operator of a chain such as a + b + c"
        )
    if not reports:
        return ExpressionError(f"the expression does not compile: {_short(text)}")
    line, column, message = reports[0]
    undeclared = _UNDECLARED.search(message)
    if undeclared and (name := undeclared[1].split(".")[0]) in source and "\n" not in source:
        column = str(source.index(name) + 1)  # the library points behind the name
    at = f" at line {line}, column {column}" if "\n" in source.strip() else f" at column {column}"
    if int(line) < 1:
        at = ""
    return ExpressionError(f"{_explain(source, message)}{at}", expression=source)


def _explain(source: str, message: str) -> str:
    undeclared = _UNDECLARED.search(message)
    if undeclared:
        name = undeclared[1].split(".")[0] if "(" not in source else undeclared[1]
        if re.search(rf"(?<![\w.]){re.escape(name)}\s*\(|\.{re.escape(name)}\s*\(", source):
            return _unknown_function(name)
        qualified = re.search(rf"(?<![\w.]){re.escape(name)}\.(\w+)\s*\(", source)
        if qualified and any(each.startswith(f"{name}.") for each in library.names()):
            return _unknown_function(f"{name}.{qualified[1]}")
        known = ", ".join(_WORKFLOW_VARIABLES)
        return f"unknown name '{name}'; known are {known}.{suggestion(name, _WORKFLOW_VARIABLES)}"
    overload = _NO_OVERLOAD.search(message)
    if overload:
        takes = library.signatures(overload[1])
        also = f"; it takes: {'; '.join(takes)}" if takes else ""
        return f"{operation(overload[1])} cannot be applied to ({overload[2].strip('()')}){also}"
    return _misplaced(message)


def _misplaced(message: str) -> str:
    """The grammar's complaint, without what else it could have taken."""
    if "<EOF>" in message:
        return "the expression ends too early; something is missing behind its end"
    if found := re.search(r"(?:mismatched|extraneous) input '(.*?)' expecting", message):
        return f"{found[1]!r} is not expected here"
    if found := re.search(r"token recognition error at: '(.*)'", message):
        return f"{found[1]!r} does not belong into an expression"
    return re.sub(r" expecting \{.*", "", message)


def _unknown_function(name: str) -> str:
    takes = library.signatures(name)
    if takes:
        return f"{name} cannot be called like this; it takes: {'; '.join(takes)}"
    return f"unknown function '{name}'.{suggestion(name, library.names())}"


def operation(name: str) -> str:
    """An operator as people write it: `_+_` is `+`."""
    return {"_?_:_": "?:", "@in": "in", "_[_]": "[]"}.get(name, name.strip("_"))


def _short(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else "no reason given"
    return first[:300]
