"""Why an evaluation failed, in words that name the field, the operator and what was there instead. Field names are shown, values never."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import library
from chalicelib.core.expressions.environment import operation, suggestion
from chalicelib.core.expressions.program import Program
from chalicelib.core.expressions.reads import Read, member, path_text, resolve
from chalicelib.core.expressions.values import describe

_SHOWN_NAMES = 12
_SHOWN_SOURCE = 200
_MISSING_KEY = re.compile(r'Key not found in map : "?(.*?)"?$', re.DOTALL)
_NO_OVERLOAD = re.compile(r"No matching overloads found : ([^\s(]+)(?:\((.*)\))?")
_METHOD = re.compile(r"No matching overloads found : \((\w+)\)\.(\w+)\(")
_INDEX = re.compile(r"index=(-?\d+) size=(\d+)")
_KIND_NAMES = {
    "int64": "int",
    "uint64": "uint",
    "null_type": "null",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
}
_STRUCTURAL = ("Key not found", "Applying SELECT", "Invalid container type", "No value with name", "Index error")


def evaluation_error(program: Program, values: Mapping[str, Any], report: str) -> ExpressionError:
    """The error for a value of type ERROR (or an exception) whose text is `report`."""
    reason = None
    if any(mark in report for mark in _STRUCTURAL) or "No matching overloads" in report:
        reason = _missing(program, values, report)
    return expression_error(program, reason or _plain(report))


def expression_error(program: Program, reason: str) -> ExpressionError:
    """`reason`, followed by the expression it happened in."""
    source = " ".join(program.source.split())
    if len(source) > _SHOWN_SOURCE:
        source = source[:_SHOWN_SOURCE] + "…"
    return ExpressionError(f"{reason} [in: {source}]", expression=program.source)


def missing_step(read: Read, values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first required step of the path that is not there: its name, and the sentence that says so. None when all are there."""
    if read.root not in values:
        known = ", ".join(sorted(values))
        return read.root, f"'{read.root}' does not exist here; there are: {known}"
    value = values[read.root]
    for count, step in enumerate(read.steps[: read.required]):
        found, inner = member(value, step)
        if not found:
            return str(step), _no_step(read, count, value)
        value = inner
    return None


def _no_step(read: Read, count: int, value: Any) -> str:
    step, holder = read.steps[count], path_text(read.root, read.steps[:count])
    if type(value) is list:
        return f"{holder} has {len(value)} elements, there is no {step!r}"
    if type(value) is not dict:
        return f"no field '{step}' in {holder}, which is {describe(value)}"
    if read.root == "nodes" and count == 0:
        return f"no node '{step}'; there are: {_listed(value)}.{suggestion(str(step), value)}"
    if read.root == "nodes" and count == 1 and not value:
        return f"node '{read.steps[0]}' has no '{step}': it has not run"
    if not value:
        return f"no field '{step}' in {holder}, which is empty"
    return f"no field '{step}' in {holder}; it has: {_listed(value)}.{suggestion(str(step), value)}"


def _listed(names: Mapping[str, Any]) -> str:
    shown = [name if len(name) <= 60 else name[:60] + "…" for name in sorted(names)[:_SHOWN_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _missing(program: Program, values: Mapping[str, Any], report: str) -> str | None:
    """The first read that cannot be satisfied; one that misses the very key the report names goes first."""
    failures = [failure for read in program.reads if (failure := missing_step(read, values))]
    key = _MISSING_KEY.search(report)
    if key:
        exact = [sentence for name, sentence in failures if name == key[1]]
        return exact[0] if exact else _missing_in_elements(program, values, key[1])
    if "No matching overloads" in report:
        return None
    return failures[0][1] if failures else None


def _missing_in_elements(program: Program, values: Mapping[str, Any], name: str) -> str | None:
    """For loops: the first list that is read whose elements are objects, one of which lacks the field."""
    for read in program.reads:
        value = resolve(read, values)[1]
        for element in value if isinstance(value, list) else ():
            if isinstance(element, dict) and name not in element:
                where = f"an element of {read.text}"
                return f"no field '{name}' in {where}; it has: {_listed(element)}.{suggestion(name, element)}"
    return None


def _plain(report: str) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", report.strip())
    if key := _MISSING_KEY.search(text):
        return f"no field '{key[1][:100]}'"
    if "jump_condition" in text:
        return "the condition of ?: is not true or false"
    if called := _METHOD.search(text):
        takes = library.signatures(called[2])
        also = f"; it takes: {'; '.join(takes)}" if takes else ""
        return f"{called[2]} cannot be called on {_KIND_NAMES.get(called[1], called[1])}{also}"
    if overload := _NO_OVERLOAD.search(text):
        if overload[2] is None:
            return f"{operation(overload[1])} needs true or false"
        kinds = ", ".join(_KIND_NAMES.get(kind.strip(), kind.strip()) for kind in overload[2].split(","))
        return f"{operation(overload[1])} cannot be applied to ({kinds})"
    if index := _INDEX.search(text):
        return f"the list has {index[2]} elements, there is no index {index[1]}"
    if "Iteration budget" in text:
        return "the loops of this expression take more than 10000 steps together"
    if "non-message type" in text:
        return "a field is read from something that is not an object"
    return re.sub(r" \[[A-Z_]+\]$", "", text)[:500]
