"""`./run` as a user meets it on a new machine: everything embedded, every way of stopping it, and its words when it cannot start."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from infra.host.processes import start_time
from tests.support.product import CHECKOUT, Product

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("run-command")]  # the group shares one Millrace that each test may end


def wait_for(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)


def processes_of(data: Path) -> list[str]:
    """Command lines of live processes that name the data folder or say in their environment that they work on it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = folder.joinpath("cmdline").read_bytes() + b"\0" + folder.joinpath("environ").read_bytes()
        except OSError:
            continue
        if str(data).encode() in words and int(folder.name) != os.getpid():
            found.append(words.split(b"\0\0")[0].replace(b"\0", b" ").decode(errors="replace")[:200])
    return found


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data folder that the embedded database's user can pass through; its cluster is deleted wherever it stands."""
    parent = Path(tempfile.mkdtemp(prefix="millrace-run-"))
    parent.chmod(0o711)
    yield parent / "data"
    with_place = parent / "data" / "servers.json"
    if with_place.exists():
        shutil.rmtree(json.loads(with_place.read_text())["postgres"]["place"], ignore_errors=True)
    shutil.rmtree(parent)


class Runs:
    """The one running Millrace of this module; a test that ends it lets the next one start it again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.product: Product | None = None

    def up(self) -> Product:
        if self.product is None or self.product.process.poll() is not None:
            self.product = Product(self.data)
        return self.product


@pytest.fixture(scope="module")
def runs(data: Path) -> Iterator[Runs]:
    started = Runs(data)
    yield started
    if started.product is not None:
        started.product.stop()


def test_it_says_how_to_go_on_and_that_works(runs: Runs) -> None:
    product = runs.up()
    said = product.output()
    assert f"Millrace is ready: http://127.0.0.1:{product.port}/\n" in said
    assert f"http://127.0.0.1:{product.port}/#/sign-in?key={product.run['api_key']}" in said
    curl = re.search(r"curl -X POST .*", said)
    assert curl is not None
    if shutil.which("curl"):
        pasted = subprocess.run(f"{curl[0]} -s -w '\\n%{{http_code}}'", shell=True, capture_output=True, text=True, check=True)  # noqa: S602
        body, _, status = pasted.stdout.rpartition("\n")
        assert status in {"200", "202"}, body
        assert json.loads(body)


def test_run_json_leads_to_every_server(runs: Runs) -> None:
    product = runs.up()
    run_file = product.data / "run.json"
    assert stat.S_IMODE(run_file.stat().st_mode) == 0o600
    assert product.run["pid"] == product.process.pid
    with psycopg.connect(product.run["database_url"]) as connection:
        assert connection.execute("SELECT count(*) FROM wakes").fetchone() is not None
    assert redis.Redis.from_url(product.run["redis_url"]).ping()
    health = product.api("GET", "/health", status=200)
    assert health["checks"]["database"]["status"] == "ok"
    assert health["checks"]["cache"]["status"] == "ok"
    if product.run["kafka_bootstrap_servers"] == "none":
        assert health["checks"]["kafka"]["status"] == "off"
        assert health["checks"]["kafka"]["detail"]
    else:
        host, port = product.run["kafka_bootstrap_servers"].split(":")
        socket.create_connection((host, int(port)), timeout=5).close()


def test_what_dies_comes_back(runs: Runs) -> None:
    product = runs.up()
    before = product.children()
    for name in ("worker-1", "valkey", "postgres", "front"):
        os.kill(before[name], signal.SIGKILL)
    wait_for(lambda: all(product.children().get(name) != before[name] for name in ("worker-1", "valkey", "postgres", "front")), "the restarts")

    def healthy() -> bool:
        try:
            reply = product.call("GET", "/api/health", key=False)
        except OSError:
            return False
        return reply.status == 200 and reply.json()["checks"]["cache"]["status"] == "ok"

    wait_for(healthy, "health after the restarts")
    workflow = product.api("GET", "/workflows")["items"][0]
    started = product.api("POST", f"/workflows/{workflow['id']}/executions", {"input": {"name": "after the kill"}})
    wait_for(lambda: product.api("GET", f"/executions/{started['id']}")["finished_at"], "the execution's end")


def test_a_second_one_on_the_folder_is_refused(runs: Runs) -> None:
    product = runs.up()
    second = subprocess.run(
        [CHECKOUT / "run", "--port", "0", "--data", product.data, "--no-frontend"], capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode != 0
    assert f"already runs on the data folder {product.data}" in second.stderr
    assert product.api("GET", "/health", status=200)


def test_a_taken_port_is_named_with_a_way_out(runs: Runs, tmp_path: Path) -> None:
    product = runs.up()
    command = [CHECKOUT / "run", "--port", str(product.port), "--data", tmp_path / "other", "--no-frontend"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode != 0
    assert f"Port {product.port}" in refused.stderr
    assert f"--port {product.port + 1}" in refused.stderr


def test_after_kill_9_the_next_run_goes_on(runs: Runs) -> None:
    product = runs.up()
    product.api("PUT", "/workflows/by-slug/kept", {"name": "Kept", "definition": {"schema": "millrace/1", "nodes": [], "edges": []}})
    pids = product.children()
    product.process.kill()
    product.process.wait()
    again = runs.up()
    assert again.run["api_key"] == product.run["api_key"]
    assert again.run["database_url"] == product.run["database_url"]
    assert again.api("PUT", "/workflows/by-slug/kept", {"name": "Kept still", "definition": {"schema": "millrace/1", "nodes": [], "edges": []}}, status=200)
    assert not [name for name, pid in pids.items() if start_time(pid) is not None and again.children().get(name) != pid]


def test_ctrl_c_leaves_no_process(runs: Runs) -> None:
    product = runs.up()
    pids = product.children()
    assert processes_of(product.data) or not Path("/proc/self").exists()
    assert product.stop() == 0
    assert [name for name, pid in pids.items() if start_time(pid) is not None] == []
    assert processes_of(product.data) == []


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    env = {**os.environ, "MILLRACE_BOOTSTRAP_KEY": "too-short"}
    refused = subprocess.run([CHECKOUT / "run", "--data", tmp_path], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode != 0
    assert "MILLRACE_BOOTSTRAP_KEY must be 20 to 200 characters" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_lists_the_options() -> None:
    shown = subprocess.run([CHECKOUT / "run", "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for option in ("--port", "--data", "--workers", "--demo", "--no-frontend"):
        assert option in shown
