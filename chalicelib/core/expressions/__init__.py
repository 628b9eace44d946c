"""Expressions: CEL inside `{{ }}`, compiled once, evaluated over JSON values, failing closed.

`compile_expression` and `compile_template` do the work that depends on the text alone, a `Scope` holds the values. An evaluation error is an
ExpressionError, never a value.
"""

from chalicelib.core.expressions.environment import nearest, suggestion
from chalicelib.core.expressions.program import Program, compile_expression
from chalicelib.core.expressions.scope import Scope
from chalicelib.core.expressions.template import Template, check_template, compile_template

__all__ = ["Program", "Scope", "Template", "check_template", "compile_expression", "compile_template", "nearest", "suggestion"]
