"""What importing a module costs: CPU of a fresh process, the median of several, for the functions' entries and what they are made of.

    .venv/bin/python -m tests.bench.imports [MODULE…]
"""

from __future__ import annotations

import statistics
import subprocess
import sys

RUNS = 7
MODULES = ("functions.webhook", "psycopg", "chalice", "chalicelib.triggers.ingress", "functions.kafka", "functions.scheduler", "functions.engine", "app")
ONE = "import importlib, sys, time; t = time.process_time(); importlib.import_module(sys.argv[1]); print(time.process_time() - t, len(sys.modules))"


def cost(module: str) -> tuple[float, int]:
    """Milliseconds of CPU, and how many modules are loaded then."""
    runs = [subprocess.run([sys.executable, "-c", ONE, module], capture_output=True, text=True, check=True).stdout.split() for _ in range(RUNS)]
    return statistics.median(float(seconds) for seconds, _ in runs) * 1000, int(runs[0][1])


if __name__ == "__main__":
    for name in sys.argv[1:] or MODULES:
        milliseconds, modules = cost(name)
        print(f"{name:<32}{milliseconds:>8.0f} ms{modules:>8} modules")
