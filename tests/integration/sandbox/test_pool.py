"""Sandboxes as the engine uses them: what user code gives back, what it may not do, and what a hostile one comes to."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.sandbox import limits
from chalicelib.core.sandbox.job import Job, Language, Ran
from chalicelib.core.sandbox.pool import SandboxPool

CPU_SECONDS = 2


class Runs:
    """A pool on a loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pool = SandboxPool(cpu_seconds=CPU_SECONDS)

    def run(self, language: Language, source: str, given: Any = None) -> Ran:
        return self.do(self.pool.run(Job(language, source, json.dumps(given))))

    def do(self, wanted: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(wanted)

    def value(self, language: Language, source: str, given: Any = None) -> Any:
        ran = self.run(language, source, given)
        assert ran.failure is None, ran.failure
        return json.loads(ran.output or "")

    def failure(self, language: Language, source: str, given: Any = None) -> tuple[str, str]:
        ran = self.run(language, source, given)
        assert ran.failure is not None, ran.output
        return ran.failure.code, ran.failure.message


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    made = Runs()
    yield made
    made.pool.close()
    made.loop.close()


GIVEN = {"text": "ä\u0000😀", "numbers": [1, 2.5, -0.0, 2**53], "nothing": None, "yes": True, "deep": {"a": [{}]}}


@pytest.mark.parametrize(("language", "source"), [("python", "def main(input): return input"), ("javascript", "const main = (input) => input")])
def test_values_go_in_and_come_back(runs: Runs, language: Language, source: str) -> None:
    assert runs.value(language, source, GIVEN) == GIVEN


@pytest.mark.parametrize(
    ("language", "source", "value"),
    [
        ("python", "import json, math, re, datetime\ndef main(i):\n    return [json.dumps({'a': 1}), math.floor(2.5), re.sub('a', 'b', 'aa')]", ['{"a": 1}', 2, "bb"]),
        ("python", "async def main(i):\n    return i + 1", 42),
        ("python", "import datetime\ndef main(i): return (datetime.date(2026, 11, 24), datetime.timedelta(seconds=90), b'hi')", ["2026-11-24", "90s", "aGk="]),
        ("python", "class Total:\n    def __init__(self): self.sum = 0\n    def add(self, n): self.sum += n\n\ndef main(i):\n    t = Total()\n    for n in range(5): t.add(n)\n    return t.sum", 10),
        ("python", "def main(i): pass", None),
        ("javascript", "async function main(i) { await null; return [...new Set([1, 1, 2])].map((n) => n * i) }", [41, 82]),
        ("javascript", "function main() {}", None),
        ("javascript", "let main = () => Promise.resolve({ a: undefined, at: new Date(0) })", {"at": "1970-01-01T00:00:00.000Z"}),
        ("javascript", "const main = ({ length }) => length ?? null", None),
    ],
)  # fmt: skip
def test_the_languages_do_what_people_expect(runs: Runs, language: Language, source: str, value: Any) -> None:
    assert runs.value(language, source, 41) == value


@pytest.mark.parametrize(
    ("language", "source", "code", "words"),
    [
        ("python", "def main(i):\n    x = 1\n    return i['gone']", "function_error", ["KeyError", "line 3 in main: return i['gone']"]),
        ("python", "def helper(x):\n    return 1 / x\n\ndef main(i):\n    return helper(0)", "function_error", ["ZeroDivisionError", "line 2 in helper"]),
        ("python", "import nowhere\ndef main(i): return 1", "function_error", ["no module 'nowhere'", "json", "line 1"]),
        ("python", "import requests\ndef main(i): return 1", "function_error", ["no module 'requests'", "http.request", "line 1"]),
        ("python", "class A: pass\nclass B(A): pass\ndef main(i): return 1", "function_syntax", ["inheritance", "without a base", "line 2"]),
        ("python", "def main(i):\n    del i['a']", "function_syntax", ["del", "value.pop(key)", "line 2"]),
        ("python", "def main(i)\n    return 1", "function_syntax", ["SyntaxError", "line 1"]),
        ("python", "def mian(i): return 1", "function_no_main", ["def main(input)"]),
        ("python", "def main(i): return {1, 2}", "function_result", ["set"]),
        ("python", "def main(i): return {1: 2}", "function_result", ["str(key)"]),
        ("python", "def main(i): return float('nan')", "function_result", ["NaN"]),
        ("python", "def main(i): return 2 ** 64", "function_result", ["64 bits"]),
        ("python", "def main(i):\n    yield 1", "function_syntax", ["yield", "line 2"]),
        ("javascript", "function main(i) {\n  return i.a.b;\n}", "function_error", ["TypeError", "line 2 in main: return i.a.b;"]),
        ("javascript", "async function main(i) {\n  await null;\n  throw new RangeError('no');\n}", "function_error", ["RangeError: no", "line 3 in main"]),
        ("javascript", "function main(i) {\n  return (1;\n}", "function_syntax", ["SyntaxError", "line 2"]),
        ("javascript", "const other = 1", "function_no_main", ["function main(input)"]),
        ("javascript", "function main() { throw { code: 7 } }", "function_error", ['thrown: {"code":7}']),
        ("javascript", "const main = () => new Promise(() => {})", "function_result", ["ever settles"]),
        ("javascript", "const main = () => () => 1", "function_result", ["not JSON"]),
        ("javascript", "const main = () => 1n", "function_error", ["BigInt"]),
    ],
)  # fmt: skip
def test_errors_say_what_and_on_which_line(runs: Runs, language: Language, source: str, code: str, words: list[str]) -> None:
    got, message = runs.failure(language, source, {})
    assert got == code, message
    for word in words:
        assert word in message


def test_what_is_printed_is_kept_in_order(runs: Runs) -> None:
    ran = runs.run("python", "import sys\ndef main(i):\n    print('one', 2, sep='-')\n    print('three\\nfour', end='')\n    print('!')")
    assert ran.console == [{"level": "log", "text": text} for text in ("one-2", "three", "four!")]
    ran = runs.run("javascript", "function main(i) { console.log('a', {b: [1]}, null); console.warn('w'); console.error(new Error('e')); throw 1 }")
    assert [line["level"] for line in ran.console] == ["log", "warning", "error"]
    assert ran.console[0]["text"] == 'a {"b":[1]} null'
    assert ran.failure is not None


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "def main(i):\n    for n in range(100000): print('line', n)\n    return 'done'"),
        ("javascript", "function main() { for (let n = 0; n < 100000; n++) console.log('line', n); return 'done' }"),
        ("javascript", "function main() { console.log('x'.repeat(10000000)); return 'done' }"),
    ],
)
def test_a_flood_on_the_console_is_cut_and_says_so(runs: Runs, language: Language, source: str) -> None:
    ran = runs.run(language, source)
    assert ran.output == '"done"'
    assert len(ran.console) <= limits.CONSOLE_LINES + 1
    assert sum(len(line["text"]) for line in ran.console) < limits.CONSOLE_BYTES + 300
    assert "left out" in ran.console[-1]["text"]


