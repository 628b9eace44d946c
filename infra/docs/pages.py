"""Every generated page, by its path."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from chalicelib.core.expressions import library
from chalicelib.core.expressions.library.declare import Function, parse_signature
from chalicelib.registry.catalogue import ActionCatalogue, built_in
from chalicelib.registry.documentation import page

DOCS = Path(__file__).parents[2] / "docs"
MADE = "<!-- Made by `python -m infra.docs` from the code; change it there. -->\n\n"


def pages() -> dict[Path, str]:
    """Path -> text of every generated page."""
    actions = built_in()
    found = {DOCS / "actions" / f"{type}.md": MADE + page(spec) for type in actions.types() if (spec := actions.get(type)) is not None}
    return {**found, DOCS / "actions" / "README.md": MADE + _index(actions), DOCS / "functions.md": MADE + _functions()}


def _index(actions: ActionCatalogue) -> str:
    lines = ["# Node types", "", "| type | does | ports |", "|---|---|---|"]
    for type in actions.types():
        spec = actions.get(type)
        assert spec is not None
        ports = ", ".join(f"`{port}`" for port in spec.ports({})) or "ends the execution"
        lines.append(f"| [`{type}`]({type}.md) | {_cell(spec.description)} | {ports} |")
    return "\n".join(lines) + "\n"


def _functions() -> str:
    parts = [
        "# Functions of expressions",
        "What expressions may call beside operators, by subject. A method is written behind the value it is called on: `'abc'.upper()`. `GET /api/registry/functions` serves the "
        "same list. A time is a timestamp or RFC 3339 text, a zone a name such as `Europe/Berlin` or an offset such as `+02:00`.",
    ]
    for category, functions in groupby(library.FUNCTIONS, key=lambda each: each.category):
        rows = [_row(each) for each in functions]
        parts.append(f"## {category.capitalize()}\n\n| function | does | example |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _row(function: Function) -> str:
    written = "<br>".join(f"`{_cell(_written(function, signature))}`" for signature in function.signatures)
    examples = "<br>".join(f"`{_cell(expression)}` = `{_cell(json.dumps(value, ensure_ascii=False))}`" for expression, value in function.examples)
    return f"| {written} | {_cell(function.summary)} | {examples} |"


def _written(function: Function, signature: str) -> str:
    parameters, result = parse_signature(signature)
    called = f"{parameters[0]}.{function.name}({', '.join(parameters[1:])})" if function.method and parameters else f"{function.name}({', '.join(parameters)})"
    return f"{called} -> {result}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
