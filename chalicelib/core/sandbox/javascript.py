"""JavaScript, by QuickJS: an engine without files, network, timers, modules or processes.

Imported only in the sandbox's own processes.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

import _quickjs  # not the package around it, which starts a thread when it is imported

from chalicelib.core.sandbox import limits
from chalicelib.core.sandbox.job import Console, Failure, Ran, too_long

# The engine calls nothing of ours while its clock runs, so what is printed and how `main` ended are kept on its side and fetched afterwards.
_PRELUDE = """(function (room, most) {
  const { stringify, parse } = JSON;
  const lines = [];
  let ended = null;
  const show = (value) => {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return String(value) + (value.stack ? '\\n' + value.stack : '');
    try { const text = stringify(value); return text === undefined ? String(value) : text; } catch (e) { return String(value); }
  };
  const at = (level) => (...values) => {
    if (room < 0) return;
    const text = values.map(show).join(' ');
    lines.push([level, text.slice(0, room + 1)]);
    room = lines.length > most ? -1 : room - text.length;
  };
  globalThis.console = { log: at('log'), info: at('info'), debug: at('debug'), warn: at('warning'), error: at('error'), trace: at('log') };
  const give = (value) => {
    const out = stringify(value === undefined ? null : value);
    ended = ended || { output: out === undefined ? '' : out };
  };
  const fail = (error) => {
    let words = String(error), stack = '';
    if (error instanceof Error) stack = String(error.stack || '');
    else { try { words = 'thrown: ' + stringify(error); } catch (e) { words = 'thrown: ' + words; } }
    ended = ended || { words, stack };
  };
  const call = (main, text) => {
    try {
      const result = main(parse(text));
      if (result !== null && typeof result === 'object' && typeof result.then === 'function') result.then(give).then(undefined, fail);
      else give(result);
    } catch (error) { fail(error); }
  };
  return { call, ended: () => stringify(ended), lines: () => stringify(lines) };
})"""
_INTERRUPTED = "InternalError: interrupted"
_WHERE = re.compile(r"at (?:(?P<name>[^\s(]+) \()?<input>:(?P<line>\d+)")


class JavaScript:
    """One context that serves one run."""

    def start(self) -> None:
        """Make the context and its console."""
        self._context = _quickjs.Context()
        self._context.set_memory_limit(limits.MEMORY_BYTES)
        self._context.set_max_stack_size(limits.JAVASCRIPT_STACK_BYTES)
        ours = self._context.eval(_PRELUDE)(limits.CONSOLE_BYTES, limits.CONSOLE_LINES)
        self._call, self._ended, self._lines = (self._property(ours, name) for name in ("call", "ended", "lines"))

    def run(self, source: str, given: str) -> Ran:
        """Run the source and call its main; a promise is waited for. Never raises."""
        self._source, self._began = source, time.process_time()
        try:
            ran = self._main(given)
        except (_quickjs.StackOverflow, _quickjs.JSException) as error:
            ran = Ran(None, self._words(str(error)))
        ran.console = self._printed()
        return ran

    def _property(self, thing: Any, name: str) -> Any:
        return self._context.eval(f"(thing) => thing.{name}")(thing)

    def _main(self, given: str) -> Ran:
        self._context.set_time_limit(limits.CPU_SECONDS)
        self._context.eval(self._source)
        main = self._context.eval("typeof main === 'function' ? main : null")
        if main is None:
            return Ran(
                None,
                Failure("function_no_main", "the source defines no function main(input); define it: function main(input) { … }"),
            )
        self._call(main, given)
        while self._ended() == "null" and not self._is_late() and self._context.execute_pending_job():
            pass
        ended = json.loads(self._ended())
        if ended is None and self._is_late():
            return Ran(None, self._words(_INTERRUPTED))
        if ended is None:
            return Ran(
                None,
                Failure(
                    "function_result", "main returned a promise that nothing here ever settles (there are no timers and no network)"
                ),
            )
        if "words" in ended:
            return Ran(None, self._words(f"{ended['words']}\n{ended['stack']}"))
        if not ended["output"]:
            words = "main returned a function or a symbol, which is not JSON; return objects, arrays, strings, numbers, booleans or null"
            return Ran(None, Failure("function_result", words))
        failure = too_long(ended["output"])
        return Ran(None if failure else ended["output"], failure)

    def _is_late(self) -> bool:
        return time.process_time() - self._began >= limits.CPU_SECONDS

    def _printed(self) -> list[dict[str, str]]:
        console = Console()
        try:
            self._context.set_time_limit(1)
            for level, text in json.loads(self._lines()):
                console.line(level, text)
        except (_quickjs.StackOverflow, _quickjs.JSException, ValueError):  # no memory left to tell
            console.line("warning", "what was printed is lost")
        return console.lines

    def _words(self, text: str) -> Failure:
        """The engine's report, as `words`, then lines `at …`, in a sentence with the line of the user's source."""
        words, _, stack = text.partition("\n")
        at = self._at(stack)
        if words == _INTERRUPTED or (self._is_late() and not stack):
            return Failure("function_limit", f"the function took more than its {limits.CPU_SECONDS} seconds of computing{at}")
        if words == "InternalError: out of memory" or (words == "null" and not stack):  # no memory left for an error either
            return Failure("function_limit", f"the function needs more than its {limits.MEMORY_BYTES >> 20} MB of memory{at}")
        if words.startswith("SyntaxError"):
            return Failure("function_syntax", f"{words}{at}")
        return Failure("function_error", f"{words}{at}")

    def _at(self, stack: str) -> str:
        lines = self._source.splitlines()
        for found in _WHERE.finditer(stack):
            number = int(found["line"])
            if number <= max(1, len(lines)):
                name = found["name"]
                inside = f" in {name}" if name and not name.startswith("<") else ""
                text = lines[number - 1].strip()[:120] if number <= len(lines) else ""
                return f" (line {number}{inside}{': ' + text if text else ''})"
        return ""
