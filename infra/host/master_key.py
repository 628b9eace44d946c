"""Change the master key that seals credentials, while everything runs.

    python -m infra.host.master_key rotate [--data DIR]    a new key in DIR/master.keys, every credential wrapped by it
    python -m infra.host.master_key rewrap [--data DIR]    every credential wrapped by the present key: MILLRACE_KMS_KEY_ID or MILLRACE_MASTER_KEY

`rotate` is for installations with a key file (no MILLRACE_MASTER_KEY, no KMS). Elsewhere: give every process the new key in MILLRACE_MASTER_KEY_PREVIOUS and
restart them one by one, then swap the two variables and restart them one by one, then `rewrap`, then remove the old key.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

from chalicelib.core.config import Settings, settings
from chalicelib.core.db import transaction
from chalicelib.core.errors import MillraceError
from chalicelib.credentials.keys import KEY_BYTES, Keyring, key_file, write_keys
from chalicelib.credentials.rotation import BATCH, rewrap_all
from chalicelib.triggers.sealed_auth import rewrap_batch


def add_key(path: Path) -> None:
    """Put a new key before those of a key file; running processes notice by themselves."""
    old = [bytes.fromhex(line) for line in path.read_text().split()] if path.exists() else []
    write_keys(path, [secrets.token_bytes(KEY_BYTES), *old])


def rotate(config: Settings) -> int:
    """Rotate the key file of an installation; returns how many data keys were wrapped anew. Raises ValueError where another source of keys is in use."""
    if config.master_key or config.kms_key_id:
        raise ValueError("this installation takes its master key from MILLRACE_MASTER_KEY or KMS, not from a file; see the help of `rewrap`")
    add_key(key_file(config))
    return rewrap_everything(Keyring(config))


def rewrap_everything(keys: Keyring) -> int:
    """Wrap the data keys of all credentials and of all triggers' secrets by the present master key; returns how many were not."""
    done = rewrap_all(keys)
    while True:
        with transaction() as connection:
            count = rewrap_batch(connection, keys, BATCH)
        if not count:
            return done
        done += count


def _settings(data: Path | None) -> Settings:
    """The environment's settings, completed by the data folder's run.json."""
    if data is not None:
        os.environ["MILLRACE_DATA_DIR"] = str(data.resolve())
    run_file = settings().data_dir / "run.json"
    if not settings().database_url and run_file.exists():
        os.environ["DATABASE_URL"] = json.loads(run_file.read_text())["database_url"]
    settings.cache_clear()
    return settings()


def main(words: list[str]) -> int:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m infra.host.master_key", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["rotate", "rewrap"])
    parser.add_argument("--data", type=Path, help="the data folder (default: MILLRACE_DATA_DIR, .millrace)")
    asked = parser.parse_args(words)
    try:
        config = _settings(asked.data)
        count = rotate(config) if asked.verb == "rotate" else rewrap_everything(Keyring(config))
    except (MillraceError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} data keys are wrapped by the present master key now.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
