"""Nobody opens a connection but the kernel, where the guard stands: no other module imports what could."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONNECTS = {"aiohttp", "httpx", "requests", "urllib3", "urllib.request", "http.client", "smtplib", "socket", "ftplib", "imaplib", "poplib", "websockets"}
# Module -> why it may: either it is the guarded sender, or it speaks only to servers that the operator named.
ALLOWED = {
    "chalicelib/core/egress.py": "the guard",
    "chalicelib/core/http.py": "the guarded sender of HTTP",
    "chalicelib/core/smtp.py": "the guarded sender of mail",
    "chalicelib/core/http2.py": "the guarded sender of HTTP/2",
    "chalicelib/engine/database.py": "hangs up on the operator's database when it does not answer",
    "chalicelib/engine/wake_lambda.py": "asks Lambda's API, with the function's own role, to run the engine",
    "chalicelib/api/health.py": "asks the operator's brokers whether they are there",
}

OWN_CHILDREN = "chalicelib/core/sandbox/"  # sockets to its own child processes


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def modules() -> list[str]:
    return [path.relative_to(ROOT).as_posix() for folder in ("chalicelib", "functions") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("module", modules())
def test_no_other_module_imports_what_connects(module):
    found = {name for name in imported(ROOT / module) if any(name == each or name.startswith(each + ".") for each in CONNECTS)}
    assert not found or module in ALLOWED or module.startswith(OWN_CHILDREN), (
        f"{module} imports {', '.join(sorted(found))}: send through chalicelib.core.http or chalicelib.core.smtp, which ask the egress guard, "
        "or say here why this module reaches only what the operator named"
    )
