"""The embedded servers themselves: what they promise, and that they come back after every way of being killed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra.host.frontend_build import FrontendBuild
from infra.host.servers import Home, ServerFailed, ServerUnavailable, free_port, port_is_free, run_alone, run_together
from infra.host.servers.kafka import Kafka
from infra.host.servers.postgres import Postgres
from infra.host.servers.valkey import Valkey

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give up its rights")


@contextmanager
def data_folder() -> Iterator[Home]:
    """A data folder that the database's user can pass through, unlike pytest's own."""
    data = Path(tempfile.mkdtemp(prefix="millrace-servers-"))
    data.chmod(0o711)
    yield Home.at(data, os.environ)
    shutil.rmtree(data)


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with data_folder() as shared:
        yield shared


@pytest.fixture
def fresh_home() -> Iterator[Home]:
    with data_folder() as own:
        yield own


@pytest.fixture(scope="module")
def postgres(home: Home) -> Iterator[Postgres]:
    server = Postgres(home)
    run_alone(server.start())
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def valkey(home: Home) -> Iterator[Valkey]:
    server = Valkey(home)
    run_alone(server.start())
    yield server
    server.stop()


def settings_of(url: str, *names: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(names),)).fetchall()
    return dict(rows)


class TestPostgres:
    def test_it_loses_nothing_and_listens_on_loopback_alone(self, postgres: Postgres) -> None:
        assert settings_of(postgres.url, "fsync", "synchronous_commit", "full_page_writes") == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
        }
        shown = settings_of(postgres.url, "listen_addresses", "unix_socket_directories", "max_connections", "TimeZone")
        assert shown == {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "TimeZone": "UTC",
        }
        assert settings_of(postgres.url, "autovacuum_naptime", "server_encoding") == {
            "autovacuum_naptime": "10",
            "server_encoding": "UTF8",
        }

    def test_a_wrong_password_is_refused(self, postgres: Postgres, home: Home) -> None:
        password = home.memory.read("postgres")["password"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url.replace(password, "wrong"))
        with psycopg.connect(postgres.url) as connection:
            (stored,) = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'millrace'").fetchone() or ("",)
        assert stored.startswith("SCRAM-SHA-256$")
        assert stat.S_IMODE(home.memory.path.stat().st_mode) == 0o600

    def test_what_was_committed_survives_a_kill(self, postgres: Postgres) -> None:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            url = postgres.url
            assert postgres.child is not None
            postgres.child.kill()  # with a connection open, whose backend still holds the shared memory
            run_alone(postgres.start())
        assert postgres.url == url
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)

    def test_it_starts_after_a_stop_on_the_port_it_had(self, postgres: Postgres, home: Home) -> None:
        url = postgres.url
        postgres.stop()
        again = Postgres(home)
        run_alone(again.start())
        assert again.url == url
        again.stop()
        run_alone(postgres.start())

    def test_a_pid_file_that_names_another_process_is_no_obstacle(self, postgres: Postgres, home: Home) -> None:
        postgres.stop()
        pid_file = Path(home.memory.read("postgres")["place"], "data", "postmaster.pid")
        pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n{int(time.time())}\n{free_port()}\n\n127.0.0.1\n")
        run_alone(postgres.start())
        assert settings_of(postgres.url, "port")

    def test_a_half_made_cluster_is_made_anew(self, fresh_home: Home) -> None:
        server = Postgres(fresh_home)
        steps = server.start()
        while "creating" not in next(steps):
            pass
        steps.close()  # as when Ctrl-C comes in the middle of initdb
        assert not list(fresh_home.data.rglob("*.password"))
        run_alone(server.start())
        assert settings_of(server.url, "port")
        server.destroy()

    def test_a_cluster_that_is_gone_is_not_replaced_by_an_empty_one(self, fresh_home: Home) -> None:
        fresh_home.memory.remember("postgres", place=str(fresh_home.data / "gone"))
        with pytest.raises(ServerFailed, match="restore it from a backup"):
            run_alone(Postgres(fresh_home).start())

    @as_root
    def test_root_gives_up_its_rights(self, postgres: Postgres, home: Home) -> None:
        cluster = Path(home.memory.read("postgres")["place"], "data")
        assert cluster.stat().st_uid != 0
        assert stat.S_IMODE(cluster.stat().st_mode) == 0o700
        assert postgres.child is not None
        status = Path(f"/proc/{postgres.child.pid}/status")
        if status.exists():
            ids = next(line for line in status.read_text().splitlines() if line.startswith("Uid:")).split()[1:]
            assert set(ids) == {str(cluster.stat().st_uid)}

    @as_root
    def test_a_data_folder_the_database_cannot_reach_is_left_as_it_is(self, home: Home) -> None:
        closed = home.data / "closed"
        closed.mkdir(mode=0o700)
        data = closed / "data"
        data.mkdir()
        inner = Home.at(data, os.environ)
        server = Postgres(inner)
        run_alone(server.start())
        try:
            place = Path(inner.memory.read("postgres")["place"])
            assert home.data not in place.parents
            assert stat.S_IMODE(closed.stat().st_mode) == 0o700
            assert settings_of(server.url, "fsync") == {"fsync": "on"}
        finally:
            server.destroy()
        assert not place.exists()


class TestValkey:
    def test_it_is_bounded_guarded_and_keeps_nothing(self, valkey: Valkey) -> None:
        client = redis.Redis.from_url(valkey.url, decode_responses=True)
        wanted = {"maxmemory": str(128 * 1024 * 1024), "maxmemory-policy": "allkeys-lru", "save": "", "appendonly": "no"}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url("redis://" + valkey.url.rsplit("@", 1)[1]).ping()

    def test_its_password_is_on_no_command_line(self, valkey: Valkey, home: Home) -> None:
        assert valkey.child is not None
        shown = Path(f"/proc/{valkey.child.pid}/cmdline")
        if shown.exists():
            assert home.memory.read("valkey")["password"].encode() not in shown.read_bytes()

    def test_it_comes_back_where_it_was(self, valkey: Valkey) -> None:
        url = valkey.url
        assert valkey.child is not None
        valkey.child.kill()
        run_alone(valkey.start())
        assert valkey.url == url
        assert redis.Redis.from_url(url).ping()


@pytest.mark.kafka
class TestKafka:
    @pytest.fixture
    def kafka(self, fresh_home: Home) -> Iterator[Kafka]:
        server = Kafka(fresh_home)
        try:
            run_alone(server.start())
        except ServerUnavailable as reason:
            pytest.skip(str(reason))
        yield server
        server.stop()

    def test_an_acknowledged_record_survives_a_kill(self, kafka: Kafka) -> None:
        producer = KafkaProducer(bootstrap_servers=kafka.url, acks="all")
        producer.send("kept", b"before").get(timeout=30)
        producer.close()
        address = kafka.url
        assert kafka.child is not None
        kafka.child.kill()
        run_alone(kafka.start())
        assert kafka.url == address
        consumer = KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=30_000)
        consumer.assign([TopicPartition("kept", 0)])
        assert next(consumer).value == b"before"
        consumer.close()


class TestKafkaWithoutWhatItNeeds:
    def start(self, fresh_home: Home, **variables: str) -> str:
        with pytest.raises(ServerUnavailable) as reason:
            run_alone(Kafka(replace(fresh_home, env=variables)).start())
        return str(reason.value)

    def test_no_java(self, fresh_home: Home) -> None:
        assert "Java 17 or newer is not installed" in self.start(fresh_home, PATH=str(fresh_home.data))

    def test_an_old_java(self, fresh_home: Home) -> None:
        java = fresh_home.data / "java"
        java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
        java.chmod(0o755)
        assert "Java 11 is too old" in self.start(fresh_home, PATH=str(fresh_home.data))

    def test_no_jars_and_no_maven(self, fresh_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        java = fresh_home.data / "java"
        java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.2\" 2024-01-16' >&2\n")
        java.chmod(0o755)
        monkeypatch.setattr("infra.host.caches.CHECKOUT", fresh_home.data)
        assert "Maven (mvn) is not installed" in self.start(fresh_home, PATH=str(fresh_home.data), HOME=str(fresh_home.data))


class TestTogether:
    def test_one_failure_does_not_stop_the_others(self, fresh_home: Home) -> None:
        valkey = Valkey(fresh_home)
        failures = run_together({"kafka": Kafka(replace(fresh_home, env={"PATH": "/nowhere"})).start(), "valkey": valkey.start()})
        assert list(failures) == ["kafka"]
        assert redis.Redis.from_url(valkey.url).ping()
        valkey.stop()
        assert port_is_free(int(valkey.url.rsplit(":", 1)[1].split("/")[0]))


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node.js with npm")
class TestFrontendBuild:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        source = tmp_path / "frontend" / "src"
        source.mkdir(parents=True)
        script = "mkdir -p dist && cp src/page.html dist/index.html && echo built >> ../builds"
        (tmp_path / "frontend" / "package.json").write_text(f'{{"name": "page", "scripts": {{"build": "{script}"}}}}')
        (source / "page.html").write_text("one")
        return tmp_path

    def build(self, checkout: Path, path: str | None = None) -> int:
        env = {**os.environ, **({"PATH": path} if path else {})}
        run_alone(FrontendBuild(checkout, checkout / "build.log", env).run())
        return len((checkout / "builds").read_text().splitlines())

    def test_it_builds_when_sources_changed_and_only_then(self, checkout: Path) -> None:
        assert self.build(checkout) == 1
        assert self.build(checkout) == 1
        (checkout / "frontend" / "src" / "page.html").write_text("two")
        assert self.build(checkout) == 2
        assert (checkout / "frontend" / "dist" / "index.html").read_text() == "two"
        shutil.rmtree(checkout / "frontend" / "dist")
        assert self.build(checkout) == 3

    def test_without_node_it_says_what_is_served(self, checkout: Path) -> None:
        with pytest.raises(ServerUnavailable, match="no web app is served, only the API"):
            self.build(checkout, path="/nowhere")

    def test_a_failing_build_shows_its_output(self, checkout: Path) -> None:
        package = checkout / "frontend" / "package.json"
        package.write_text('{"name": "page", "scripts": {"build": "echo the reason; exit 3"}}')
        with pytest.raises(ServerFailed, match="the reason"):
            self.build(checkout)
