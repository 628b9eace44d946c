"""The data folder's small files: the lock that admits one supervisor, the secrets made once, and `run.json` for programs.

All are readable by their owner alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from infra.host.servers import ServerFailed, write_private

SECRET_NAMES = {"secret": "MILLRACE_SECRET"}


class FolderInUse(Exception):
    """Another supervisor works on this data folder."""


def open_data_dir(path: Path) -> Path:
    """The data folder, made when it is missing, as an absolute path. Raises OSError when it cannot be written."""
    # As root others may pass through (not look), since the database's unprivileged user must reach its own folder inside.
    path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    return path.resolve()


def lock_data_dir(data: Path) -> IO[str]:
    """Holds the folder until the returned file is closed or we die. Raises FolderInUse, saying who has it."""
    stream = os.fdopen(os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = stream.read().strip() or "another process"
        stream.close()
        raise FolderInUse(
            f"Millrace already runs on the data folder {data} ({holder}).\n"
            "Stop it there first, or start a second one beside it: ./run --data OTHER-FOLDER --port OTHER-PORT"
        ) from None
    stream.truncate(0)
    stream.write(f"process {os.getpid()}\n")
    stream.flush()
    return stream


def bootstrap_key(data: Path, given: str | None) -> str:
    """The admin API key: the one given, else `<data>/bootstrap.key`, made at the first start."""
    if given:
        return given
    path = data / "bootstrap.key"
    kept = path.read_text().strip() if path.exists() else ""
    if not kept:
        kept = f"bootstrap_{secrets.token_urlsafe(32)}"
        write_private(path, kept + "\n")
    return kept


def kept_secrets(data: Path) -> dict[str, str]:
    """Environment variables with this installation's own secrets, from `<data>/secrets.json`, made at the first start.

    64 hexadecimal digits each. Losing the file makes API keys useless, so it is never made anew while it exists, not even when it cannot be read. (What
    seals credentials is in `master.keys` beside it.)
    """
    path = data / "secrets.json"
    try:
        found: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        found = {}
    except ValueError as error:
        raise ServerFailed(f"{path} is not readable as JSON ({error}); restore it from a backup") from error
    missing = {name: secrets.token_hex(32) for name in SECRET_NAMES if name not in found}
    if missing:
        found |= missing
        write_private(path, json.dumps(found, indent=2) + "\n")
    return {variable: found[name] for name, variable in SECRET_NAMES.items()}


def write_run_file(data: Path, content: Mapping[str, object]) -> None:
    """`<data>/run.json`, replaced as a whole."""
    write_private(data / "run.json", json.dumps(content, indent=2) + "\n")


def remove_run_file(data: Path) -> None:
    """Nothing runs here any more."""
    (data / "run.json").unlink(missing_ok=True)
