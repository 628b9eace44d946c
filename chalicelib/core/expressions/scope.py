"""The values and functions that expressions of one node see, and the evaluation itself."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cel_expr_python import cel

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import reads as reading
from chalicelib.core.expressions.diagnosis import evaluation_error, expression_error, missing_step
from chalicelib.core.expressions.environment import environment
from chalicelib.core.expressions.limits import MAX_REUSES, REUSE_BYTES
from chalicelib.core.expressions.program import Program, compile_expression
from chalicelib.core.expressions.values import Scale, to_json

_EXACT = (bool, int, float, type(None), list, dict)


@dataclass(slots=True)
class _Kept:
    """Converted values, and how often they may serve yet: every use leaves its temporaries in their memory."""

    activation: Any
    weight: int
    uses: int = MAX_REUSES


class Scope:
    """What expressions see: `values` ({"input": …, "trigger": …, "nodes": {id: {"output": …, "error": …}}, "execution": …, and in loops "item", "index", "event"}), `now` (timezone-aware) and
    a `seed` from which uuid() and random() derive, so that the same evaluations in the same order give the same values.

    A Scope belongs to one node run and one thread at a time; drop it when the node is done, for it keeps what it converted. Values are read, never
    changed, and may come back from `evaluate` as they are: treat results as read-only.
    """

    def __init__(self, values: Mapping[str, Any], *, now: datetime, seed: str) -> None:
        if now.tzinfo is None:
            raise ValueError("now needs a time zone")
        self._values = values
        self._now = now
        self._seed = seed
        self._calls = itertools.count()
        self._kept: dict[Hashable, _Kept] = {}

    def evaluate(self, program: Program | str) -> Any:
        """The JSON value of an expression.

        Timestamps come back as RFC 3339 text, durations as text such as "3.5s", bytes as base64. Raises ExpressionError for everything that is not
        a value: a missing field, a wrong type, division by zero, overflow, NaN, a limit passed. An error is never returned.
        """
        if isinstance(program, str):
            program = compile_expression(program)
        if program.direct is not None:
            return self._read(program)
        return self._convert(program, self._run(program))

    def _read(self, program: Program) -> Any:
        """An expression that only names a value gets that very value, whatever it holds, without a way through CEL."""
        assert program.direct is not None
        found, value = reading.resolve(program.direct, self._values)
        if found:
            return value
        failure = missing_step(program.direct, self._values)
        raise expression_error(program, failure[1] if failure else "no such value")

    def _run(self, program: Program) -> Any:
        try:
            scale = Scale()
            activation, weight = self._activation(program, scale)
            return program.executable(self._values, weight, scale).eval(activation)
        except ExpressionError as error:
            raise expression_error(program, error.detail) from None
        except Exception as error:  # the library reports some failures as values and some as exceptions of its own
            raise evaluation_error(program, self._values, str(error)) from None

    def _convert(self, program: Program, result: Any) -> Any:
        try:
            plain = result.plain_value()
            if type(plain) not in _EXACT and result.type() in (cel.Type.ERROR, cel.Type.UNKNOWN):
                raise evaluation_error(program, self._values, str(plain))
            return to_json(plain)
        except ExpressionError as error:
            raise error if error.extra else expression_error(program, error.detail) from None
        except Exception:
            raise expression_error(program, "the result holds an optional; end with .orValue(...) or .value()") from None

    def _activation(self, program: Program, scale: Scale) -> tuple[Any, int]:
        """The values this program reads, converted, and their weight. Large ones serve several programs that read the same; they go with the scope."""
        kept = self._kept.get(program.view)
        if kept is not None and kept.uses > 0 and program.pure:
            kept.uses -= 1
            return kept.activation, kept.weight
        values = {}
        for root, branch in program.branches.items():
            if root in self._values:
                values[root] = reading.prune(self._values[root], branch)
        weight = scale.weigh(values)
        if not program.pure:
            return environment().Activation(values, functions=self._functions()), weight
        activation = environment().Activation(values)
        if weight > REUSE_BYTES:
            self._kept[program.view] = _Kept(activation, weight)
        return activation, weight

    def _functions(self) -> list[Any]:
        return [
            cel.Function("now", [], False, lambda: self._now, cel.Type.TIMESTAMP),
            cel.Function("uuid", [], False, self._uuid, cel.Type.STRING),
            cel.Function("random", [], False, self._random, cel.Type.DOUBLE),
        ]

    def _digest(self) -> bytes:
        return hashlib.sha256(f"{self._seed}\n{next(self._calls)}".encode("utf-8", "surrogatepass")).digest()

    def _uuid(self) -> str:
        return str(uuid.UUID(bytes=self._digest()[:16], version=4))

    def _random(self) -> float:
        return (int.from_bytes(self._digest()[:8], "big") >> 11) / 2**53
