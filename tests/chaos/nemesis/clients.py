"""Those who use the product meanwhile: they start executions, publish events and records, and answer what asks, and try again until they are told that it is done."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import psycopg
from kafka import KafkaProducer

from tests.chaos.nemesis.shapes import CHILD, TOPIC, Shape, child, input_of
from tests.support.product import Product
from tests.support.recorder import Recorder

THREADS = 6
AT_A_TIME = 300  # executions that have not ended: as many as there would be under a load that the workers can carry


def stubborn(product: Product, method: str, path: str, body: Any, *, done: tuple[int, ...] = ()) -> Any:
    """A call whose sender tries again until it is answered with success, or with a status that says the same (`done`), as a good client does."""
    for _ in range(600):
        with contextlib.suppress(OSError, http.client.HTTPException):
            reply = product.call(method, path, body)
            if 200 <= reply.status < 300 or reply.status in done:
                return reply.json()
            assert reply.status in (429, 500, 502, 503), reply.body
        time.sleep(0.2)
    raise AssertionError(f"{method} {path} was never answered")


def publish(product: Product, recorder: Recorder, known: Mapping[str, Shape]) -> dict[str, str]:
    """Make and publish the workflows; their ids by slug."""
    found = {}
    for slug, body in {CHILD: child(recorder.url), **{slug: shape.body for slug, shape in known.items()}}.items():
        made = product.api("POST", "/workflows", {"name": slug, "slug": slug, "definition": body})
        product.api("POST", f"/workflows/{made['id']}/publish")
        found[slug] = made["id"]
        if slug in known and known[slug].by == "kafka":
            product.api("POST", "/triggers", {"workflow_id": made["id"], "type": "kafka", "config": {"topic": TOPIC, "start": "earliest"}})
    return found


class Clients:
    """Start `count` executions of all shapes in turn. `started` maps each one that was started by API to its slug and number; `sent` are the numbers of records."""

    def __init__(self, product: Product, recorder: Recorder, known: Mapping[str, Shape], ids: Mapping[str, str], count: int) -> None:
        self._product, self._recorder, self._known, self._ids = product, recorder, known, ids
        self.started: dict[str, tuple[str, int]] = {}
        self.sent: list[int] = []
        self.failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._room = threading.Event()
        self._over = threading.Event()
        numbers = [(n, list(known)[n % len(known)]) for n in range(count)]
        self._count = count
        self._by_api = iter([pair for pair in numbers if known[pair[1]].by == "api"])
        self._records = [n for n, slug in numbers if known[slug].by == "kafka"]
        jobs: list[Callable[[], None]] = [self._start_some] * THREADS + ([self._send_records] if self._records else [])
        self._threads = [threading.Thread(target=self._guarded, args=(job,), daemon=True) for job in jobs]
        self._helpers = [threading.Thread(target=self._guarded, args=(job,), daemon=True) for job in (self._answer, self._measure)]

    @property
    def progress(self) -> float:
        """What part of all has been started."""
        return (len(self.started) + len(self.sent)) / self._count

    def begin(self) -> None:
        """Start working; `join` waits until everything was started."""
        for thread in [*self._threads, *self._helpers]:
            thread.start()

    def join(self) -> None:
        """Until everything was started. Raises what went wrong."""
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def stop(self) -> None:
        """Answer no more."""
        self._over.set()
        for thread in self._helpers:
            thread.join()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - told by `join`
            self.failures.append(error)

    def _start_some(self) -> None:
        while True:
            with self._lock:
                pair = next(self._by_api, None)
            if pair is None:
                return
            self._room.wait(60)
            n, slug = pair
            wish = {"input": input_of(slug, n), "idempotency_key": f"n{n}"}
            answer = stubborn(self._product, "POST", f"/api/workflows/{self._ids[slug]}/executions", wish)
            with self._lock:
                self.started[answer["id"]] = (slug, n)
            if slug == "nemesis-both":
                stubborn(self._product, "POST", "/api/events", {"name": "nemesis", "key": str(n), "payload": n})

    def _send_records(self) -> None:
        """A record at a time, as far as the others are."""
        producer = KafkaProducer(
            bootstrap_servers=self._product.run["kafka_bootstrap_servers"], acks="all", enable_idempotence=True, delivery_timeout_ms=600_000, max_block_ms=120_000
        )
        try:
            for place, n in enumerate(self._records):
                while place / len(self._records) > self.progress + 0.05 and not self.failures:
                    time.sleep(0.05)
                producer.send(TOPIC, value=json.dumps({"n": n}).encode()).get(600)
                self.sent.append(n)
        finally:
            producer.close(timeout=5)

    def _answer(self) -> None:
        """Whoever is told where to answer does so."""
        position = 0
        while not self._over.wait(0.1):
            calls, position = self._recorder.calls_from(position)
            for call in calls:
                if call["path"] == "/tell" and not call["repeat"]:
                    path = urlsplit(call["body"]["answer_at"]).path
                    stubborn(self._product, "POST", path, {"n": call["body"]["n"]}, done=(409,))

    def _measure(self) -> None:
        while not self._over.wait(0.2):
            with contextlib.suppress(psycopg.Error), psycopg.connect(self._product.run["database_url"], autocommit=True, connect_timeout=2) as connection:
                live = connection.execute("SELECT count(*) FROM wakes").fetchone()
                self._room.set() if live is not None and live[0] < AT_A_TIME else self._room.clear()
