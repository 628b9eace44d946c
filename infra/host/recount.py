"""`python -m infra.host.recount FROM TO`: count analytics' rollups of whole UTC days (TO not included) anew from history."""

from __future__ import annotations

import argparse
import sys
from datetime import date

from chalicelib.analytics.folding import recount_days


def main(words: list[str]) -> int:
    """Count, a line for each day. DATABASE_URL says where."""
    parser = argparse.ArgumentParser(prog="python -m infra.host.recount", description=__doc__)
    parser.add_argument("first", metavar="FROM", type=date.fromisoformat, help="first day, such as 2026-11-01")
    parser.add_argument("last", metavar="TO", type=date.fromisoformat, help="the day after the last")
    asked = parser.parse_args(words)
    total = recount_days(asked.first, asked.last, lambda day, n: print(f"{day}: {n} executions", flush=True))
    print(f"counted {total} executions anew")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
