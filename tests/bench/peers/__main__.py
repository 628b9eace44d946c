"""Workload A on Millrace and on DBOS, pair by pair in one run.

    python -m tests.servers run --no-kafka -- python -m tests.bench.peers [--pairs 3] [--seconds 8] [--concurrency 64] [--environment FOLDER]

DBOS is installed, pinned, into a virtual environment in FOLDER the first time. Both use the same PostgreSQL, echo server and load generator.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg

from infra.host.servers import free_port
from tests.bench.cpu import cpu_seconds, descendants
from tests.bench.workload_a import echo, load, measure, postmaster, workload
from tests.e2e.conftest import product_environment
from tests.support.product import Product

HERE = Path(__file__).parent
ECHO_PORT, DBOS_PORT = free_port(), free_port()
ECHO_URL = f"http://127.0.0.1:{ECHO_PORT}/echo"


def python_with_dbos(folder: Path) -> Path:
    """The environment's Python; makes the environment when it is not there."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(HERE / "requirements-dbos.txt")], check=True)
        (folder / "ready").touch()
    return python


class Dbos:
    """DBOS in one process, on a database of its own."""

    def __init__(self, python: Path) -> None:
        server = os.environ["MILLRACE_TEST_DATABASE_URL"]
        self.database_url = server.rsplit("/", 1)[0] + f"/dbos_{os.getpid()}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE dbos_{os.getpid()}")  # type: ignore[arg-type]
        command = [str(python), str(HERE / "dbos_app.py"), str(DBOS_PORT), self.database_url, ECHO_URL]
        self.process = subprocess.Popen(command)
        self.url = f"http://127.0.0.1:{DBOS_PORT}/hook"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{DBOS_PORT}/docs")  # noqa: S310
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError("DBOS did not start")

    def measure(self, concurrency: int, seconds: float) -> dict[str, Any]:
        """As `measure` of Workload A does."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            pids = {"app": self.process.pid, "postgres": postmaster(connection)}
            before = {name: sum(cpu_seconds(p) for p in descendants(pid)) for name, pid in pids.items()}
            since = time.time() * 1000
            times = asyncio.run(load(self.url, concurrency, seconds))
            while connection.execute("SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')").fetchone()[0]:  # type: ignore[index]
                time.sleep(0.05)
            after = {name: sum(cpu_seconds(p) for p in descendants(pid)) for name, pid in pids.items()}
            row = connection.execute(
                "SELECT count(*), max(updated_at) - min(created_at) FROM dbos.workflow_status WHERE status = 'SUCCESS' AND created_at >= %s", (since,)
            ).fetchone()
        assert row is not None
        return {
            "executions": row[0],
            "per_second": round(row[0] * 1000 / float(row[1]), 1),
            "answer_ms_p50": round(statistics.median(times) * 1000, 1),
            "cpu_ms_per_execution": {name: round((after[name] - before[name]) * 1000 / row[0], 2) for name in pids},
        }


def main() -> None:
    """Run the pairs; print each and the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir()) / "millrace-bench-dbos")
    options = parser.parse_args()
    python = python_with_dbos(options.environment)
    environment = product_environment()
    process = multiprocessing.Process(target=echo, args=(ECHO_PORT,), daemon=True)
    process.start()
    dbos = Dbos(python)
    ratios, ours_rate, theirs_rate = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data", "--workers", "2", environment={**environment, "LOG_LEVEL": "WARNING"})
        try:
            made = product.api("POST", "/workflows", {"name": "Bench", "definition": workload(ECHO_URL)})
            product.api("POST", f"/workflows/{made['id']}/publish")
            product.api("POST", "/triggers", {"workflow_id": made["id"], "type": "api", "config": {"path": "bench"}})
            asyncio.run(load(f"http://{product.host}:{product.port}/api/trigger/bench", 8, 2))
            asyncio.run(load(dbos.url, 8, 2))
            for _ in range(options.pairs):
                ours = measure(product, environment["DATABASE_URL"], options.concurrency, options.seconds, made["id"])
                theirs = dbos.measure(options.concurrency, options.seconds)
                ours_rate.append(ours["per_second"])
                theirs_rate.append(theirs["per_second"])
                ratios.append(ours["per_second"] / theirs["per_second"])
                print(json.dumps({"millrace": ours, "dbos": theirs, "ratio": round(ratios[-1], 1)}), flush=True)
        finally:
            product.stop()
            dbos.process.terminate()
            process.terminate()
    medians = {"millrace": statistics.median(ours_rate), "dbos": statistics.median(theirs_rate), "ratio": round(statistics.median(ratios), 1)}
    print(json.dumps({"medians": medians}))


if __name__ == "__main__":
    main()
