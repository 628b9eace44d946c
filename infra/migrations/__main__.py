"""`python -m infra.migrations upgrade [revision]` brings the database of DATABASE_URL to the newest schema; `current` prints where it stands."""

from __future__ import annotations

import sys

from infra.migrations.runner import current, upgrade


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    match arguments:
        case ["upgrade"]:
            upgrade()
        case ["upgrade", revision]:
            upgrade(revision)
        case ["current"]:
            print(current() or "empty")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
