"""The host's loops, as a process: the same handlers by the same manifest, without AWS."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.core.config import Settings
from functions.manifest import FUNCTIONS, KafkaRecords, Schedule, function
from infra.host import loops
from infra.host.lambda_events import HostContext, scheduled_event
from tests.contract.recorded import recorded
from tests.support.kafka_triggers import Broker, kafka_trigger
from tests.support.workflows import Database, Published, definition, published


@pytest.fixture
def workflow(database: Database) -> Published:
    return published(database, definition({"id": "step", "type": "transform", "config": {"assign": {"ok": "true"}}}))


@pytest.fixture
def process(settings_env: Settings) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen([sys.executable, "-m", "infra.host.loops"], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        yield started
    finally:
        started.kill()
        started.wait(10)


def line(process: subprocess.Popen[str], seconds: float = 30) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], seconds)[0], "nothing was printed"
    return process.stdout.readline().strip()


def eventually(database: Database, sql: str, seconds: float = 20) -> list[object]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = list(database.execute(sql))
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing came of: {sql}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_they_fire_what_is_due_and_stop_when_told(
    process: subprocess.Popen[str], database: Database, workflow: Published, number: signal.Signals
) -> None:
    database.execute(
        """INSERT INTO triggers (id, workspace_id, workflow_id, type, config, planned_through, next_fire_at)
           SELECT 'trg_loops', workspace_id, id, 'schedule', '{"every_seconds": 1}', now(), now() + interval '1 second'
           FROM workflows WHERE id = %(id)s""",
        {"id": workflow.workflow_id},
    )
    assert line(process) == "ready loops"
    eventually(database, "SELECT 1 FROM executions WHERE trigger_id = 'trg_loops' OFFSET 1 LIMIT 1")
    process.send_signal(number)
    rest, _ = process.communicate(timeout=loops.LEAVE_SECONDS + 2)
    assert process.returncode == 0
    assert "_aws" not in rest  # CloudWatch's metric lines are for Lambda


@pytest.mark.kafka
def test_they_read_kafka(process: subprocess.Popen[str], database: Database, workflow: Published, kafka_servers: str) -> None:
    assert line(process) == "ready loops"
    broker = Broker(kafka_servers)
    try:
        topic = broker.topic()
        trigger_id = kafka_trigger(database, workflow, topic, start="earliest")
        broker.send(topic, {"n": 1})
        eventually(database, f"SELECT 1 FROM executions WHERE trigger_id = '{trigger_id}'", 40)
    finally:
        broker.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(loops.LEAVE_SECONDS + 2) == 0


def test_there_is_a_loop_for_each_event_source_of_the_manifest() -> None:
    with_kafka = Settings(database_url="postgresql://x", kafka_bootstrap_servers="127.0.0.1:1")
    without = Settings(database_url="postgresql://x", kafka_bootstrap_servers="none")
    scheduled = {each.name for each in FUNCTIONS if isinstance(each.source, Schedule) and not each.mirrors}
    from_kafka = {each.name for each in FUNCTIONS if isinstance(each.source, KafkaRecords)}
    assert set(loops.loops(with_kafka)) == scheduled | from_kafka
    assert set(loops.loops(without)) == scheduled


def test_the_scheduled_event_has_the_form_that_eventbridge_sends() -> None:
    made, real = (
        scheduled_event(function("scheduler"), datetime(2026, 11, 23, 1, 20, tzinfo=UTC)),
        recorded("eventbridge_scheduled"),
    )
    assert made.keys() == real.keys()
    assert {name: type(value) for name, value in made.items()} == {name: type(value) for name, value in real.items()}
    assert (made["time"], made["detail-type"], made["source"]) == (real["time"], real["detail-type"], real["source"])


def test_the_contexts_time_is_up_when_the_host_stops() -> None:
    stop = threading.Event()
    context = HostContext(function("scheduler"), stop)
    assert 85_000 < context.get_remaining_time_in_millis() <= 90_000
    stop.set()
    assert context.get_remaining_time_in_millis() == 0


class _Stuck:
    """A function whose handler never ends by itself."""

    def __init__(self) -> None:
        self.calls, self.released = 0, threading.Event()

    def handler(self, _event: object, _context: object) -> None:
        self.calls += 1
        self.released.wait(30)


def test_no_more_calls_run_at_once_than_on_aws_and_a_failing_one_does_not_end_the_loop() -> None:
    stuck = _Stuck()
    loop = loops.CronLoop(function("scheduler"), seconds=0.02)
    loop._handler = stuck.handler
    stop = threading.Event()
    running = threading.Thread(target=loop.run, args=(stop,))
    running.start()
    time.sleep(0.5)
    assert stuck.calls == function("scheduler").max_concurrency
    failures: list[int] = []

    def fail(_event: object, _context: object) -> None:
        failures.append(1)
        raise RuntimeError("no")

    loop._handler = fail
    stuck.released.set()
    until = time.monotonic() + 10
    while len(failures) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    running.join(10)
    assert len(failures) >= 3
    assert not running.is_alive()
