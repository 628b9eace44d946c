"""What `./run` becomes once everything is installed: starts the servers and our own processes, keeps them up, stops them.

One thread does it all, in turns (see `infra.host.servers`). Nothing here outlives a kill -9: the next start finds the processes
that were left behind and ends them.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from chalicelib.core.config import InvalidSettings, Settings
from infra.host import runfile
from infra.host.frontend_build import FrontendBuild
from infra.host.plan import OneOff, Plan, Program, make_plan
from infra.host.processes import Child, spawn, stop_all, trim_log
from infra.host.progress import Progress
from infra.host.servers import Home, Interrupted, Server, ServerFailed, Steps, free_port, port_is_free, run_together, wait_until
from infra.host.servers.kafka import Kafka
from infra.host.servers.postgres import Postgres
from infra.host.servers.valkey import Valkey

CHECKOUT = Path(__file__).parents[2]
STARTED = "started"  # a file in the data folder: it has been ready once
_TICK_SECONDS = 0.1
_TRIM_EVERY_SECONDS = 60.0
_READY_SECONDS = 120.0
_SETTLED_SECONDS = 5.0  # what lived this long before it died starts again at once
_LONGEST_PAUSE_SECONDS = 5.0


class Revival:
    """When a process that died may start again: at once after a settled life, else after a pause that doubles."""

    def __init__(self) -> None:
        self._pause, self._due = 0.0, 0.0

    def died(self, lived_seconds: float) -> float:
        """Notes a death and returns the pause before the next start, in seconds."""
        self._pause = 0.0 if lived_seconds > _SETTLED_SECONDS else min(max(0.2, self._pause * 2), _LONGEST_PAUSE_SECONDS)
        self._due = time.monotonic() + self._pause
        return self._pause

    @property
    def due(self) -> bool:
        """Whether the pause is over."""
        return time.monotonic() >= self._due


class Supervisor:
    """Everything between the lock on the data folder and the last line of a run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.home = Home.at(plan.data, {**plan.environ, "PYTHONUNBUFFERED": "1"})
        self.postgres = None if plan.settings.database_url else Postgres(self.home)
        self.valkey = None if plan.settings.redis_url else Valkey(self.home)
        self.kafka = None if plan.settings.kafka_bootstrap_servers else Kafka(self.home)
        self.kafka_off_reason = "KAFKA_BOOTSTRAP_SERVERS is none" if plan.settings.kafka_bootstrap_servers == "none" else ""
        self.api_key = runfile.bootstrap_key(plan.data, plan.settings.bootstrap_key)
        self.url = f"http://127.0.0.1:{plan.settings.port}/"
        self.children: dict[str, Child] = {}
        self.stops_asked = 0
        self._done: set[str] = set()
        self._fatal: ServerFailed | None = None
        self._reviving: dict[str, Steps] = {}
        self._revivals: dict[str, Revival] = {}
        self._progress = Progress()

    # --- what the processes are told

    def addresses(self) -> dict[str, str]:
        """The servers in use, ours or those given, by their names in run.json."""
        given = self.plan.settings
        return {
            "database_url": given.database_url or (self.postgres.url if self.postgres else ""),
            "redis_url": given.redis_url or (self.valkey.url if self.valkey else "none"),
            "kafka_bootstrap_servers": given.kafka_bootstrap_servers or (self.kafka.url if self.kafka else "none"),
        }

    def environment(self) -> dict[str, str]:
        """The environment of our own processes: all that was given, completed by what was decided here."""
        addresses, given = self.addresses(), self.plan.settings
        secrets = runfile.kept_secrets(self.plan.data)
        if given.secret:
            del secrets["MILLRACE_SECRET"]
        return {
            **self.home.env,
            **secrets,
            "DATABASE_URL": addresses["database_url"],
            "REDIS_URL": addresses["redis_url"],
            "KAFKA_BOOTSTRAP_SERVERS": addresses["kafka_bootstrap_servers"],
            "MILLRACE_KAFKA_OFF_REASON": self.kafka_off_reason,
            "MILLRACE_BOOTSTRAP_KEY": self.api_key,
            "MILLRACE_DATA_DIR": str(self.plan.data),
            "PORT": str(given.port),
        }

    # --- starting

    def start(self) -> None:
        """Brings everything up and writes run.json. Raises ServerFailed when that is impossible, Interrupted when told to stop."""
        survivors = self.home.ledger.stop_survivors()
        if survivors:
            print(f"Ended what a killed run had left behind: {', '.join(survivors)}", flush=True)
        jobs: dict[str, Steps] = {"database": self._vital(self._prepare_database()), "programs": self._vital(self._start_programs())}
        if self.valkey:
            jobs["cache"] = self._optional("cache", self.valkey.start(), self._without_cache)
        if self.kafka:
            jobs["kafka"] = self._optional("kafka", self.kafka.start(), self._without_kafka)
        if self.plan.frontend:
            build = FrontendBuild(CHECKOUT, self.home.logs / "frontend-build.log", self.home.env)
            jobs["web app"] = self._optional("web app", build.run(), self._without_build)
        try:
            run_together(jobs, on_wait=self._waiting, interrupted=lambda: self.stops_asked > 0)
        finally:
            self._progress.clear()
        if self._fatal:
            raise self._fatal
        self._write_run_file()

    def _waiting(self, waiting: dict[str, str]) -> None:
        if self._fatal:
            raise self._fatal
        self._progress.show(waiting)

    def _vital(self, steps: Steps) -> Steps:
        try:
            yield from steps
        except ServerFailed as failure:
            self._fatal = failure

    def _optional(self, name: str, steps: Steps, without: Callable[[str], None]) -> Steps:
        """A job whose failure Millrace can live with."""
        try:
            yield from steps
        except ServerFailed as failure:
            self._progress.clear()
            without(str(failure))
        self._done.add(name)

    def _without_cache(self, reason: str) -> None:
        print(f"Running without a cache: {reason}", flush=True)
        self.valkey = None

    def _without_kafka(self, reason: str) -> None:
        print(f"Kafka features are off: {reason}", flush=True)
        self.kafka_off_reason = reason.splitlines()[0]
        if self.kafka and not self.kafka.url:  # else our processes know its address, and we go on trying
            self.kafka = None

    def _without_build(self, reason: str) -> None:
        print(f"Web app: {reason}", flush=True)

    def _prepare_database(self) -> Steps:
        if self.postgres:
            yield from self.postgres.start()
        for step in self.plan.before:
            yield from self._run_once(step)
        self._done.add("database")

    def _start_programs(self) -> Steps:
        """Starts our processes as soon as every address is known; Kafka may still be warming up then."""
        while not self._addresses_known():
            yield "waiting for the servers"
        for program in self.plan.programs:
            self._launch(program)
        for program in self.plan.programs:
            child = self.children[program.name]
            yield from wait_until(child.said_ready, child, program.name, _READY_SECONDS)
        for step in self.plan.after:
            yield from self._run_once(step)

    def _addresses_known(self) -> bool:
        cache = self.valkey is None or "cache" in self._done
        broker = self.kafka is None or bool(self.kafka.url) or "kafka" in self._done
        return "database" in self._done and cache and broker

    def _run_once(self, step: OneOff) -> Steps:
        child = self._spawn(step.name, step.command)
        try:
            while (status := child.poll()) is None:
                yield step.progress
        finally:
            child.kill()
        if status != 0:
            failure = ServerFailed(f"`{' '.join(step.command[1:])}` ended with status {status}.\n{child.log_tail()}")
            if step.vital:
                raise failure
            self._progress.clear()
            print(f"Warning: {failure}", flush=True)

    def _launch(self, program: Program) -> None:
        child = self.children[program.name] = self._spawn(program.name, program.command)
        self.home.ledger.add(child)

    def _spawn(self, name: str, command: Sequence[str]) -> Child:
        return spawn(name, command, log=self.home.logs / f"{name}.log", env=self.environment(), cwd=CHECKOUT)

    def _write_run_file(self) -> None:
        pids = {name: child.pid for name, child in {**self.children, **self._server_children()}.items()}
        content = {"url": self.url, "api_key": self.api_key, "pid": os.getpid(), **self.addresses(), "children": pids}
        runfile.write_run_file(self.plan.data, content)

    def _servers(self) -> list[Server]:
        return [server for server in (self.kafka, self.valkey, self.postgres) if server is not None]

    def _server_children(self) -> dict[str, Child]:
        return {server.name: server.child for server in self._servers() if server.child is not None}

    # --- keeping up

    def supervise(self) -> None:
        """Starts again whatever dies, until somebody asks to stop."""
        trim_at = time.monotonic() + _TRIM_EVERY_SECONDS
        while not self.stops_asked:
            changed = [
                self._look_after(program.name, self.children[program.name], partial(self._relaunch, program))
                for program in self.plan.programs
            ]
            changed += [self._look_after(server.name, server.child, server.start) for server in self._servers()]
            if any(changed):
                self._write_run_file()
            if time.monotonic() > trim_at:
                for log in self.home.logs.glob("*.log"):
                    trim_log(log)
                trim_at = time.monotonic() + _TRIM_EVERY_SECONDS
            time.sleep(_TICK_SECONDS)

    def _look_after(self, name: str, child: Child | None, start: Callable[[], Steps]) -> bool:
        """One round of one process's life: true when it has just been brought back.

        A server's start takes many rounds, and meanwhile the others are looked after too.
        """
        if name not in self._reviving:
            status = child.poll() if child else None
            if child is None or status is None:
                return False
            self._note_death(child, status)
            self._reviving[name] = start()
        if not self._revivals[name].due:
            return False
        try:
            next(self._reviving[name])
            return False
        except StopIteration:
            del self._reviving[name]
            return True
        except ServerFailed as failure:
            print(f"{name} could not be started again: {failure}", flush=True)
            self._revivals[name].died(0)
            self._reviving[name] = start()
            return False

    def _relaunch(self, program: Program) -> Steps:
        self._launch(program)
        yield from ()

    def _note_death(self, child: Child, status: int) -> None:
        lived = time.monotonic() - child.started_monotonic
        pause = self._revivals.setdefault(child.name, Revival()).died(lived)
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        after = f" in {pause:.1f} s" if pause else ""
        print(f"{child.name} (process {child.pid}) ended with {how} after {lived:.0f} s; starting it again{after}", flush=True)

    # --- stopping

    def ask_to_stop(self, *_: object) -> None:
        """A signal handler: the first call stops in order, the second kills at once."""
        self.stops_asked += 1
        if self.stops_asked > 1:
            for child in [*self.children.values(), *self._server_children().values()]:
                child.kill_now()

    def stop(self) -> None:
        """Stops the front, the loops, the workers, then Kafka, Valkey and PostgreSQL. Nothing that we started is left."""
        for steps in self._reviving.values():
            steps.close()
        for stage in sorted({program.stage for program in self.plan.programs}):
            programs = [program for program in self.plan.programs if program.stage == stage and program.name in self.children]
            stop_all([self.children[program.name] for program in programs], max((p.grace_seconds for p in programs), default=0))
            for program in programs:
                del self.children[program.name]
                self.home.ledger.remove(program.name)
        for server in self._servers():
            server.stop()
        runfile.remove_run_file(self.plan.data)


