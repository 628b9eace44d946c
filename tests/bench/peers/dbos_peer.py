"""DBOS in one process behind FastAPI, installed, pinned, into a virtual environment the first time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.host.servers import free_port
from tests.bench.peers.peer import Peer, new_database, wait_for

HERE = Path(__file__).parent
_UNFINISHED = "SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"
_FINISHED = """
SELECT count(*), (max(updated_at) - min(created_at)) / 1000.0 FROM dbos.workflow_status WHERE status = 'SUCCESS' AND created_at >= %(since)s * 1000
"""


@contextlib.contextmanager
def dbos(folder: Path, echo_url: str) -> Iterator[Peer]:
    """Serve Workload A; the environment stands in `folder`."""
    python, port = _python(folder), free_port()
    database_url = new_database(f"dbos_{os.getpid()}")
    process = subprocess.Popen([str(python), str(HERE / "dbos_app.py"), str(port), database_url, echo_url])
    try:
        wait_for(f"http://127.0.0.1:{port}/docs", 60)
        yield Peer("dbos", f"http://127.0.0.1:{port}/hook", process.pid, database_url, _UNFINISHED, _FINISHED)
    finally:
        process.terminate()
        process.wait()


def _python(folder: Path) -> Path:
    """The environment's Python; makes the environment when it is not there."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(HERE / "requirements-dbos.txt")], check=True)
        (folder / "ready").touch()
    return python
