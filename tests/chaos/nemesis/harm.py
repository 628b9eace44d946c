"""Who does the harm: processes killed and frozen, servers killed, silenced and emptied, connections cut and left half-open."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from tests.chaos.nemesis.clients import Clients
from tests.chaos.nemesis.crew import Crew
from tests.support.product import Product
from tests.support.proxy import DatabaseProxy

LEASE_SECONDS = 30.0
LOST_ANSWERS = 0.1  # of what PostgreSQL answers to the worker behind the proxy


@dataclass(frozen=True)
class Share:
    """How much harm is done, and how quickly: pauses in seconds, from and to."""

    kills: int
    database_kills: int
    freezes: int
    pauses: tuple[float, float]


class Nemesis(threading.Thread):
    """Does its share of harm, in step with what the clients have started, so that there is always work to harm; then puts right what does not heal by itself."""

    def __init__(self, product: Product, crew: Crew, proxy: DatabaseProxy, share: Share, clients: Clients, *, kafka: bool) -> None:
        super().__init__(daemon=True)
        self.product, self.crew, self.proxy, self.share, self.clients = product, crew, proxy, share, clients
        self.harm: dict[str, int] = defaultdict(int)
        self.killed: dict[str, int] = defaultdict(int)  # workers, by name
        self._choose = random.Random(11)
        self._thaws: list[threading.Timer] = []
        kills = share.kills
        plan = ["kill a worker"] * kills + ["kill the database"] * share.database_kills + ["freeze a worker"] * share.freezes
        plan += ["cut the connections"] * (kills // 6) + ["flush Redis"] * (kills // 6) + ["silence Redis"] * max(1, kills // 30)
        plan += ["kill the front"] * (kills // 8) + ["kill the loops"] * (kills // 12) + ["leave connections half-open"] * max(1, kills // 30)
        plan += ["kill the broker"] * share.freezes if kafka else []
        self._choose.shuffle(plan)
        self._plan = plan

    def run(self) -> None:
        """As a thread."""
        acts: dict[str, Callable[[], None]] = {
            "kill a worker": self._kill_a_worker,
            "kill the front": lambda: self._kill("front"),
            "kill the loops": lambda: self._kill("loops"),
            "kill the database": lambda: self._kill("postgres"),
            "kill the broker": lambda: self._kill("kafka"),
            "freeze a worker": lambda: self._freeze(self._worker()[1], LEASE_SECONDS + 5),
            "silence Redis": lambda: self._freeze(self._pid("valkey"), 4.0),
            "flush Redis": self._flush,
            "cut the connections": self._cut,
            "leave connections half-open": self._stall,
        }
        self.proxy.lose(LOST_ANSWERS)
        for number, act in enumerate(self._plan):
            while self.clients.progress < number / len(self._plan) and not self.clients.failures:
                time.sleep(0.05)
            with contextlib.suppress(OSError, psycopg.Error, redis.RedisError, KeyError, IndexError):
                acts[act]()
                self.harm[act] += 1
            time.sleep(self._choose.uniform(*self.share.pauses))
        for thaw in self._thaws:
            thaw.join()
        self.proxy.heal()
        self.harm["lose an answer after the commit"] = self.proxy.lost

    def _pid(self, name: str) -> int:
        """Of one of the product's own processes that is alive."""
        for _ in range(300):
            pid = self.product.children().get(name, 0)
            if age(pid) > 0.5:
                return pid
            time.sleep(0.1)
        raise ProcessLookupError(f"{name} does not live long enough to be harmed")

    def _worker(self) -> tuple[str, int]:
        """Name and pid of one that is at work: killing those that are still starting, on a busy machine most of them, would prove nothing."""
        for _ in range(600):
            workers = {name: pid for name, pid in self.product.children().items() if name.startswith("worker")} | self.crew.pids()
            grown = [(name, pid) for name, pid in workers.items() if age(pid) > self.crew.start_seconds / 2]
            if grown:
                return self._choose.choice(grown)
            time.sleep(0.1)
        raise ProcessLookupError("no worker lives long enough to be killed")

    def _kill_a_worker(self) -> None:
        name, pid = self._worker()
        os.kill(pid, signal.SIGKILL)
        self.killed[name] += 1

    def _kill(self, name: str) -> None:
        os.kill(self._pid(name), signal.SIGKILL)

    def _freeze(self, victim: int, seconds: float) -> None:
        """Stopped in the middle of anything; then it goes on as if nothing had been."""
        os.kill(victim, signal.SIGSTOP)

        def thaw() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGCONT)

        self._thaws.append(threading.Timer(seconds, thaw))
        self._thaws[-1].start()

    def _flush(self) -> None:
        with redis.Redis.from_url(self.product.run["redis_url"], socket_timeout=1.0) as client:
            client.flushall()

    def _cut(self) -> None:
        with psycopg.connect(self.product.run["database_url"], autocommit=True, connect_timeout=2) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

    def _stall(self) -> None:
        self.proxy.stall()
        time.sleep(1.0)
        self.proxy.heal()
        self.proxy.lose(LOST_ANSWERS)


def age(pid: int) -> float:
    """Seconds since a process started; 0 when it is gone, or dead and not yet missed by its parent."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    if state in "ZX":
        return 0.0
    ticks = int(rest[18])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
