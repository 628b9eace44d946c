"""Templates: JSON in which strings may hold `{{ expression }}`.

A string that is exactly one `{{ expression }}` (white space around it allowed) becomes the expression's value with its type. Inside longer text strings
go in as they are, numbers and booleans as JSON, null as nothing, lists and objects as compact JSON. Keys of objects are never templates. A literal
`{{` is written `{{ "{{" }}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from html import escape as escape_html
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions.limits import MAX_RESULT_BYTES
from chalicelib.core.expressions.program import Program, compile_expression
from chalicelib.core.expressions.scope import Scope

# What matters while looking for the end of an expression: strings (raw, triple-quoted), comments, braces.
_TOKEN = re.compile(
    r"""(?P<raw>(?<![A-Za-z0-9_])[bB]?[rR][bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*'))
      | (?P<text>\"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')
      | (?P<comment>//[^\n]*)
      | (?P<open>\{)
      | (?P<close>\})""",
    re.DOTALL | re.VERBOSE,
)
_Render = Callable[[Scope], Any]


class Template:
    """A compiled template. Made by `compile_template`; immutable and shared by all threads."""

    __slots__ = ("_render", "expressions", "constant")

    def __init__(self, render: _Render, expressions: list[tuple[str, Program]]) -> None:
        self._render = render
        self.expressions = expressions
        self.constant = not expressions

    def render(self, scope: Scope) -> Any:
        """The JSON value with every expression evaluated, in document order. Raises ExpressionError at the first that fails."""
        return self._render(scope)


def compile_template(value: Any, literal: Collection[str] = (), html: Collection[str] = ()) -> Template:
    """Compile a JSON value. `literal` holds JSON Pointers of leaves to leave as they are, `html` those of HTML texts, into which values go escaped. Raises the first
    ExpressionError; its `extra["pointer"]` says where."""
    template, problems = check_template(value, literal, html)
    if problems:
        raise problems[0][1]
    return template


def check_template(value: Any, literal: Collection[str] = (), html: Collection[str] = ()) -> tuple[Template, list[tuple[str, ExpressionError]]]:
    """Like `compile_template`, with every problem as (JSON Pointer, error) instead of raising. Use the template only when there is none."""
    builder = _Builder(frozenset(literal), frozenset(html))
    render = builder.build(value, "")
    return Template(render, builder.expressions), builder.problems


def split_text(text: str) -> list[str | tuple[str, int]]:
    """A string's parts: plain text, and (expression, position of its `{{`). Raises ExpressionError for a `{{` that is never closed."""
    parts: list[str | tuple[str, int]] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        if start > at:
            parts.append(text[at:start])
        end = _expression_end(text, start + 2)
        parts.append((text[start + 2 : end], start))
        at = end + 2
    if at < len(text):
        parts.append(text[at:])
    return parts


def _expression_end(text: str, at: int) -> int:
    """Where the `}}` stands that closes an expression beginning at `at`."""
    start, depth = at, 0
    while True:
        token = _TOKEN.search(text, at)
        if token is None:
            raise ExpressionError(f"the '{{{{' at position {start - 2} is never closed; write {{{{ \"{{{{\" }}}} for a literal one")
        at = token.end()
        if token.lastgroup == "comment":
            # A comment ends with its line; on the last line of an expression it must leave the closing braces alone.
            at = _comment_end(token)
        elif token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            if depth == 0:
                if text.startswith("}}", token.start()):
                    return token.start()
                raise ExpressionError(
                    f"the '{{{{' at position {start - 2} is never closed: the '}}' at position {token.start()} closes nothing"
                )
            depth -= 1


def _comment_end(token: re.Match[str]) -> int:
    closing = token.group().find("}}")
    return token.start() + closing if closing >= 0 else token.end()


def as_text(value: Any) -> str:
    """How a value stands inside longer text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _Builder:
    def __init__(self, literal: frozenset[str], html: frozenset[str] = frozenset()) -> None:
        self._literal = literal
        self._html = html
        self.expressions: list[tuple[str, Program]] = []
        self.problems: list[tuple[str, ExpressionError]] = []

    def build(self, value: Any, pointer: str) -> _Render:
        if pointer in self._literal:
            return lambda scope: value
        if isinstance(value, str) and "{{" in value:
            return self._text(value, pointer)
        if isinstance(value, dict):
            members = [(key, self.build(entry, f"{pointer}/{escape(key)}")) for key, entry in value.items()]
            return lambda scope: {key: render(scope) for key, render in members}
        if isinstance(value, list):
            entries = [self.build(entry, f"{pointer}/{at}") for at, entry in enumerate(value)]
            return lambda scope: [render(scope) for render in entries]
        return lambda scope: value

    def _text(self, text: str, pointer: str) -> _Render:
        try:
            parts = [part if isinstance(part, str) else self._program(part[0], pointer) for part in split_text(text)]
        except ExpressionError as error:
            error.extra["pointer"] = pointer
            self.problems.append((pointer, error))
            return lambda scope: None
        programs = [part for part in parts if isinstance(part, Program)]
        self.expressions += [(pointer, program) for program in programs]
        if pointer in self._html:
            return lambda scope: _join(parts, scope, escape_html)
        if len(programs) == 1 and all(isinstance(part, Program) or not part.strip() for part in parts):
            return lambda scope: scope.evaluate(programs[0])
        return lambda scope: _join(parts, scope)

    def _program(self, source: str, pointer: str) -> Program:
        return compile_expression(source.strip())


def _join(parts: list[str | Program], scope: Scope, encode: Callable[[str], str] = str) -> str:
    texts, size = [], 0
    for part in parts:
        text = part if isinstance(part, str) else encode(as_text(scope.evaluate(part)))
        size += len(text)
        if size > MAX_RESULT_BYTES:
            raise ExpressionError(f"the text is longer than {MAX_RESULT_BYTES // 1024 // 1024} MB")
        texts.append(text)
    return "".join(texts)


def escape(token: str) -> str:
    """One reference token of a JSON Pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")
