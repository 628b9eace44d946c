"""How a function of the expression language is declared: once, for the evaluator, the estimate of cost, suggestions, the registry and the documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from cel_expr_python import cel

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions.values import Scale

_TYPES = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "bytes": cel.Type.BYTES,
    "timestamp": cel.Type.TIMESTAMP,
    "duration": cel.Type.DURATION,
    "list": cel.Type.LIST,
    "map": cel.Type.MAP,
    "dyn": cel.Type.DYN,
}
# Words for several types at once; the implementation tells them apart.
_SEVERAL = {
    "number": ("int", "double"),
    "time": ("timestamp", "string"),
    "text": ("string", "bytes"),
}
SMALL = 0.0


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `signatures` are `parameters -> result` in words; a method's first parameter is what it is called on. `growth` bounds the size of the result by
    that of the arguments (SMALL: a number or another small thing), `adds` bytes on top. `examples` are expressions and their values. `overloads` has the
    implementation of each signature; empty for what the language has anyway."""

    name: str
    category: str
    summary: str
    signatures: tuple[str, ...]
    examples: tuple[tuple[str, Any], ...]
    method: bool = False
    growth: float = 1.0
    adds: int = 0
    overloads: Mapping[str, Callable[..., Any]] | None = None

    def describe(self) -> dict[str, Any]:
        """As the registry shows it."""
        return {
            "name": self.name,
            "category": self.category,
            "summary": self.summary,
            "method": self.method,
            "signatures": list(self.signatures),
            "examples": [{"expression": expression, "value": value} for expression, value in self.examples],
        }

    def declarations(self) -> list[Any]:
        """What the CEL library is told."""
        found = []
        for signature, implementation in (self.overloads or {}).items():
            parameters, result = parse_signature(signature)
            for kinds in product(*(_SEVERAL.get(kind, (kind,)) for kind in parameters)):
                own_id = "_".join(["millrace", self.name.replace(".", "_"), *(["on"] if self.method else []), *kinds])
                types = [_TYPES[kind] for kind in kinds]
                found.append(
                    cel.Overload(own_id, _TYPES[result], types, is_member=self.method, impl=_guarded(implementation, result))
                )
        return found


def parse_signature(signature: str) -> tuple[tuple[str, ...], str]:
    """`string, int -> string` as (("string", "int"), "string")."""
    given, _, result = signature.partition("->")
    return tuple(word.strip() for word in given.split(",") if word.strip()), result.strip()


class Category:
    """Collects the functions of one category."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.functions: list[Function] = []

    def add(
        self,
        name: str,
        summary: str,
        overloads: Mapping[str, Callable[..., Any]],
        *examples: tuple[str, Any],
        method: bool = False,
        growth: float = 1.0,
        adds: int = 0,
    ) -> None:
        """Declare a function with its implementations."""
        self.functions.append(Function(name, self.name, summary, tuple(overloads), examples, method, growth, adds, dict(overloads)))

    def note(self, name: str, summary: str, signatures: tuple[str, ...] | str, *examples: tuple[str, Any], method: bool = False) -> None:
        """Describe a function that the language has anyway."""
        signatures = (signatures,) if isinstance(signatures, str) else signatures
        self.functions.append(Function(name, self.name, summary, signatures, examples, method))


def _guarded(implementation: Callable[..., Any], result: str) -> Callable[..., Any]:
    """The implementation with its result checked: the library cuts strings at NUL and crashes on lone surrogates."""
    if result in ("int", "double", "bool", "timestamp", "duration", "bytes"):
        return implementation

    def call(*given: Any) -> Any:
        value = implementation(*given)
        if not isinstance(value, bool | int | float | bytes | bytearray):
            try:
                Scale().weigh(value)
            except ExpressionError as error:
                raise ValueError(error.detail) from None
        return value

    return call


def kind_of(value: Any) -> str:
    """What kind of CEL value this is, numbers as one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    names: dict[type, str] = {str: "a string", list: "a list", dict: "an object", bytes: "bytes", bytearray: "bytes"}
    return names.get(type(value), type(value).__name__)
