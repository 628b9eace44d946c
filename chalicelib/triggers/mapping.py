"""From what came in at a door to an execution's input: the trigger's `input` mapping, then the workflow's `input_schema`. Pure, but for its caches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from chalicelib.core.clock import utc_now
from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope, Template, check_template, compile_expression, compile_template
from chalicelib.core.jsontext import loads
from chalicelib.definitions.inputs import check_input

NAMES = frozenset({"input", "trigger"})


def prepare_input(
    trigger: Mapping[str, Any],
    raw_input: Any,
    context: Mapping[str, Any],
    input_schema: Any,
    *,
    now: datetime | None = None,
    seed: str = "",
) -> Any:
    """The input of an execution that this trigger starts. `trigger` is its row, `context` what expressions see as `trigger`.

    Raises ExpressionError when the mapping fails and ValidationFailed when the result does not fit `input_schema` (None: anything fits).
    """
    value = raw_input
    if trigger["input"] is not None:
        scope = Scope({"input": raw_input, "trigger": context}, now=now or utc_now(), seed=seed or os.urandom(16).hex())
        value = _template(trigger["input"]).render(scope)
    check_input(value, input_schema)
    return value


@lru_cache(maxsize=512)
def _template(text: str) -> Template:
    return compile_template(loads(text))


def mapping_problems(mapping: Any) -> list[dict[str, Any]]:
    """What is wrong with a trigger's `input` mapping, as {path, code, message}."""
    template, failed = check_template(mapping)
    problems = [{"path": path, "code": "expression_error", "message": error.detail} for path, error in failed]
    for path, program in template.expressions:
        unknown = sorted(program.names - NAMES)
        if unknown:
            message = f"a mapping knows 'input' and 'trigger', not {unknown[0]!r}"
            problems.append({"path": path, "code": "unknown_name", "message": message})
    return problems


def check_expression(source: str) -> str:
    """A bare expression over `input` and `trigger`. Raises ValueError with words for the user."""
    try:
        unknown = sorted(compile_expression(source).names - NAMES)
    except ExpressionError as error:
        raise ValueError(error.detail) from None
    if unknown:
        raise ValueError(f"this expression knows 'input' and 'trigger', not {unknown[0]!r}")
    return source
