"""LocalStack's runtime executor `process`: each execution environment of a function is a process of this machine.

Select it with LAMBDA_RUNTIME_EXECUTOR=process. MILLRACE_LAMBDA_RUNTIME names a folder with AWS's runtime client (awslambdaric), installed for the Python that
LocalStack itself runs on, which is also the functions' Python, whatever runtime they ask for.

Not as on AWS: Python functions from a zip only; no layers, no extensions, no memory limit (a function may use the whole machine), no isolation (it runs with
LocalStack's rights, and can read what LocalStack can), no frozen processes between events, no limit of 6 MB on answers.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import localstack.config as config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from millrace_localstack.code_store import CodeStore
from millrace_localstack.process import FunctionProcess, Program
from millrace_localstack.reports import report
from millrace_localstack.runtime_api import Invocation, Outcome

LOG = logging.getLogger(__name__)
RUNTIME_VARIABLE = "MILLRACE_LAMBDA_RUNTIME"

_store = CodeStore(Path(config.dirs.tmp) / "millrace-code")


class ProcessExecutor(RuntimeExecutor):
    """One execution environment. LocalStack never invokes it twice at the same time."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._process: FunctionProcess | None = None
        self._lock = threading.Lock()  # between stop, which may come at any time, and the making of a process
        self._stopped = False
        self._variables: dict[str, str] = {}

    def start(self, env_vars: dict[str, str]) -> None:
        """Start a process and wait until it is ready. A function that fails to load is not raised here: its invocation fails, with its log.

        Raises StatusErrorException for what cannot run at all, and when LocalStack's start-up timer stopped us meanwhile.
        """
        runtime = self.function_version.config.runtime or "an image"
        if not runtime.startswith("python"):
            raise _refused("Runtime.Unsupported", f"the executor `process` runs Python functions from a zip, not {runtime}")
        self._variables = {name: str(value) for name, value in env_vars.items()}
        process = self._new_process()
        process.started()
        if self._stopped:
            raise _refused("Sandbox.Timedout", "the function took too long to start")

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """One event. A process that ended with the event before, by itself or killed, is replaced first, as on AWS."""
        began = time.monotonic()
        process = self._process
        if process is None or process.ended:
            process = self._new_process()
        request_id, seconds = payload["invoke-id"], float(self.function_version.config.timeout)
        outcome = process.started() or process.invoke(_invocation(payload, seconds), seconds)
        return self._result(request_id, outcome, process, time.monotonic() - began)

    def stop(self) -> None:
        """End the process. An event that is under way fails."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.stop()

    def _new_process(self) -> FunctionProcess:
        function = self.function_version.config
        program = Program(
            code=_store.folder_of(function.code.code_sha256),
            handler=function.handler or "",
            variables={**self._variables, "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}"},
            runtime=Path(os.environ[RUNTIME_VARIABLE]),
        )
        with self._lock:
            if self._stopped:
                raise _refused("Runtime.ExitError", "the environment was stopped")
            if self._process is not None:
                self._process.stop()
            self._process = FunctionProcess(program)
            return self._process

    def _result(self, request_id: str, outcome: Outcome, process: FunctionProcess, seconds: float) -> InvocationResult:
        version = self.function_version
        failure = json.loads(outcome.body).get("errorMessage") if outcome.failed and process.ended else None
        lines = report(request_id, version.id.qualifier, process.log(), seconds, version.config.memory_size, failure)
        return InvocationResult(request_id, outcome.body, is_error=outcome.failed, logs="\n".join(lines))

    # -- the rest of LocalStack's interface ----------------------------------------------------------------------------------------

    def get_address(self) -> str:
        """Where the environment is, seen from LocalStack."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where LocalStack is, seen from the environment."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Where the Docker image's init process would report to; ours does not."""
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def get_logs(self) -> str:
        """For LocalStack's own debug log."""
        return "\n".join(self._process.log()) if self._process else ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unzip the code, once for all functions that share it."""
        if function_version.config.code:
            _store.keep(function_version.config.code)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing: other functions may share the code. The whole store goes when LocalStack stops."""

    @classmethod
    def validate_environment(cls) -> bool:
        """Whether there is a runtime client."""
        return os.environ.get(RUNTIME_VARIABLE) is not None


def _invocation(payload: dict[str, str], seconds: float) -> Invocation:
    return Invocation(
        request_id=payload["invoke-id"],
        payload=payload["payload"].encode(),
        function_arn=payload["invoked-function-arn"],
        trace_id=payload.get("trace-id", ""),
        deadline_ms=int((time.time() + seconds) * 1000),
    )


def _refused(kind: str, message: str) -> StatusErrorException:
    return StatusErrorException(message, payload=json.dumps({"errorType": kind, "errorMessage": message}).encode())


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """How LocalStack finds the executor."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> type[RuntimeExecutor]:
        """The executor's class."""
        return ProcessExecutor
