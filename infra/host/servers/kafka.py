"""Apache Kafka on the machine's own Java: one process that is broker and controller (KRaft), on loopback, in little memory.

The jars come through Maven from the pinned `kafka-pom.xml` into a cache folder, once; afterwards nothing is fetched. A machine
without Java 17, or without Maven and jars, has no broker: `start()` raises ServerUnavailable with the reason, and
whoever asked goes on without.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Generator, Mapping
from functools import partial
from pathlib import Path

from infra.host.caches import NoCache, cache_folders, writable_cache
from infra.host.processes import Child, spawn
from infra.host.servers import Home, ServerFailed, ServerUnavailable, Steps, free_port, wait_until

VERSION = "4.4.0"
_POM = Path(__file__).with_name("kafka-pom.xml")
_OLDEST_JAVA = 17
# Serial collector and C1 alone: half the start-up time and a third of the memory of a server's defaults.
_JVM = ["-Xms96m", "-Xmx320m", "-XX:MaxDirectMemorySize=96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]  # fmt: skip
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "true",
    "num.partitions": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    "log.segment.bytes": "16777216",
    "log.retention.hours": "168",
    "log.retention.bytes": "268435456",
    "log.index.size.max.bytes": "1048576",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    # After a crash the controller takes the old broker for alive until its session ends, and admits the new one only then.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "2500",
}
_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %c{1}: %m%n
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
"""
_STARTED = "Kafka Server started"


