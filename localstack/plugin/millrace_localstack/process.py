"""One function's process: started with nothing of LocalStack's own environment, writing its log to a file, gone when told.

The log is a file and not a pipe: what the function printed before it answered is in the file when the answer arrives, so no line is lost or waited for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from millrace_localstack.runtime_api import Invocation, Outcome, RuntimeApi, error

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
LOG_BYTES_KEPT = 1_000_000  # of one invocation's log; the rest is cut off, with a word

# The kernel tells a child when the *thread* that made it dies, so all are made by one that lives as long as LocalStack.
_maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="function-processes")


@dataclass(frozen=True)
class Program:
    """What to run: the unzipped code, the handler in it, and its environment variables. `runtime` is a folder with AWS's runtime client."""

    code: Path
    handler: str
    variables: Mapping[str, str]
    runtime: Path
    python: str = os.path.realpath(sys.executable)


class FunctionProcess:
    """A process and its Runtime API. It may be invoked until it has ended; then another one takes its place."""

    def __init__(self, program: Program) -> None:
        self.api = RuntimeApi()
        self._folder = Path(tempfile.mkdtemp(prefix="function-"))
        self._log = self._folder / "log"
        self._read = 0
        self._ended = threading.Event()
        with self._log.open("ab") as log:
            self._process: subprocess.Popen[bytes] = _maker.submit(self._start, program, log.fileno()).result()
        threading.Thread(target=self._watch, name=f"function-{self._process.pid}", daemon=True).start()

    def _start(self, program: Program, log: int) -> subprocess.Popen[bytes]:
        # -P -s -S: the function sees its code, then AWS's runtime client, then the standard library; nothing installed here.
        words = [program.python, "-P", "-s", "-S", "-B", str(BOOTSTRAP), str(os.getpid()), program.handler]
        home = self._folder / "tmp"
        home.mkdir()
        variables = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            **program.variables,
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "LAMBDA_TASK_ROOT": str(program.code),
            "LAMBDA_RUNTIME_DIR": str(program.runtime),
            "PYTHONPATH": f"{program.code}{os.pathsep}{program.runtime}",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(home),
            "HOME": str(home),
            "TZ": ":UTC",
        }
        return subprocess.Popen(
            words, cwd=program.code, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    @property
    def pid(self) -> int:
        """Of the process, which leads a process group of its own."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._ended.is_set()

    def started(self) -> Outcome | None:
        """Waits until the process asks for its first event: None; or the error that it failed to start with."""
        return self.api.started.result()

    def invoke(self, invocation: Invocation, seconds: float) -> Outcome:
        """The outcome of one event. A function that takes longer is killed: Lambda's own Sandbox.Timedout."""
        answer: Future[Outcome] = self.api.submit(invocation)
        try:
            return answer.result(seconds)
        except TimeoutError:
            self._kill()
            return error("Sandbox.Timedout", f"RequestId: {invocation.request_id} Error: Task timed out after {seconds:.2f} seconds")

    def log(self) -> list[str]:
        """The lines printed since the last call."""
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._read)
                text = stream.read(LOG_BYTES_KEPT)
                cut = stream.seek(0, os.SEEK_END) - self._read - len(text)
                self._read += len(text) + cut
        except FileNotFoundError:  # stopped
            return []
        lines = [line.rstrip("\r") for line in text.decode("utf-8", "replace").split("\n") if line.strip()]
        return [*lines, f"[{cut} more bytes of log were cut off]"] if cut else lines

    def stop(self) -> None:
        """Kill it without asking, as Lambda does, and delete what it wrote. Safe to call twice."""
        self._kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        if not self._ended.is_set():
            self._kill_group()
            self._ended.wait(10)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _watch(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self._kill_group()  # what it started and left, while nobody else can have its pid
        status = self._process.wait()
        self._ended.set()
        said = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        self.api.fail(error("Runtime.ExitError", f"Error: Runtime exited with error: {said}"))
        self.api.close()
