"""What Monty lacks of Python, in words that say what to write in its place. Pure."""

from __future__ import annotations

import re

MODULES = (
    "asyncio", "base64", "bisect", "collections", "copy", "csv", "dataclasses", "datetime", "decimal", "functools", "hashlib", "itertools", "json", "math", "random", "re",
    "time", "typing",
)  # fmt: skip
_NETWORK = frozenset(("aiohttp", "boto3", "botocore", "ftplib", "http", "httpx", "paramiko", "psycopg", "redis", "requests", "smtplib", "socket", "ssl", "urllib", "urllib3", "websockets"))
_INSTEAD_OF_MODULES = {
    **dict.fromkeys(_NETWORK, "functions have no network: call with an http.request node, and give its output to `input`"),
    "uuid": "give one to `input` with the expression uuid()",
    "enum": "write constants, or a dict of them",
    "statistics": "a mean is sum(values) / len(values)",
    "string": "write the characters as text",
    "subprocess": "functions start no programs",
    "urllib": "functions have no network; to encode a part of an address give it to `input` with the expression url.encode(…)",
    "zoneinfo": "give the time to `input` with the expression date.format(…, zone)",
    "hmac": "sign with a credential, or in a JavaScript function",
}
_INSTEAD_OF_SYNTAX = (
    ("inheritance", "write classes without a base; in place of an exception of your own raise ValueError('…')"),
    ("decorators", "write an ordinary method, or a function outside the class"),
    ("yield", "collect a list and return it"),
    ("'del'", "write value.pop(key), or build a new dict or list"),
)


def lacking_syntax(words: str) -> str:
    """For what the parser names: `the 'del' statement`, `yield expressions`, …"""
    instead = next((hint for part, hint in _INSTEAD_OF_SYNTAX if part in words), "")
    return f"the Python of function nodes does not have this: {words}{'; ' + instead if instead else ''}"


def lacking_module(words: str) -> str | None:
    """For `ModuleNotFoundError: No module named 'x'`; None for any other error."""
    found = re.fullmatch(r"ModuleNotFoundError: No module named '([\w.]+)'", words)
    if found is None:
        return None
    instead = _INSTEAD_OF_MODULES.get(found[1].partition(".")[0])
    return f"there is no module {found[1]!r} here; {instead or 'packages cannot be installed'}. There are: {', '.join(MODULES)}"