def parse(words: Sequence[str], environ: Mapping[str, str]) -> tuple[argparse.Namespace, dict[str, str]]:
    """The options, and the environment with those that replace a variable. Ends the process with a message on a wrong word."""
    parser = argparse.ArgumentParser(prog="./run", description="Millrace on this machine, with everything it needs. Ctrl-C stops it.")
    parser.add_argument("--port", type=int, help="where to listen on 127.0.0.1 (default 8080; 0: any free port)")
    parser.add_argument("--data", metavar="DIR", help="the data folder (default .millrace)")
    parser.add_argument("--workers", type=int, metavar="N", default=max(1, min(2, os.cpu_count() or 1)), help="engine processes")
    parser.add_argument("--demo", action="store_true", help="load the example workflows")
    parser.add_argument("--no-frontend", action="store_true", help="do not build the web app")
    options = parser.parse_args(words)
    if not 1 <= options.workers <= 64:
        parser.error("--workers must be between 1 and 64")
    replaced = {"PORT": options.port, "MILLRACE_DATA_DIR": options.data}
    return options, {**environ, **{name: str(value) for name, value in replaced.items() if value is not None}}


def greet(supervisor: Supervisor) -> None:
    """The lines that say how to go on."""
    print(f"\nMillrace is ready: {supervisor.url}", flush=True)
    print(f"Sign in:   {supervisor.url}#/sign-in?key={supervisor.api_key}")
    print(f"Try it:    {starter_curl(supervisor.url)}")
    if supervisor.plan.environ.get("MILLRACE_DEMO"):
        print(f"Demo:      mail, text and chat messages of the examples are at {supervisor.url}demo/inbox")
    print(f"Kafka:     {supervisor.addresses()['kafka_bootstrap_servers']}" + (f" ({why})" if (why := supervisor.kafka_off_reason) else ""))
    print(f"Logs:      {supervisor.home.logs}    Ctrl-C stops everything.", flush=True)


