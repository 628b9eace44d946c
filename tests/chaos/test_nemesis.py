"""Executions of every shape while processes are killed and frozen, connections cut and left half-open, servers killed, silenced and emptied; with workers of two
versions and with clocks that differ by twenty minutes; an outside witness of the effects.

    ./test chaos -k nemesis                                   1,000 executions, for every change
    MILLRACE_CHAOS_LONG=1 ./test chaos -k nemesis             10,000 executions, 300 kills, 20 kills of the database

Then: no execution is lost, none is stuck a minute after the last fault, each ended as it should (at least 95 of 100, and the rest said why), every effect was made, one
that came twice carried its key and is explained by an attempt in history, what an edge joins happened in that order, nothing changed or was done after an end, and
what dead workers held was picked up within a lease and ten seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.chaos.nemesis.clients import Clients, publish
from tests.chaos.nemesis.crew import Crew
from tests.chaos.nemesis.harm import Nemesis, Share
from tests.chaos.nemesis.shapes import TOPIC, shapes
from tests.chaos.nemesis.verdict import judge, started_by_records
from tests.chaos.nemesis.watch import Watch
from tests.support.kafka_triggers import Broker
from tests.support.product import Product
from tests.support.proxy import DatabaseProxy
from tests.support.recorder import Recorder

LONG = bool(os.environ.get("MILLRACE_CHAOS_LONG"))
EXECUTIONS, SHARE = (10_000, Share(300, 20, 5, (0.2, 2.0))) if LONG else (1_000, Share(24, 2, 1, (0.2, 1.2)))
STUCK_AFTER_SECONDS = 60
PICKED_UP_WITHIN_SECONDS = 10


@pytest.mark.slow
@pytest.mark.timeout(10_000 if LONG else 900)
def test_nemesis(tmp_path: Path, recorder: Recorder) -> None:
    product = Product(tmp_path / "data", "--workers", "2", environment={"MILLRACE_EGRESS_ALLOW": "127.0.0.1", "LOG_LEVEL": "WARNING"})
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(_remove_cluster, tmp_path / "data")
        at_the_end.callback(product.stop)
        kafka = product.run["kafka_bootstrap_servers"] != "none"
        known = {slug: shape for slug, shape in shapes(recorder.url).items() if kafka or shape.by != "kafka"}
        if kafka:
            broker = Broker(product.run["kafka_bootstrap_servers"])
            broker.create(TOPIC, 2)
            broker.close()
        ids = publish(product, recorder, known)
        proxy = DatabaseProxy(product.run["database_url"])
        at_the_end.callback(proxy.close)
        crew = Crew(product, proxy.url, tmp_path)
        at_the_end.callback(crew.stop)
        print(f"\nbeside two workers: {', '.join(crew.names)}" + (f"; without {crew.missing}" if crew.missing else "") + ("" if kafka else "; without Kafka"))
        watch = Watch(product.run["database_url"])
        clients = Clients(product, recorder, known, ids, EXECUTIONS)
        at_the_end.callback(clients.stop)
        nemesis = Nemesis(product, crew, proxy, SHARE, clients, kafka=kafka)
        began = time.monotonic()
        watch.start()
        clients.begin()
        _until_all_take_part(crew, watch)
        nemesis.start()
        clients.join()
        nemesis.join()
        last_fault = time.monotonic()
        waited = _until_all_have_ended(product.run["database_url"], last_fault)
        watch.stop()
        print(f"{EXECUTIONS} executions within {last_fault - began:.0f} s, under {dict(nemesis.harm)} (workers killed: {dict(nemesis.killed)}); all had ended {waited:.0f} s after the last fault")
        with psycopg.connect(product.run["database_url"], autocommit=True) as connection:
            started = dict(clients.started)
            for slug, shape in known.items():
                if shape.by == "kafka":
                    started |= started_by_records(connection, ids[slug], slug, clients.sent)
            assert len(started) == EXECUTIONS
            judge(connection, recorder, started, known, ids)
            changed, looked_at = watch.changed(connection)
        print(f"{looked_at} were seen to end, {len(changed)} of them changed afterwards; what dead workers held lay {watch.overdue:.1f} s at most past its lease")
        assert not changed, changed[:5]
        assert watch.overdue <= PICKED_UP_WITHIN_SECONDS


def _until_all_take_part(crew: Crew, watch: Watch) -> None:
    """Before the first fault: each odd worker has been seen to hold an execution."""
    end = time.monotonic() + 60
    while idle := [name for name, works in crew.at_work(watch.workers).items() if not works]:
        assert time.monotonic() < end, f"{idle} take no part"
        time.sleep(0.1)


def _until_all_have_ended(database_url: str, last_fault: float) -> float:
    """Seconds after the last fault."""
    live: list[Any] = [None]
    while time.monotonic() < last_fault + STUCK_AFTER_SECONDS:
        with contextlib.suppress(psycopg.Error), psycopg.connect(database_url, autocommit=True) as connection:
            live = connection.execute("SELECT execution_id, wake_at, worker, lease_epoch, signals FROM wakes").fetchall()
            if not live:
                return time.monotonic() - last_fault
        time.sleep(0.3)
    raise AssertionError(f"{len(live)} are stuck, such as {live[:3]}")


def _remove_cluster(data: Path) -> None:
    """The product's database, which may stand outside its data folder (as root), and after such a run is large."""
    place = json.loads((data / "servers.json").read_text())["postgres"]["place"]
    shutil.rmtree(place, ignore_errors=True)