class Kafka:
    """One broker. `url` is its bootstrap address, `127.0.0.1:port`, from the moment its process exists."""

    name = "kafka"
    grace_seconds = 10.0
    format_words: tuple[str, ...] = ()  # more words for the formatting of its storage

    def __init__(self, home: Home) -> None:
        self._home, self._folder = home, home.data / "kafka"
        self._ports: tuple[int, int] | None = None
        self.child: Child | None = None
        self.url = ""

    def prepare(self) -> Steps:
        """Finds Java and the jars, fetching them once. Raises ServerUnavailable when this machine cannot have a broker."""
        java = _java(self._home.env)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        jars = yield from _jars(self._home.env, self._home.logs / "kafka-jars.log")
        self._command = [java, *_JVM, f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}", "-cp", f"{jars}/*"]

    def start(self) -> Steps:
        """Prepares, formats the storage the first time, starts the broker and waits until it serves."""
        if self.child is not None:
            self.child.kill()
        yield from self.prepare()
        (self._folder / "log4j2.properties").write_text(_LOGGING)
        config = self._folder / "server.properties"
        known = self._ports
        for attempt in range(5):
            remembered = self._home.memory.read(self.name)
            ports = known or (free_port(remembered.get("port")), free_port(remembered.get("controller_port")))
            config.write_text(self._configuration(*ports))
            if not (self._folder / "data" / "meta.properties").exists():
                yield from self._format(config)
            self.url = f"127.0.0.1:{ports[0]}"  # announced now: clients can start while the broker does
            child = self.child = self._spawn(self.name, ["kafka.Kafka", config])
            self._home.ledger.add(child)
            try:
                yield from wait_until(partial(_serves, child, ports[0]), child, "Kafka", 120)
            except ServerFailed as failure:
                if attempt < 4 and "Address already in use" in child.log_tail(200):
                    yield "waiting for Kafka's port"
                    continue
                child.kill()
                raise failure
            self._ports = ports
            self._home.memory.remember(self.name, port=ports[0], controller_port=ports[1])
            return

    def stop(self) -> None:
        """Stops the broker; what was acknowledged stays on disk."""
        if self.child is not None:
            self.child.stop(signal.SIGTERM, self.grace_seconds)
            self._home.ledger.remove(self.name)
            self.child = None

    def _format(self, config: Path) -> Steps:
        """Writes the cluster's id into an empty storage folder, as Kafka demands before its first start."""
        shutil.rmtree(self._folder / "data", ignore_errors=True)  # what an interrupted formatting left
        cluster = self._home.memory.read(self.name).get("cluster_id") or urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._home.memory.remember(self.name, cluster_id=cluster)
        words: list[str | Path] = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", config, *self.format_words]
        child = self._spawn("kafka-format", words)
        try:
            while (status := child.poll()) is None:
                yield "formatting Kafka's storage"
        finally:
            child.kill()
        if status != 0:
            raise ServerFailed(f"Kafka's storage could not be formatted (status {status}).\n{child.log_tail()}")

    def _spawn(self, name: str, words: list[str | Path]) -> Child:
        return spawn(name, [*self._command, *words], log=self._home.logs / "kafka.log", env=self._home.env, cwd=self._folder)

    def _configuration(self, port: int, controller_port: int) -> str:
        settings = {
            **_SETTINGS,
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "log.dirs": str(self._folder / "data"),
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def _java(env: Mapping[str, str]) -> str:
    """The java program of JAVA_HOME or PATH, when it is recent enough."""
    home = env.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=env.get("PATH"))
    if not java:
        raise ServerUnavailable(f"Java {_OLDEST_JAVA} or newer is not installed; install it, or set KAFKA_BOOTSTRAP_SERVERS")
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, env=dict(env))
    except OSError as error:
        raise ServerUnavailable(f"{java} cannot be run ({error.strerror}); install Java {_OLDEST_JAVA} or newer") from error
    found = re.search(r'version "(\d+)', shown.stderr + shown.stdout)
    if shown.returncode != 0 or not found:
        raise ServerUnavailable(f"{java} does not run; install Java {_OLDEST_JAVA} or newer, or set KAFKA_BOOTSTRAP_SERVERS")
    if int(found[1]) < _OLDEST_JAVA:
        raise ServerUnavailable(f"Java {found[1]} is too old for Kafka; install Java {_OLDEST_JAVA} or newer")
    return java


def _jars(env: Mapping[str, str], log: Path) -> Generator[str, None, Path]:
    """Returns the folder with Kafka's jars, resolving them with Maven the first time."""
    label = f"kafka-{VERSION}-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]}"
    caches = [cache for cache in cache_folders(env) if (cache / label).is_dir()]
    if caches:
        return caches[0] / label
    maven = shutil.which("mvn", path=env.get("PATH"))
    if maven is None:
        raise ServerUnavailable("Kafka's jars are not here yet and Maven (mvn) is not installed to fetch them; install it once")
    try:
        cache = writable_cache(env)
    except NoCache as error:
        raise ServerUnavailable(f"{error}, so Kafka's jars have no place") from error
    unfinished = Path(tempfile.mkdtemp(dir=cache, prefix=f"{label}.unfinished-"))
    try:
        yield from _resolve(maven, unfinished, env, log)
        if not (cache / label).exists():  # another ./run may have been quicker
            os.rename(unfinished, cache / label)
            (cache / label).chmod(0o755)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return cache / label


def _resolve(maven: str, target: Path, env: Mapping[str, str], log: Path) -> Steps:
    goal: list[str | Path] = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    words = [maven, "-B", *_local_repository(target.parent), "-f", _POM, *goal]
    child = spawn("kafka-jars", words, log=log, env=env, cwd=target)
    began = time.monotonic()
    try:
        while (status := child.poll()) is None:
            if time.monotonic() - began > 900:
                raise ServerUnavailable(f"Maven could not fetch Kafka's jars within 15 minutes.\n{child.log_tail()}")
            yield f"fetching Kafka's jars with Maven, once ({child.count_lines('Downloaded from')} files)"
    finally:
        child.kill()
    if status != 0 or not any(target.glob("kafka_2.13-*.jar")):
        raise ServerUnavailable(f"Maven could not fetch Kafka's jars (status {status}).\n{child.log_tail()}")


def _local_repository(cache: Path) -> list[str | Path]:
    """Maven keeps what it fetches in the account's home, whatever HOME says; a service's account may have none."""
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    return [] if os.access(home, os.W_OK) else [f"-Dmaven.repo.local={cache / 'maven'}"]


def _serves(child: Child, port: int) -> bool:
    if not child.logged(_STARTED):
        return False
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
