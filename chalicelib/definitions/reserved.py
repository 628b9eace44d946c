"""Words that cannot be ids, because expressions could not name the node: `nodes.in.output` does not parse."""

from __future__ import annotations

# The CEL specification's keywords and reserved words.
RESERVED_WORDS = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
