"""Python, by Monty: an interpreter of a large part of the language that has no files, sockets, processes or environment to offer.

Imported only in the sandbox's own processes.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import re
from collections.abc import Callable
from typing import Any

import pydantic_monty

from chalicelib.core.sandbox import limits
from chalicelib.core.sandbox.job import Console, Failure, Ran, too_long
from chalicelib.core.sandbox.python_words import lacking_module, lacking_syntax

_ASYNC_MAIN = re.compile(r"^async\s+def\s+main\b", re.MULTILINE)
_OURS = "main(__given)"
_INT64 = range(-(2**63), 2**63)


class Python:
    """One session in a helper process that is started at once and serves one run."""

    def __init__(self, binary: str) -> None:
        self._pool = pydantic_monty.Monty(binary_path=binary, min_processes=1, max_processes=1)
        self._session: Any = None
        self._console = Console()

    def start(self) -> None:
        """Start the helper, so that a run waits for nothing."""
        self._pool.__enter__()
        allowed = pydantic_monty.ResourceLimits(
            max_feed_duration_secs=limits.CPU_SECONDS, max_memory=limits.MEMORY_BYTES, max_recursion_depth=limits.STACK_DEPTH
        )
        self._session = self._pool.checkout(script_name="function.py", limits=allowed).__enter__()
        self._session.feed_run("None", print_callback=self._print)

    def run(self, source: str, given: str) -> Ran:
        """Run the source and call its main. Never raises."""
        output, failure = None, None
        try:
            call = f"await {_OURS}" if _ASYNC_MAIN.search(source) else _OURS
            inputs = {"__given": json.loads(given)}
            result = self._session.feed_run(f"{source}\n\n{call}", inputs=inputs, print_callback=self._print)
            output = as_json(result)
            failure = too_long(output)
        except NotJson as error:
            failure = Failure("function_result", str(error))
        except pydantic_monty.MontyCrashedError:
            failure = Failure("function_limit", "the function was ended: it used more CPU or memory than it may")
        except pydantic_monty.MontyError as error:
            failure = _failure(error, source)
        except RecursionError:
            failure = Failure("function_result", "what main returned nests too deeply")
        return Ran(None if failure else output, failure, self._console.lines)

    def _print(self, stream: str, text: str) -> None:
        self._console.write("error" if stream == "stderr" else "log", text)


class NotJson(Exception):
    """A result that JSON has no form for."""


def as_json(result: Any) -> str:
    """The result as JSON text. Tuples become lists, times RFC 3339, decimals strings; raises NotJson for the rest."""
    try:
        return json.dumps(_plain(result), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise NotJson("main returned a number that is not finite (NaN or infinity), which JSON does not have") from None


_FORMS: dict[type, Callable[[Any], Any]] = {
    datetime.datetime: lambda value: value.isoformat(),
    datetime.date: lambda value: value.isoformat(),
    datetime.timedelta: lambda value: f"{value.total_seconds():g}s",
    decimal.Decimal: str,
    bytes: lambda value: base64.b64encode(value).decode("ascii"),
}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        if value not in _INT64:
            raise NotJson("main returned an integer that does not fit 64 bits; return it as a string: str(n)")
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    form = _FORMS.get(type(value))
    if form is None:
        kind = {"MontyClassProxy": "an object of a class"}.get(type(value).__name__, f"a {type(value).__name__}")
        raise NotJson(f"main returned {kind}, which is not JSON; return dicts, lists, strings, numbers, booleans or None")
    return form(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotJson(f"main returned a dict with a key of type {type(key).__name__}; JSON has strings only: write str(key)")
    return key


def _failure(error: Any, source: str) -> Failure:
    """The error in the user's words and lines; frames of our own call are left out."""
    words = error.display("type-msg") if hasattr(error, "display") else str(error)
    last = len(source.splitlines())
    frames = [frame for frame in error.traceback() if frame.line <= last]
    if isinstance(error, pydantic_monty.MontySyntaxError):
        return Failure("function_syntax", f"{words}{_at(frames, source)}")
    if words.startswith("TimeoutError: feed time limit"):
        return Failure("function_limit", f"the function took more than its {limits.CPU_SECONDS} seconds of computing")
    if words.startswith("MemoryError"):
        return Failure(
            "function_limit", f"the function needs more than its {limits.MEMORY_BYTES >> 20} MB of memory{_at(frames, source)}"
        )
    if not frames and words.startswith("NameError") and "'main'" in words:
        return Failure("function_no_main", "the source defines no function main(input); define it: def main(input): …")
    if words.startswith("NotImplementedError: The monty syntax parser"):
        return Failure("function_syntax", f"{lacking_syntax(words.rpartition('support ')[2])}{_at(frames, source)}")
    return Failure("function_error", f"{lacking_module(words) or words}{_at(frames, source)}")


def _at(frames: list[Any], source: str) -> str:
    if not frames:
        return ""
    last = frames[-1]
    lines = source.splitlines()
    text = lines[last.line - 1].strip()[:120] if 0 < last.line <= len(lines) else ""
    inside = f" in {last.function_name}" if last.function_name and last.function_name != "<module>" else ""
    return f" (line {last.line}{inside}{': ' + text if text else ''})"