LIMITED = {
    "endless loop": ("python", "def main(i):\n    while True: pass"),
    "endless loop in JavaScript": ("javascript", "function main() { for (;;); }"),
    "endless loop outside main": ("javascript", "for (;;);"),
    "endless promises": ("javascript", "const again = () => Promise.resolve().then(again); const main = () => again();"),
    "memory bomb": ("python", "def main(i):\n    all = []\n    while True: all.append('x' * 1000000)"),
    "memory bomb in JavaScript": ("javascript", "function main() { const all = []; for (;;) all.push(new Array(100000).fill(1.5)); }"),
    "doubling string": ("javascript", "function main() { let s = 'x'; for (;;) s = s + s; }"),
    "huge integer": ("python", "def main(i): return len(str(10 ** 10 ** 9))"),
    "huge integer by shifts": ("python", "def main(i):\n    x = 3\n    while True: x = x * x"),
    "huge integer in JavaScript": ("javascript", "function main() { let x = 3n; for (;;) x = x * x; }"),
    "catastrophic regular expression": ("javascript", "function main() { return /^(a+)+$/.test('a'.repeat(60) + '!') }"),
    "endless recursion": ("python", "def main(i): return main(i)"),
    "endless recursion in JavaScript": ("javascript", "function main(i) { return main(i) }"),
    "sorting for ever": ("javascript", "function main() { for (;;) new Array(10000).fill(0).map(Math.random).sort(() => Math.random() - 0.5) }"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_what_takes_too_much_is_ended(runs: Runs, name: str) -> None:
    language, source = LIMITED[name]
    code, message = runs.failure(language, source, {})  # type: ignore[arg-type]
    assert code in ("function_limit", "function_error"), message
    assert code == "function_limit" or any(word in message for word in ("Recursion", "Maximum call stack", "string too long", "too large")), message


def test_a_catastrophic_regular_expression_in_python_ends_too(runs: Runs) -> None:
    ran = runs.run("python", "import re\ndef main(i): return re.match(r'^(a+)+$', 'a' * 60 + '!') is None")
    assert ran.output == "true" or (ran.failure is not None and ran.failure.code in ("function_limit", "function_error"))


# Nothing of these gives anything away: they fail, or what they would use is not there.
NOTHING_TO_GET = {
    "a file": ("python", "def main(i): return open('/etc/passwd').read()"),
    "a file by pathlib": ("python", "import pathlib\ndef main(i): return pathlib.Path('/etc/passwd').read_text()"),
    "a file to write": ("python", "def main(i): return open('/tmp/escaped-from-sandbox', 'w').write('x')"),
    "proc": ("python", "def main(i): return open('/proc/self/environ').read()"),
    "the environment": ("python", "import os\ndef main(i): return dict(os.environ)"),
    "one variable": ("python", "import os\ndef main(i): return os.getenv('PATH') or os.environ['PATH']"),
    "a socket": ("python", "import socket\ndef main(i): return socket.create_connection(('127.0.0.1', 22))"),
    "the runtime API": ("python", "import urllib.request\ndef main(i): return urllib.request.urlopen('http://127.0.0.1:9001/2018-06-01/runtime/invocation/next')"),
    "a process": ("python", "import subprocess\ndef main(i): return subprocess.run(['id'])"),
    "a fork": ("python", "import os\ndef main(i): return os.fork()"),
    "a shell": ("python", "import os\ndef main(i): return os.system('id')"),
    "C functions": ("python", "import ctypes\ndef main(i): return ctypes.CDLL(None)"),
    "the subclasses trick": ("python", "def main(i): return ().__class__.__base__.__subclasses__()"),
    "the globals trick": ("python", "def main(i): return main.__globals__['__builtins__']"),
    "the import function": ("python", "def main(i): return __import__('os').system('id')"),
    "importlib": ("python", "import importlib\ndef main(i): return importlib.import_module('os').listdir('/')"),
    "a frame": ("python", "import sys\ndef main(i): return sys._getframe(1).f_globals"),
    "modules of Python's": ("python", "import sys\ndef main(i): return list(sys.modules['os'].environ)"),
    "code objects": ("python", "def main(i): return main.__code__.replace(co_code=b'')"),
    "require": ("javascript", "const main = () => require('fs').readFileSync('/etc/passwd', 'utf8')"),
    "an import": ("javascript", "const main = async () => (await import('fs')).readFileSync('/etc/passwd')"),
    "a module of QuickJS's": ("javascript", "const main = async () => (await import('std')).loadFile('/etc/passwd')"),
    "the global std": ("javascript", "const main = () => std.open('/etc/passwd', 'r')"),
    "the global os": ("javascript", "const main = () => os.exec(['id'])"),
    "fetch": ("javascript", "const main = () => fetch('http://127.0.0.1:9001/2018-06-01/runtime/invocation/next')"),
    "the process": ("javascript", "const main = () => process.env"),
    "a worker": ("javascript", "const main = () => new Worker('x')"),
    "the constructor trick": ("javascript", "const main = () => console.log.constructor.constructor('return process')().env"),
    "a function made of text": ("javascript", "const main = () => Function('return require')()('fs')"),
    "proc in JavaScript": ("javascript", "const main = async () => (await import('/proc/self/environ')).default"),
    "a socket in JavaScript": ("javascript", "const main = () => new WebSocket('ws://127.0.0.1:22')"),
    "a fork in JavaScript": ("javascript", "const main = async () => (await import('qjs:os')).exec(['id'], { block: false })"),
    "Deno": ("javascript", "const main = () => Deno.readTextFileSync('/etc/passwd')"),
}


@pytest.mark.parametrize("name", NOTHING_TO_GET)
def test_there_is_nothing_to_get(runs: Runs, name: str) -> None:
    language, source = NOTHING_TO_GET[name]
    ran = runs.run(language, source, {})  # type: ignore[arg-type]
    assert ran.failure is not None, ran.output
    assert "root:" not in ran.failure.message
    assert not Path("/tmp/escaped-from-sandbox").exists()


# What the hostile corpus must hold, and where each language has it.
CORPUS = {
    "endless loop": ("endless loop", "endless loop in JavaScript"),
    "memory bomb": ("memory bomb", "memory bomb in JavaScript"),
    "huge integers": ("huge integer", "huge integer in JavaScript"),
    "catastrophic regex": (test_a_catastrophic_regular_expression_in_python_ends_too.__name__, "catastrophic regular expression"),
    "file": ("a file", "require"),
    "socket": ("a socket", "a socket in JavaScript"),
    "environment": ("the environment", "the process"),
    "/proc": ("proc", "proc in JavaScript"),
    "fork": ("a fork", "a fork in JavaScript"),
    "import tricks": ("the import function", "an import"),
    "the Lambda runtime API": ("the runtime API", "fetch"),
}


@pytest.mark.parametrize("case", CORPUS)
def test_every_case_of_the_corpus_is_tested_in_both_languages(case: str) -> None:
    tested = {**LIMITED, **NOTHING_TO_GET, test_a_catastrophic_regular_expression_in_python_ends_too.__name__: ("python", "")}
    assert [tested[name][0] for name in CORPUS[case]] == ["python", "javascript"]


def test_a_run_leaves_nothing_for_the_next(runs: Runs) -> None:
    runs.value("javascript", "Array.prototype.map = () => ['hijacked']; globalThis.left = 1; const main = () => 1")
    assert runs.value("javascript", "const main = () => [[1].map((n) => n), typeof left]") == [[1], "undefined"]
    runs.value("python", "left = 1\nlen = None\ndef main(i): return 1")
    assert runs.failure("python", "def main(i): return left")[0] == "function_error"
    assert runs.value("python", "def main(i): return len([1])") == 1


def test_output_has_a_limit_that_is_said(runs: Runs) -> None:
    for language, source in (("python", "def main(i): return 'x' * 5000000"), ("javascript", "const main = () => 'x'.repeat(5000000)")):
        code, message = runs.failure(language, source)  # type: ignore[arg-type]
        assert code == "function_output_too_large"
        assert "4,194,304" in message


def test_deep_results_do_not_bring_it_down(runs: Runs) -> None:
    for language, source in (
        ("python", "def main(i):\n    x = []\n    for _ in range(100000): x = [x]\n    return x"),
        ("javascript", "function main() { let x = []; for (let n = 0; n < 100000; n++) x = [x]; return x }"),
    ):
        ran = runs.run(language, source)  # type: ignore[arg-type]
        assert ran.failure is not None or (ran.output or "").startswith("[[[")  # too deep is for the caller to say
    assert runs.value("python", "def main(i): return 1") == 1


def test_who_waits_no_longer_has_it_killed(runs: Runs) -> None:
    """The node's timeout: the process is gone, not left computing."""

    async def go() -> None:
        before = await children(runs.pool)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await runs.pool.run(Job("javascript", "const main = () => { for (;;); }", "null"))
        end = time.monotonic() + 20
        while await children(runs.pool) > before and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert await children(runs.pool) <= before

    runs.value("javascript", "const main = () => 1")
    runs.do(go())


async def children(pool: SandboxPool) -> int:
    """How many processes below the zygote use the processor."""
    assert pool._process is not None
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += fields[0] == "R" and int(fields[3]) != os.getsid(0) and _below(int(fields[1]), pool._process.pid)
    return total


def _below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def test_many_at_once_each_get_their_own_answer(runs: Runs) -> None:
    async def go() -> list[Ran]:
        jobs = [Job("python" if n % 2 else "javascript", "def main(i): return i * 2" if n % 2 else "const main = (i) => i * 2", str(n)) for n in range(24)]
        return list(await asyncio.gather(*(runs.pool.run(job) for job in jobs)))

    assert [ran.output for ran in runs.do(go())] == [str(n * 2) for n in range(24)]


def test_when_the_zygote_is_killed_another_one_serves(runs: Runs) -> None:
    runs.value("javascript", "const main = () => 1")
    assert runs.pool._process is not None
    runs.pool._process.kill()
    runs.pool._process.wait()
    assert runs.value("javascript", "const main = () => 2") == 2


def test_all_processes_end_with_the_pool() -> None:
    made = Runs()
    made.value("python", "def main(i): return 1")
    assert made.pool._process is not None
    pid = made.pool._process.pid
    made.pool.close()
    made.loop.close()
    end = time.monotonic() + 20
    while _descendants(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert _descendants(pid) == []


def _descendants(pid: int) -> list[int]:
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [each for each in found if each != pid and _below(each, pid)]


def test_answers_that_are_none_of_ours_are_not_believed() -> None:
    for said in (None, [], {}, {"output": 1, "failure": None, "console": []}, {"output": "1", "failure": {"code": 3}, "console": []}):
        with pytest.raises(ValueError):
            Ran.read(said)
    told = Ran.read({"output": None, "failure": {"code": "engine.worker_lost", "message": "x" * 10_000}, "console": []})
    assert told.failure is not None
    assert (told.failure.code, len(told.failure.message)) == ("function_error", 4000)
