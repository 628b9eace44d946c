"""docs/deploy/localstack.md, followed as written: started, used, deployed again, stopped with nothing left."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.host.caches import CHECKOUT
from infra.host.servers import free_port
from localstack.environment import why_not

PAGE = (CHECKOUT / "docs" / "deploy" / "localstack.md").read_text()
KEPT = {"bootstrap.key", "secrets.json", "logs", "up.log", "lock"}


def blocks(title: str) -> list[str]:
    """The commands of one section."""
    return re.findall(r"```bash\n(.*?)```", PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0], re.DOTALL)


@pytest.fixture
def data() -> Iterator[Path]:
    """Where the page says `.millrace/localstack`."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-localstack-"))
    yield folder
    subprocess.run([sys.executable, "-m", "localstack", "stop", "--data", str(folder)], cwd=CHECKOUT, check=False)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(900)
def test_the_page_is_true(data: Path, database: str) -> None:
    reason = why_not()
    if reason or os.environ.get("MILLRACE_TEST_KAFKA", "none") == "none":
        pytest.skip(reason or "no Kafka")
    port, topic = str(free_port()), f"orders-{uuid.uuid4().hex[:8]}"
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "REDIS_URL": os.environ["MILLRACE_TEST_REDIS_URL"],
        "KAFKA_BOOTSTRAP_SERVERS": os.environ["MILLRACE_TEST_KAFKA"],
    }
    words = {
        ".venv/bin/python": sys.executable,
        ".millrace/localstack": str(data),
        "orders": topic,
        "127.0.0.1:4566": f"127.0.0.1:{port}",
        "-m localstack start": f"-m localstack start --no-frontend --data {data} --port {port}",
        "-m localstack deploy": f"-m localstack deploy --no-frontend --data {data}",
        "-m localstack stop": f"-m localstack stop --data {data}",
    }

    def follow(*parts: str) -> str:
        script = "set -e\n" + "\n".join(parts)
        for written, meant in words.items():
            script = script.replace(written, meant)
        done = subprocess.run(["bash", "-c", script], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=350)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    started = follow(*blocks("Start"))
    assert "Millrace on LocalStack is ready: http://" in started
    used = follow(*blocks("Use"))
    assert '"greeting":"Hello, Ada!"' in used
    assert "millrace-SchedulerRule" in used
    assert re.search(rf"{topic}\s+Enabled|Enabled\s+{topic}", used)
    assert "execution succeeded" in used
    assert "millrace-engine-failures" in used
    assert f'"topic":"{topic}"' in used
    assert "Deploying the stack" in used
    assert "Stopped." in follow(*blocks("Stop"))
    assert {entry.name for entry in data.iterdir()} <= KEPT
    assert not [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and str(data) in _command(pid)]


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
