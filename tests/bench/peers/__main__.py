"""Workload A on Millrace and on others, by turns in one run.

    python -m tests.servers run --no-kafka -- python -m tests.bench.peers [--pairs 3] [--seconds 8] [--concurrency 64] [--environment FOLDER] [--n8n FOLDER]

DBOS is installed, pinned, into a virtual environment in FOLDER the first time; with `--n8n` n8n is measured too, installed into that FOLDER. All use the same
PostgreSQL, echo server and load generator.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import statistics
import tempfile
from pathlib import Path

from infra.host.servers import free_port
from tests.bench.peers.dbos_peer import dbos
from tests.bench.peers.n8n_peer import n8n
from tests.bench.workload_a import echo, load, measure, workload
from tests.e2e.conftest import product_environment
from tests.support.product import Product


def main() -> None:
    """Run the rounds; print each and the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir()) / "millrace-bench-dbos")
    parser.add_argument("--n8n", type=Path)
    options = parser.parse_args()
    environment = product_environment()
    echo_port = free_port()
    echo_url = f"http://127.0.0.1:{echo_port}/echo"
    process = multiprocessing.Process(target=echo, args=(echo_port,), daemon=True)
    process.start()
    rates: dict[str, list[float]] = {}
    with contextlib.ExitStack() as at_the_end, tempfile.TemporaryDirectory() as folder:
        at_the_end.callback(process.terminate)
        peers = [at_the_end.enter_context(dbos(options.environment, echo_url))]
        if options.n8n:
            peers.append(at_the_end.enter_context(n8n(options.n8n, echo_url)))
        product = Product(Path(folder) / "data", "--workers", "2", environment={**environment, "LOG_LEVEL": "WARNING"})
        at_the_end.callback(product.stop)
        made = product.api("POST", "/workflows", {"name": "Bench", "definition": workload(echo_url)})
        product.api("POST", f"/workflows/{made['id']}/publish")
        product.api("POST", "/triggers", {"workflow_id": made["id"], "type": "api", "config": {"path": "bench"}})
        for url in (f"http://{product.host}:{product.port}/api/trigger/bench", *(peer.url for peer in peers)):
            asyncio.run(load(url, 8, 2, statuses=(200, 202)))
        for _ in range(options.pairs):
            said = {"millrace": measure(product, environment["DATABASE_URL"], options.concurrency, options.seconds, made["id"])}
            said |= {peer.name: peer.measure(options.concurrency, options.seconds) for peer in peers}
            for name, figures in said.items():
                rates.setdefault(name, []).append(figures["per_second"])
            print(json.dumps(said), flush=True)
    ours = rates.pop("millrace")
    ratios = {name: round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 1) for name, theirs in rates.items()}
    print(json.dumps({"medians": {"millrace": statistics.median(ours), **{name: statistics.median(theirs) for name, theirs in rates.items()}}, "times as many": ratios}))


if __name__ == "__main__":
    main()
