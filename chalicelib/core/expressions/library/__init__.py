"""The functions of expressions beyond the bare language, one module a subject, and the description of all of them.

A function is declared once: its implementation, its signatures, what it may cost, a sentence, and examples that are part of the corpus which the server and the
web app's preview must agree on.
"""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel

from chalicelib.core.expressions.library.collections import LISTS, OBJECTS
from chalicelib.core.expressions.library.dates import DATES
from chalicelib.core.expressions.library.declare import SMALL, Function, parse_signature
from chalicelib.core.expressions.library.encodings import ENCODINGS, HASHES, UUIDS
from chalicelib.core.expressions.library.numbers import FORMATS, NUMBERS
from chalicelib.core.expressions.library.standard import CONVERSIONS, OPTIONALS
from chalicelib.core.expressions.library.text import STRINGS

CATEGORIES = (STRINGS, LISTS, OBJECTS, DATES, NUMBERS, FORMATS, ENCODINGS, HASHES, UUIDS, CONVERSIONS, OPTIONALS)
FUNCTIONS: tuple[Function, ...] = tuple(
    sorted((each for category in CATEGORIES for each in category.functions), key=lambda each: (each.category, each.name))
)
# By name: the largest growth and the most bytes any function of that name adds; only of those that are implemented here.
GROWTH: dict[str, tuple[float, int]] = {}
for _each in FUNCTIONS:
    if _each.overloads:
        _before = GROWTH.get(_each.name, (SMALL, 0))
        GROWTH[_each.name] = (max(_before[0], _each.growth), max(_before[1], _each.adds))


def describe() -> list[dict[str, Any]]:
    """Every function, as the registry shows it."""
    return [each.describe() for each in FUNCTIONS]


def names() -> list[str]:
    """Every name, for suggestions."""
    return sorted({each.name for each in FUNCTIONS})


def signatures(name: str) -> list[str]:
    """What a function takes, in words: `list.take(int)`; empty when there is none of that name."""
    return [_written(each, signature) for each in FUNCTIONS if each.name == name for signature in each.signatures]


def _written(function: Function, signature: str) -> str:
    parameters, _ = parse_signature(signature)
    receiver = f"{parameters[0]}." if function.method and parameters else ""
    return f"{receiver}{function.name}({', '.join(parameters[1:] if receiver else parameters)})"


def declarations() -> list[Any]:
    """What the CEL library is told: the overloads of each name together."""
    overloads: dict[str, list[Any]] = {}
    for each in FUNCTIONS:
        overloads.setdefault(each.name, []).extend(each.declarations())
    return [cel.FunctionDecl(name, found) for name, found in overloads.items() if found]
