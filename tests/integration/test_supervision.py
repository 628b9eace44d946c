"""The supervisor over stand-in programs, and the ledger and lock it relies on: real processes, really killed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.host import runfile
from infra.host.processes import Child, ProcessLedger, spawn, start_time
from infra.host.servers import ServerFailed
from infra.host.supervisor import Revival

CHECKOUT = Path(__file__).parents[2]
SLEEPER = (sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)")


def wait_for(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    return start_time(pid) is not None


class Run:
    """One supervisor in a process of its own."""

    def __init__(self, data: Path, *words: str) -> None:
        self.data, self.output = data, data.parent / "output"
        self._stream = self.output.open("ab")
        begins = len(self.said())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.standins", str(data), *words], cwd=CHECKOUT, stdout=self._stream, stderr=self._stream
        )
        wait_for(lambda: "ready with" in self.said()[begins:] or self.process.poll() is not None, "the start")

    def said(self) -> str:
        return self.output.read_text()

    def children(self) -> dict[str, int]:
        return json.loads((self.data / "run.json").read_text())["children"]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._stream.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(*words: str) -> Run:
        runs.append(Run(tmp_path / "data", *words))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()


class TestSupervisor:
    def test_it_stops_in_order_and_leaves_nothing(self, start: Callable[..., Run]) -> None:
        run = start()
        pids = run.children()
        assert sorted(pids) == ["front", "loops", "worker-1"]
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(30) == 0
        assert (run.data / "stopped").read_text().split() == ["front", "loops", "worker-1"]
        assert not any(alive(pid) for pid in pids.values())
        assert not (run.data / "run.json").exists()

    def test_sigterm_stops_it_too(self, start: Callable[..., Run]) -> None:
        run = start()
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(30) == 0

    def test_a_killed_worker_is_started_again(self, start: Callable[..., Run]) -> None:
        run = start()
        before = run.children()
        os.kill(before["worker-1"], signal.SIGKILL)
        wait_for(lambda: run.children()["worker-1"] != before["worker-1"], "the restart")
        assert {**run.children(), "worker-1": 0} == {**before, "worker-1": 0}
        assert "worker-1" in run.said()
        assert "SIGKILL" in run.said()

    def test_a_second_ctrl_c_kills_at_once(self, start: Callable[..., Run]) -> None:
        run = start("--stubborn")
        pids = run.children()
        run.process.send_signal(signal.SIGINT)
        wait_for(lambda: "worker-1" in (run.data / "stopped").read_text() if (run.data / "stopped").exists() else False, "the request")
        run.process.send_signal(signal.SIGINT)
        run.process.wait(15)  # well within the worker's grace of 20 seconds
        assert not any(alive(pid) for pid in pids.values())

    def test_after_a_kill_the_next_start_cleans_up(self, start: Callable[..., Run]) -> None:
        run = start("--stubborn")
        pids = run.children()
        run.process.kill()
        run.process.wait()
        again = start()
        assert not any(alive(pid) for pid in pids.values())
        assert sorted(again.children()) == sorted(pids)

    def test_two_on_one_folder_are_refused(self, start: Callable[..., Run]) -> None:
        run = start()
        second = start()
        assert second.process.wait(30) != 0
        assert f"already runs on the data folder {run.data}" in second.said()
        assert run.process.poll() is None

    def test_the_run_file_is_private_and_complete(self, start: Callable[..., Run]) -> None:
        run = start()
        content = json.loads((run.data / "run.json").read_text())
        wanted = {"url", "api_key", "pid", "database_url", "redis_url", "kafka_bootstrap_servers", "children"}
        assert content.keys() == wanted
        assert content["pid"] == run.process.pid
        private = ["run.json", "secrets.json", "bootstrap.key", "lock", *(f"logs/{name}.log" for name in content["children"])]
        assert {name: oct(stat.S_IMODE((run.data / name).stat().st_mode)) for name in private} == dict.fromkeys(private, "0o600")


def test_a_pause_grows_with_quick_deaths_and_ends_with_a_settled_life() -> None:
    revival = Revival()
    assert [revival.died(0.1) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert revival.died(60) == 0
    assert revival.due


class TestLedger:
    @pytest.fixture
    def sleeper(self, tmp_path: Path) -> Iterator[Child]:
        child = spawn("sleeper", SLEEPER, log=tmp_path / "sleeper.log", env=os.environ, cwd=tmp_path)
        wait_for(child.said_ready, "the sleeper's start")
        yield child
        child.kill()

    def ledger(self, tmp_path: Path, child: Child) -> ProcessLedger:
        ledger = ProcessLedger(tmp_path / "processes.json")
        ledger.add(child)
        return ProcessLedger(ledger.path)

    def test_survivors_are_ended(self, tmp_path: Path, sleeper: Child) -> None:
        assert self.ledger(tmp_path, sleeper).stop_survivors() == ["sleeper"]
        assert not alive(sleeper.pid)

    def test_one_that_does_not_listen_is_killed(self, tmp_path: Path) -> None:
        deaf = (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)")
        child = spawn("deaf", deaf, log=tmp_path / "deaf.log", env=os.environ, cwd=tmp_path)
        wait_for(child.said_ready, "its start")
        assert self.ledger(tmp_path, child).stop_survivors(grace_seconds=0.3) == ["deaf"]
        assert child.poll() == -signal.SIGKILL

    @pytest.mark.parametrize(("field", "value"), [("started", "another boot/1"), ("folder", "/somewhere/else")])
    def test_a_process_that_is_not_ours_is_left_alone(self, tmp_path: Path, sleeper: Child, field: str, value: str) -> None:
        ledger = self.ledger(tmp_path, sleeper)
        entries = json.loads(ledger.path.read_text())
        entries["sleeper"][field] = value
        ledger.path.write_text(json.dumps(entries))
        assert ledger.stop_survivors() == []
        assert alive(sleeper.pid)

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start cleans up")
    def test_children_go_when_their_parent_is_killed(self, start: Callable[..., Run]) -> None:
        run = start()
        pids = run.children()
        run.process.kill()
        run.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in pids.values()), "the end of the children")

    def test_what_a_child_started_goes_with_it(self, tmp_path: Path) -> None:
        parent = "import subprocess, sys; c = subprocess.Popen(['sleep', '600']); print('ready', c.pid, flush=True); c.wait()"
        child = spawn("parent", (sys.executable, "-c", parent), log=tmp_path / "parent.log", env=os.environ, cwd=tmp_path)
        wait_for(child.said_ready, "its start")
        grandchild = int((tmp_path / "parent.log").read_text().split()[1])
        child.stop(signal.SIGTERM, 5)
        wait_for(lambda: not alive(grandchild), "the end of the grandchild")


class TestFolder:
    def test_secrets_are_made_once(self, tmp_path: Path) -> None:
        first = runfile.kept_secrets(tmp_path)
        assert runfile.kept_secrets(tmp_path) == first
        assert {name: len(bytes.fromhex(value)) for name, value in first.items()} == {"MILLRACE_SECRET": 32}

    def test_unreadable_secrets_are_never_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "secrets.json").write_text("{half")
        with pytest.raises(ServerFailed, match="restore it from a backup"):
            runfile.kept_secrets(tmp_path)
        assert (tmp_path / "secrets.json").read_text() == "{half"

    def test_a_given_key_is_used_and_not_kept(self, tmp_path: Path) -> None:
        assert runfile.bootstrap_key(tmp_path, "g" * 20) == "g" * 20
        assert not (tmp_path / "bootstrap.key").exists()
        made = runfile.bootstrap_key(tmp_path, None)
        assert runfile.bootstrap_key(tmp_path, None) == made
        assert 20 <= len(made) <= 200