def starter_curl(url: str) -> str:
    """A command, ready to paste, that starts the first workflow."""
    return f"curl -X POST '{url}api/trigger/hello?wait=10' -H 'Content-Type: application/json' -d '{{\"name\": \"Ada\"}}'"


def serve(plan: Plan, on_ready: Callable[[Supervisor], None]) -> int:
    """Runs a plan until SIGINT, SIGTERM or SIGHUP and returns the exit status. A second signal kills at once."""
    supervisor = Supervisor(plan)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, supervisor.ask_to_stop)
    try:
        supervisor.start()
        (plan.data / STARTED).touch()
        on_ready(supervisor)
        supervisor.supervise()
        return 0
    except Interrupted:
        return 0
    except ServerFailed as failure:
        print(f"\nMillrace could not start: {failure}", file=sys.stderr, flush=True)
        return 1
    finally:
        print("Stopping (once more Ctrl-C kills at once)", flush=True)
        supervisor.stop()


def main(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """`./run` after the installation; returns the exit status."""
    options, environ = parse(words, environ)
    try:
        settings = Settings.from_env(environ)
        data = runfile.open_data_dir(settings.data_dir)
        lock = runfile.lock_data_dir(data)
    except InvalidSettings as error:
        sys.exit(f"A setting is wrong: {error}")
    except OSError as error:
        sys.exit(f"The data folder cannot be used: {error}")
    except runfile.FolderInUse as busy:
        sys.exit(str(busy))
    with lock:
        port = settings.port or free_port()
        if not port_is_free(port):
            sys.exit(f"Port {port} of 127.0.0.1 is taken by another program. Choose another one: ./run --port {port + 1}")
        plan = make_plan(
            replace(settings, port=port),
            environ,
            data,
            workers=options.workers,
            demo=options.demo,
            frontend=not options.no_frontend,
            first_start=not (data / STARTED).exists(),
        )
        return serve(plan, greet)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
