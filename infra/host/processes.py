"""Processes that we start, and only those: made so that they can be found again, stopped in order, and never mistaken.

A process is known by its pid *and* the instant it started, since pids are used again. Children run in a session of their
own, so that a Ctrl-C in the terminal reaches only the supervisor, which then stops them in order; on Linux they also get
a signal when the supervisor dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
_LOG_CAP_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Account:
    """A user of this machine whose rights a child takes on."""

    name: str
    uid: int
    gid: int


def start_time(pid: int) -> str | None:
    """An opaque text that differs between two processes that had the same pid; None when there is no live one.

    On Linux boot id and start tick from /proc, elsewhere the start time from ps. A zombie counts as gone.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (OSError, ValueError):
            return None
        return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def command_line(pid: int) -> str:
    """The command of a live process, words separated by spaces; empty when it is gone or may not be seen."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


class Child:
    """A process started here, its log file and its identity."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self.name, self.pid, self.log = name, process.pid, log
        self.started = start_time(process.pid) or ""
        self.started_monotonic = time.monotonic()
        self._process, self._log_start = process, log_start

    def poll(self) -> int | None:
        """None while it runs, else its exit status (negative: the signal that ended it).

        What it leaves running in its process group is killed before its pid is given back, while nobody else can have it.
        """
        if self._process.returncode is None and _has_ended(self.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; nothing happens when the process has ended."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within the time."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def kill_now(self) -> None:
        """Sends SIGKILL to it and its process group without waiting. Safe in a signal handler."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kills it with its process group and waits until it is gone."""
        if self.poll() is None:
            self._process.kill()
            while self.poll() is None:
                time.sleep(0.01)

    def stop(self, number: signal.Signals, grace_seconds: float) -> bool:
        """Asks it to stop with `number`; kills it after the grace. Returns whether it went by itself."""
        if self.poll() is not None:
            return True
        self.send(number)
        went = self.wait(grace_seconds)
        self.kill()
        return went

    def said_ready(self) -> bool:
        """Whether a line beginning with `ready` is in the log since this start."""
        return any(line.startswith("ready") for line in self._log_text().splitlines())

    def logged(self, words: str) -> bool:
        """Whether these words are in the log since this start."""
        return words in self._log_text()

    def count_lines(self, words: str) -> int:
        """How many lines of the log since this start hold these words."""
        return sum(words in line for line in self._log_text().splitlines())

    def log_tail(self, lines: int = 15) -> str:
        """The last lines this start wrote, with the log's path, for an error message."""
        tail = self._log_text().strip().splitlines()[-lines:]
        return "\n".join([*(f"    {line}" for line in tail), f"    (full log: {self.log})"])

    def _log_text(self) -> str:
        try:
            with self.log.open("rb") as stream:
                stream.seek(self._log_start)
                return stream.read(_LOG_CAP_BYTES).decode(errors="replace")
        except OSError:
            return ""


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Starts a child whose output goes to `log`. Must be called from a thread that lives as long as the child should.

    With `account` the child has that user's rights and no other groups (we must be root). `death_signal` is what it gets
    on Linux when we die.
    """
    _cap_log(log)
    with log.open("ab") as output:
        rights = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": ()}
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_tie_to_parent(death_signal),  # after the change of user, which would undo it
            **rights,  # type: ignore[call-overload]
        )
        return Child(name, process, log, output.tell())


def stop_all(children: Sequence[Child], grace_seconds: float) -> None:
    """Sends SIGTERM to all of them at once and kills those that are left after the grace."""
    for child in children:
        child.send(signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    for child in children:
        child.wait(deadline - time.monotonic())
        child.kill()


def _tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if _PRCTL is None:
        return None
    prctl, parent, number = _PRCTL, os.getpid(), int(death_signal)

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return tie


def _cap_log(log: Path) -> None:
    """Keeps one earlier log when the present one has grown past the cap."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_CAP_BYTES:
            os.replace(log, log.with_suffix(".log.1"))
    if not log.exists():
        os.close(os.open(log, os.O_CREAT | os.O_WRONLY, 0o600))


def trim_log(log: Path) -> None:
    """Bounds the log of a process that is still writing: copies it aside and empties it (a line in between may be lost)."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_CAP_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


class ProcessLedger:
    """`<data>/processes.json`: what runs for this data folder, for the next start to clean up after a kill -9.

    Every entry names the folder too, so that a copied data folder never leads to another installation's processes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = str(path.parent.resolve())
        self._entries: dict[str, dict[str, object]] = {}

    def add(self, child: Child) -> None:
        """Records a child under its name, replacing an earlier one."""
        self._entries[child.name] = {"pid": child.pid, "started": child.started, "folder": self._folder}
        self._save()

    def remove(self, name: str) -> None:
        """Forgets a child that has ended."""
        if self._entries.pop(name, None) is not None:
            self._save()

    def pids(self) -> dict[str, int]:
        """Name to pid of everything recorded."""
        return {name: int(str(entry["pid"])) for name, entry in self._entries.items()}

    def stop_survivors(self, grace_seconds: float = 10.0) -> list[str]:
        """Ends what an earlier supervisor left behind, and returns the names. Call it only while holding the folder's lock.

        SIGTERM first, SIGKILL after the grace; a pid whose start time differs is somebody else's and is left alone.
        """
        survivors = {name: (pid, started) for name, pid, started in self._recorded() if start_time(pid) == started}
        for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, grace_seconds)):
            for pid, started in survivors.values():
                _signal(pid, started, number)
            deadline = time.monotonic() + seconds
            while _any_left(survivors) and time.monotonic() < deadline:
                time.sleep(0.05)
        self.path.unlink(missing_ok=True)
        return sorted(survivors)

    def _recorded(self) -> list[tuple[str, int, str]]:
        try:
            entries = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return []
        return [
            (name, int(entry["pid"]), str(entry["started"]))
            for name, entry in entries.items()
            if entry.get("folder") == self._folder and entry.get("started")
        ]

    def _save(self) -> None:
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(self._entries, indent=2) + "\n")
        os.replace(temporary, self.path)


def _has_ended(pid: int) -> bool:
    """Whether our child has ended and still holds its pid. Without waitid (macOS before Python 3.13) never true."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _any_left(processes: Mapping[str, tuple[int, str]]) -> bool:
    return any(start_time(pid) == started for pid, started in processes.values())


def _signal(pid: int, started: str, number: signal.Signals) -> None:
    """Signals the process that started then. On Linux through a handle, so that not even a pid reused this instant is hit."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "pidfd_open"):
            if start_time(pid) == started:
                os.kill(pid, number)
            return
        handle = os.pidfd_open(pid)
        try:
            if start_time(pid) == started:
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
