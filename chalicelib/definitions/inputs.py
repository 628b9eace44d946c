"""Whether a value is an input that a workflow's `input_schema`, or a form, takes. Pure, but for its cache."""

from __future__ import annotations

from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaMismatch
from referencing import Registry

from chalicelib.core.errors import ValidationFailed
from chalicelib.definitions.problems import pointer

MAX_PROBLEMS = 100
MAX_VALIDATORS = 512


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
