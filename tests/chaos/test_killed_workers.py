"""Workers killed with -9 in the middle of the deliveries: every one completes, and no key is acted on twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

from tests.e2e.conftest import product_environment
from tests.support import deliveries as checking
from tests.support.github import deliveries
from tests.support.product import Product
from tests.support.recorder import Recorder

KILLS = 12


def _kill_workers(product: Product, kills: list[int], done: threading.Event) -> None:
    choose = random.Random(7)
    while len(kills) < KILLS and not done.is_set():
        workers = [pid for name, pid in product.children().items() if name.startswith("worker")]
        victim = choose.choice(workers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            kills.append(victim)
        done.wait(choose.uniform(0.2, 0.9))


def test_deliveries_survive_the_death_of_workers(tmp_path: Path, recorder: Recorder) -> None:
    product = Product(tmp_path / "data", "--workers", "2", environment=product_environment())
    try:
        workflow = product.load("github-deliveries", recorder.url)
        samples = deliveries()[:240]
        kills: list[int] = []
        done = threading.Event()
        killer = threading.Thread(target=_kill_workers, args=(product, kills, done))
        killer.start()
        by_execution = checking.post_all(product, samples, threads=2)
        killer.join(60)
        begun = time.monotonic()
        executions = product.ended(workflow["id"], len(samples), seconds=120)
        done.set()
        checking.check_outcomes(executions, by_execution)
        repeats = checking.check_calls(recorder, by_execution)
        lost = lost_keys(product, executions)
        print(f"{len(samples)} deliveries under {len(kills)} kills: {len(repeats)} calls repeated and not acted on, {len(lost)} attempts in history as lost")
        print(f"all ended {time.monotonic() - begun:.1f} s after the last kill")
        assert len(kills) == KILLS
        assert {call["key"] for call in repeats} <= lost
    finally:
        product.stop()


def lost_keys(product: Product, executions: list[dict]) -> set[str]:
    """Idempotency keys of the attempts that, as history says, a vanished worker had begun."""
    found = set()
    for execution in executions:
        for run in product.api("GET", f"/executions/{execution['id']}")["nodes"]:
            if run["error"] and run["error"]["code"] == "engine.worker_lost":
                found.add(f"{execution['id']}.{run['node_id']}")
    return found
