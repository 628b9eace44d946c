"""From what came in at a door to an execution's input: the trigger's `input` mapping, then the workflow's `input_schema`. Pure, but for its caches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaMismatch
from referencing import Registry

from chalicelib.core.clock import utc_now
from chalicelib.core.errors import ExpressionError, ValidationFailed
from chalicelib.core.expressions import Scope, Template, check_template, compile_expression, compile_template
from chalicelib.core.jsontext import loads
from chalicelib.definitions.problems import pointer

NAMES = frozenset({"input", "trigger"})
MAX_PROBLEMS = 100
MAX_VALIDATORS = 512


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


def check_input(value: Any, input_schema: Any, prefix: str = "") -> None:
    """Raises ValidationFailed with every mismatch (at most 100), paths under `prefix`."""
    if input_schema is None:
        return
    try:
        mismatches = list(islice(_validator(input_schema).iter_errors(value), MAX_PROBLEMS))
    except RecursionError:
        problem = {"path": prefix, "code": "too_deep", "message": "the input nests too deeply for the workflow's input_schema"}
        raise ValidationFailed([problem]) from None
    except (
        Exception
    ) as error:  # a schema that cannot be applied (an unknown $ref, a bad pattern) refuses everything, with the reason
        problem = {
            "path": prefix,
            "code": "input_schema_unusable",
            "message": f"the workflow's input_schema cannot be applied: {error}"[:500],
        }
        raise ValidationFailed([problem]) from None
    if mismatches:
        raise ValidationFailed([_problem(mismatch, prefix) for mismatch in mismatches])


def _problem(mismatch: SchemaMismatch, prefix: str) -> dict[str, str]:
    return {
        "path": prefix + pointer(mismatch.absolute_path),
        "code": f"schema_{mismatch.validator}",
        "message": mismatch.message[:300],
    }


# By identity: callers keep one schema object per definition. The schema is held, so that its id cannot be given to another.
_validators: dict[int, tuple[Any, Draft202012Validator]] = {}


def _validator(schema: Any) -> Draft202012Validator:
    known = _validators.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    made = Draft202012Validator(schema, registry=Registry())  # an empty registry: a $ref to the network is not followed
    if len(_validators) >= MAX_VALIDATORS:
        _validators.clear()
    _validators[id(schema)] = (schema, made)
    return made


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
