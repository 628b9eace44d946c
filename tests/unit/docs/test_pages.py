"""The generated documentation is what the code says now."""

from __future__ import annotations

import re

from chalicelib.core.expressions import library
from chalicelib.registry.catalogue import built_in
from infra.docs.__main__ import main
from infra.docs.pages import DOCS, pages


def test_every_page_is_current() -> None:
    stale = [str(path) for path, text in pages().items() if not path.is_file() or path.read_text("utf-8") != text]
    assert stale == [], "run python -m infra.docs"
    assert set((DOCS / "actions").glob("*.md")) <= set(pages())
    assert main(["--check"]) == 0


def test_every_type_and_every_function_has_its_place() -> None:
    text = (DOCS / "functions.md").read_text("utf-8")
    for function in library.FUNCTIONS:
        assert re.search(rf"[.`]{re.escape(function.name)}\(", text), function.name
    index = (DOCS / "actions" / "README.md").read_text("utf-8")
    for type in built_in().types():
        assert f"[`{type}`]({type}.md)" in index


def test_no_row_of_a_table_is_broken() -> None:
    for path, text in pages().items():
        for line in text.splitlines():
            if line.startswith("| "):
                assert line.endswith(" |"), f"{path.name}: {line}"
