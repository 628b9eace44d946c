"""What `./test` runs once everything is installed: lint, then each group of tests, then a table of times.

    ./test [lint|frontend|unit|integration|without-redis|contract|e2e|chaos|localstack …] [pytest words…]

Without a group: all of them. The first word that names no group, and all after it, go to pytest. The servers are
started once for all groups that need them. A group that mostly waits runs beside others, and says what it has to say when it is done. The exit status is 0
only when every group passed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.servers import run_with_servers

CHECKOUT = Path(__file__).parent.parent
# Group -> its folders. `without-redis` is what works on real servers, once more with REDIS_URL=none.
PYTEST_GROUPS = {
    "unit": ["tests/unit"],
    "integration": ["tests/integration"],
    "without-redis": ["tests/integration", "tests/e2e/test_github_deliveries.py"],
    "contract": ["tests/contract"],
    "e2e": ["tests/e2e"],
    "chaos": ["tests/chaos"],
    "localstack": ["tests/localstack"],
}
SERVERLESS = {"lint", "frontend", "unit"}
# How pytest-xdist hands a group's tests to its two workers. A flow of the web app is minutes, so end-to-end tests go one by one,
# but for those that share a running Millrace through the mark `xdist_group`.
PARALLEL = {"unit": "loadfile", "integration": "loadfile", "without-redis": "loadfile", "chaos": "loadfile", "e2e": "loadgroup"}


@dataclass(frozen=True)
class Stage:
    """Groups that run one after the other, and one that runs beside them."""

    groups: tuple[str, ...]
    beside: str | None = None


# LocalStack's group mostly waits (for the minute's rule, for timeouts), so it leaves room for others.
STAGES = (Stage(("lint", "frontend", "unit", "integration")), Stage(("without-redis", "contract"), beside="localstack"), Stage(("e2e", "chaos")))
GROUPS = ("lint", "frontend", *PYTEST_GROUPS)
_FAILED = 1  # pytest's status when tests failed
_NO_TESTS = 5  # pytest's status when it collected nothing
_INSIDE = "--inside"


@dataclass(frozen=True)
class Outcome:
    """How one group went."""

    group: str
    words: str
    failed: bool
    seconds: float


class StopSigns:
    """Ctrl-C and SIGTERM while groups run: pytest is let finish, since its fixtures stop what they started."""

    def __init__(self) -> None:
        self.seen = False
        signal.signal(signal.SIGINT, self._note)  # the terminal tells pytest as well
        signal.signal(signal.SIGTERM, self._pass_on)

    def _note(self, *_: object) -> None:
        self.seen = True

    def _pass_on(self, *_: object) -> None:
        self.seen = True
        for process in _running:
            process.send_signal(signal.SIGINT)


_running: list[subprocess.Popen[bytes]] = []


def run(command: list[str], environment: dict[str, str] | None = None, output: IO[bytes] | None = None) -> int:
    """Runs one command in the checkout and returns its exit status. What it prints goes to `output` when that is given."""
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=output, stderr=subprocess.STDOUT if output else None)
    _running.append(process)
    try:
        return process.wait()
    finally:
        _running.remove(process)


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """The groups asked for (all when none) and what is left for pytest."""
    groups: list[str] = []
    for index, word in enumerate(words):
        if word not in GROUPS:
            return groups or list(GROUPS), words[index:]
        groups.append(word)
    return groups or list(GROUPS), []


def lint_commands() -> dict[str, list[str]]:
    """Every check of the code itself."""
    bin_dir = Path(sys.executable).parent
    return {
        "ruff": [str(bin_dir / "ruff"), "check", "."],
        "mypy": [str(bin_dir / "mypy")],
        "import-linter": [str(bin_dir / "lint-imports"), "--cache-dir", str(CHECKOUT / ".import_linter_cache")],
    }


def frontend_commands() -> dict[str, list[str]]:
    """Every check of the web app, in its folder."""
    return {
        "install": ["npm", "ci", "--no-audit", "--no-fund"],
        "types": ["npm", "run", "typecheck"],
        "eslint": ["npm", "run", "lint"],
        "vitest": ["npm", "test"],
        "build": ["npm", "run", "build"],
    }


def run_commands(commands: dict[str, list[str]], folder: Path) -> tuple[str, bool]:
    """Runs every command, also after one has failed."""
    failed = []
    for name, command in commands.items():
        print(f"--- {name}", flush=True)
        if subprocess.run(command, cwd=folder, check=False).returncode != 0:
            failed.append(name)
    return (f"FAILED: {', '.join(failed)}", True) if failed else ("passed", False)


def has_tests(group: str) -> bool:
    """Whether there is anything to run."""
    places = [CHECKOUT / place for place in PYTEST_GROUPS[group]]
    return any(place.is_file() or any(place.rglob("test_*.py")) for place in places)


def run_pytest(group: str, words: list[str], output: IO[bytes] | None = None) -> tuple[str, bool]:
    """Runs one folder of tests; one without tests is no failure. Groups that run at the same time remember apart what failed."""
    if not has_tests(group):
        return "no tests", False
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{group}", *PYTEST_GROUPS[group]]
    side_by_side = ["-n", "2", "--dist", PARALLEL[group]] if group in PARALLEL else []
    environment = {**os.environ, **({"MILLRACE_TEST_WITHOUT_REDIS": "1"} if group == "without-redis" else {})}
    status = run([*command, *side_by_side, *words], environment, output)
    if status == _FAILED and not words:
        print(f"--- what failed in {group}, once more and alone: a busy machine is not a fault, but it is said", flush=True)
        again = run([*command, "--last-failed", "--last-failed-no-failures", "none"], environment, output)
        return ("passed at the second try", False) if again == 0 else (f"FAILED twice (pytest status {again})", True)
    if status == _NO_TESTS:
        return "no tests", False
    return ("passed", False) if status == 0 else (f"FAILED (pytest status {status})", True)


def run_group(group: str, words: list[str], output: IO[bytes] | None = None) -> Outcome:
    """Runs one group to its end."""
    began = time.monotonic()
    if group == "lint":
        said, failed = run_commands(lint_commands(), CHECKOUT)
    elif group == "frontend":
        said, failed = run_commands(frontend_commands(), CHECKOUT / "frontend")
    else:
        said, failed = run_pytest(group, words, output)
    return Outcome(group, said, failed, time.monotonic() - began)


class Beside:
    """A group that runs while others do; what it prints is kept until it has ended."""

    def __init__(self, group: str, words: list[str]) -> None:
        self.group = group
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object
        self._outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run, args=(words,))
        self._thread.start()

    def _run(self, words: list[str]) -> None:
        self._outcome = run_group(self.group, words, self._output)

    def outcome(self) -> Outcome:
        """Waits for the end, prints what was kept, and tells how it went."""
        self._thread.join()
        self._output.seek(0)
        print(f"\n=== {self.group}\n{self._output.read().decode(errors='replace')}", flush=True)
        return self._outcome or Outcome(self.group, "FAILED: it could not be run", True, 0.0)


def run_groups(groups: list[str], words: list[str]) -> int:
    """Runs the groups, stage by stage, prints the table, and returns the exit status."""
    outcomes: list[Outcome] = []
    stop = StopSigns()
    began = time.monotonic()
    for stage in STAGES:
        ahead = [group for group in stage.groups if group in groups]
        beside = Beside(stage.beside, words) if stage.beside in groups else None
        for group in ahead:
            print(f"\n=== {group}" + (f" (and {beside.group} beside it)" if beside else ""), flush=True)
            outcomes.append(run_group(group, words))
            if stop.seen:
                break
        if beside:
            outcomes.append(beside.outcome())
        if stop.seen:
            return 130
    print(f"\n{'group':<14}{'seconds':>8}  outcome")
    for outcome in outcomes:
        print(f"{outcome.group:<14}{outcome.seconds:>8.1f}  {outcome.words}")
    print(f"{'together':<14}{time.monotonic() - began:>8.1f}", flush=True)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def main(words: list[str]) -> int:
    """Starts the servers around this very command when a group needs them, and runs the groups."""
    if words[:1] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    inside = words[:1] == [_INSIDE]
    groups, rest = split(words[1:] if inside else words)
    needed = [group for group in groups if group not in SERVERLESS and has_tests(group)]
    if inside or not needed or "MILLRACE_TEST_DATABASE_URL" in os.environ:
        return run_groups(groups, rest)
    again = [sys.executable, "-m", "tests.runner", _INSIDE, *groups, *rest]
    return run_with_servers(again, kafka=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
