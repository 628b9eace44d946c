"""How long a function takes in a warm sandbox: python -m tests.bench.sandbox [--runs 200]

Prints the time from handing over the code to having its answer, with a pause between runs (as in workflows that do something else too) and without one (when
processes cannot be made ready as fast as they are used up).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

from chalicelib.core.sandbox.job import Job, Language
from chalicelib.core.sandbox.pool import SandboxPool

SOURCES: dict[Language, str] = {
    "python": "def main(input):\n    return {'total': sum(line['price'] * line['count'] for line in input['lines'])}",
    "javascript": "const main = (input) => ({ total: input.lines.reduce((sum, line) => sum + line.price * line.count, 0) })",
}
GIVEN = '{"lines":[{"price":3,"count":2},{"price":12.5,"count":1}]}'


async def measure(pool: SandboxPool, language: Language, runs: int, pause: float) -> list[float]:
    """Milliseconds of each run."""
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        ran = await pool.run(Job(language, SOURCES[language], GIVEN))
        found.append((time.perf_counter() - began) * 1000)
        assert ran.output == '{"total":18.5}', ran
        await asyncio.sleep(pause)
    return sorted(found)


async def main(runs: int) -> None:
    """Measure both languages."""
    pool = SandboxPool()
    began = time.perf_counter()
    await pool.warm("python", "javascript")
    print(f"start of the zygote and the first processes: {(time.perf_counter() - began) * 1000:.0f} ms")
    for language in SOURCES:
        for pause in (0.05, 0.0):
            found = await measure(pool, language, runs, pause)
            p95 = found[int(len(found) * 0.95)]
            print(
                f"{language:<11} pause {pause * 1000:>3.0f} ms: p50 {statistics.median(found):.2f} ms, p95 {p95:.2f} ms, worst {found[-1]:.1f} ms"
            )
    pool.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    asyncio.run(main(parser.parse_args().runs))
