"""LocalStack as a home, from the command line; docs/deploy/localstack.md

python -m localstack up [--port N] [--data DIR] [--topic NAME …] [--no-frontend]     everything, until Ctrl-C
python -m localstack start [the same]                                                 everything, in the background
python -m localstack stop [--data DIR]                                                stops it and deletes what it kept
python -m localstack deploy [--data DIR] [--topic NAME …] [--no-frontend]             this checkout once more, to what runs
python -m localstack deploy --endpoint URL --database-url URL …                       to a LocalStack started otherwise (in Docker)
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib.core.config import InvalidSettings
from chalicelib.core.config import Settings as Given
from infra.aws.dependencies import CannotBuild
from infra.host import runfile
from infra.host.caches import CHECKOUT
from infra.host.processes import start_time
from infra.host.servers import ServerFailed
from localstack.deploy import CannotDeploy, Deployment, Settings, Target, deploy
from localstack.home import SITE, LocalHome, Options, serve

DATA = CHECKOUT / ".millrace" / "localstack"
START_SECONDS = 1800.0  # installing LocalStack included


def up(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Everything in this process; returns the exit code."""
    data = runfile.open_data_dir(options.data)
    try:
        lock = runfile.lock_data_dir(data)
    except runfile.FolderInUse:
        print(f"It runs already on {data}. `python -m localstack stop` stops it; another one needs another --data and --port.", file=sys.stderr)
        return 1
    with lock:
        try:
            home = LocalHome(Options(data, options.port or None, options.topic, options.frontend), Given.from_env(environ), environ)
            serve(home, greet)
        except InvalidSettings as error:
            print(f"A setting is wrong: {error}", file=sys.stderr)
            return 1
        except (ServerFailed, CannotDeploy, CannotBuild) as reason:
            print(f"\n{reason}", file=sys.stderr)
            return 1
    return 0


def greet(home: LocalHome, deployment: Deployment) -> None:
    """The lines that say how to go on."""
    assert home.localstack is not None
    key = home.settings().bootstrap_key
    print(f"\nMillrace on LocalStack is ready: {deployment.api_url}")
    if home.options.frontend:
        print(f"Sign in:   {deployment.site_url}#/sign-in?key={key}")
    hello = f"curl -X POST '{deployment.api_url}/trigger/hello?wait=25'"
    print(f"Try it:    {hello} -H 'Content-Type: application/json' -d '{{\"name\": \"Ada\"}}'")
    print(f"AWS:       {home.localstack.url}  (any credentials, region us-east-1)")
    print(f"Kafka:     {home.addresses()['kafka_bootstrap_servers']}  topics read: {', '.join(home.settings().topics) or 'none'}")
    print(f"Logs:      {home.home.logs}", flush=True)


def start(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """`up` in the background; returns once it is ready."""
    data = runfile.open_data_dir(options.data)
    said = data / "up.log"
    words = ["--data", str(data), "--port", str(options.port), *(word for topic in options.topic for word in ("--topic", topic))]
    words += [] if options.frontend else ["--no-frontend"]
    said.unlink(missing_ok=True)
    with os.fdopen(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:  # it shows the API key
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack", "up", *words],
            cwd=CHECKOUT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    shown, end = 0, time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        ended = process.poll() is not None
        text = said.read_text(errors="replace")
        print(text[shown:], end="", flush=True)
        shown = len(text)
        if "\nLogs:" in text:
            return 0
        if ended:
            return process.returncode or 1
        time.sleep(0.3)
    print(f"It is not ready after {START_SECONDS / 60:.0f} minutes; {said} says what it is at.", file=sys.stderr)
    return 1


def stop(options: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Ask the process that runs everything to stop, and wait until it is gone."""
    pid = _holder(options.data)
    if pid is None:
        print("Nothing runs.")
        return 0
    began = start_time(pid)
    os.kill(pid, signal.SIGTERM)
    while start_time(pid) == began:
        time.sleep(0.2)
    print("Stopped.")
    return 0


def _holder(data: Path) -> int | None:
    """The process that has the data folder; None when nobody has."""
    try:
        runfile.lock_data_dir(data).close()
    except FileNotFoundError:
        return None
    except runfile.FolderInUse:
        return int((data / "lock").read_text().split()[-1])
    return None


def redeploy(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """This checkout to what runs, or to an endpoint."""
    try:
        target, settings = _elsewhere(options, environ) if options.endpoint else _running(options)
        site = SITE if options.frontend and SITE.is_dir() else None
        deployment = deploy(target, settings, lambda text: print(text, flush=True), out=options.data / "build", site=site)
    except (CannotDeploy, CannotBuild) as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    print(f"\nAPI:      {deployment.api_url}\nWeb app:  {deployment.site_url}")
    return 0


def _running(options: argparse.Namespace) -> tuple[Target, Settings]:
    try:
        run: dict[str, Any] = json.loads((options.data / "run.json").read_text())
    except FileNotFoundError:
        raise CannotDeploy("Nothing runs. `python -m localstack start` starts it; a LocalStack of your own is named by --endpoint.") from None
    return Target(**run["target"]), Settings(**run["settings"] | ({"topics": options.topic} if options.topic else {}))


def _elsewhere(options: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Target, Settings]:
    given = Given.from_env(environ)
    data = runfile.open_data_dir(options.data)
    settings = Settings(
        database_url=options.database_url or given.require_database_url(),
        redis_url=options.redis_url or given.redis_url or "none",
        kafka_bootstrap_servers=options.kafka or given.kafka_bootstrap_servers or "none",
        secret=given.secret or runfile.kept_secrets(data)["MILLRACE_SECRET"],
        bootstrap_key=runfile.bootstrap_key(data, given.bootstrap_key),
        topics=options.topic,
        parameters={"EgressAllow": ",".join(given.egress_allow), "CorsOrigins": ",".join(given.cors_origins)},
    )
    return Target(options.endpoint, options.host or options.endpoint.partition("://")[2].rstrip("/")), settings


def main(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m localstack", description="All of Millrace on LocalStack: docs/deploy/localstack.md")
    commands = parser.add_subparsers(required=True)
    for name, run, help_text in (
        ("up", up, "start everything and deploy; Ctrl-C stops it"),
        ("start", start, "the same in the background"),
        ("stop", stop, "stop it and delete what it kept"),
        ("deploy", redeploy, "deploy this checkout again, or to another LocalStack"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(run=run)
        command.add_argument("--data", type=Path, default=DATA, help="the data folder (.millrace/localstack)")
        if name == "stop":
            continue
        command.add_argument("--topic", action="append", default=[], help="a Kafka topic to read; give it once for each")
        command.add_argument("--no-frontend", dest="frontend", action="store_false", help="leave the web app out")
        if name != "deploy":
            command.add_argument("--port", type=int, default=4566, help="LocalStack's port on 127.0.0.1 (4566; 0: any)")
            continue
        command.add_argument("--endpoint", help="a LocalStack that was started otherwise, such as http://localhost:4566")
        command.add_argument("--host", help="the host:port that its host names end in (default: the endpoint's)")
        command.add_argument("--database-url", help="PostgreSQL, as the functions reach it (default: DATABASE_URL)")
        command.add_argument("--redis-url", help="Redis, as the functions reach it (default: REDIS_URL)")
        command.add_argument("--kafka", help="brokers, as the functions reach them (default: KAFKA_BOOTSTRAP_SERVERS)")
    options = parser.parse_args(words)
    options.data = options.data.resolve()
    return int(options.run(options, environ))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
