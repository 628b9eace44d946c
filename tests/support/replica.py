"""A streaming replica of an embedded PostgreSQL: a second real server, made by pg_basebackup."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from infra.host.processes import Account
from infra.host.servers import Home, ServerFailed, Steps
from infra.host.servers.postgres import Postgres


class Replica(Postgres):
    """Follows `primary`, which must be running; read-only. Its folder's password is the primary's."""

    def __init__(self, home: Home, primary: Postgres) -> None:
        super().__init__(home)
        self._primary_url = primary.url
        home.memory.remember(self.name, password=primary.url.split(":")[2].partition("@")[0])

    def _create_cluster(self, place: Path, bin_dir: Path, account: Account | None, password: str) -> Steps:
        shutil.rmtree(place / "data", ignore_errors=True)
        source = self._primary_url.rsplit("/", 1)[0] + "/postgres"
        words: list[str | Path] = [bin_dir / "pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", "-D", place / "copy" / "data", "-d", source]
        (place / "copy").mkdir()
        if account is not None:
            shutil.chown(place / "copy", account.uid, account.gid)
        child = self._spawn("pg_basebackup", words, account, place, signal.SIGKILL)
        try:
            while (status := child.poll()) is None:
                yield "copying the primary"
        finally:
            child.kill()
        if status != 0:
            raise ServerFailed(f"pg_basebackup ended with status {status}.\n{child.log_tail()}")
        (place / "copy" / "data").rename(place / "data")

    def _ensure_database(self, password: str) -> None:
        """It comes with the primary's."""
