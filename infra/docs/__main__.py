"""Writes docs/actions/ and docs/functions.md anew: python -m infra.docs

A test compares them with the code, so they cannot be forgotten. `--check` only says which pages are stale, with exit status 1.
"""

from __future__ import annotations

import sys

from infra.docs.pages import DOCS, pages


def main(words: list[str]) -> int:
    """Write, or check; returns the exit code."""
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    gone = [path for path in sorted((DOCS / "actions").glob("*.md")) if path not in wanted]
    if "--check" in words:
        for path in [*stale, *gone]:
            print(f"stale: {path.relative_to(DOCS.parent)}; run python -m infra.docs")
        return 1 if stale or gone else 0
    (DOCS / "actions").mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    for path in gone:
        path.unlink()
    print(f"{len(stale)} of {len(wanted)} pages written, {len(gone)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
