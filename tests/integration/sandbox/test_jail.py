"""The boundary alone: real Python, running in the sandbox's process as if it had escaped its language, can still do nothing."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import jailed

STAGES = ("settled", "helper")
SECRET = "the-secret-of-the-worker"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")


def escape(stage: str, code: str, *words: str) -> dict[str, Any]:
    """Run code in the jail; the process that starts it has a secret in its environment."""
    done = subprocess.run(
        [sys.executable, jailed.__file__, stage],
        input=code.encode(),
        env={"PATH": os.environ["PATH"], "AWS_SECRET_ACCESS_KEY": SECRET},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert SECRET.encode() not in done.stdout
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers, done.stderr.decode()
    merged = {name: value for answer in answers for name, value in answer.items()}
    if merged.get("missing"):
        pytest.skip("this machine lacks walls: " + "; ".join(merged["missing"]))
    return merged


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A server on loopback, such as Lambda's runtime API, and who has come to it."""
    came: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    connection, address = server.accept()
                    came.append(address)
                    connection.close()
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], came


# What an escaped program would try; each must raise. Names of modules are there, files to import from are not.
REFUSED = {
    "reads a file": "result = open('/etc/passwd').read()",
    "reads the environment of its own process": "result = open('/proc/self/environ').read()",
    "reads the environment of its parent": "result = open(f'/proc/{os.getppid()}/environ').read()",
    "reads the environment of the first process": "result = open('/proc/1/environ').read()",
    "lists the files": "result = [name for name in os.listdir('/') if name not in ('lib', 'lib64', 'usr', 'work', 'root', 'home')] or os.listdir('/etc')",
    "writes a file": "open('/tmp/escaped', 'w').write('x')",
    "makes a file anywhere": "[open(f'{place}/x', 'w') for place in ('', '/dev/shm', '/var/tmp', '.')]",
    "makes a folder": "os.mkdir('/escaped')",
    "opens a socket": "socket.socket()",
    "opens a local socket": "socket.socket(socket.AF_UNIX)",
    "opens a raw socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "resolves a name": "socket.getaddrinfo('example.com', 443)",
    "asks the metadata service": "socket.socket().connect(('169.254.169.254', 80))",
    "forks": "result = os.fork()",
    "starts a program": "subprocess.run(['/bin/sh', '-c', 'id'])",
    "becomes a program": "os.execv('/bin/sh', ['sh'])",
    "becomes root": "os.setuid(0)",
    "kills its parent": "os.kill(os.getppid(), 9)",
    "kills everyone": "os.kill(-1, 9)",
    "leaves its root": "os.chroot('/tmp')",
    "mounts": "assert ctypes.CDLL(None, use_errno=True).mount(b'proc', b'/', b'proc', 0, None) == 0",
    "makes a namespace": "assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "traces its parent": "assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
    "makes a program in memory": "os.memfd_create('x')",
    "raises its limits": "resource.setrlimit(resource.RLIMIT_NPROC, (100, 100))",
    "uses the other way to make a socket": "assert ctypes.CDLL(None).syscall(0x40000000 + 41, 2, 1, 0) >= 0",
    "makes an io_uring": "assert ctypes.CDLL(None).syscall(425, 4, 0) >= 0",
    "allocates two gigabytes": "result = len(bytearray(2 << 30))",
}


@pytest.fixture(scope="module")
def outcomes() -> Callable[[str], dict[str, str]]:
    """What became of each attempt. One process makes them all, one after the other, whatever became of those before."""
    code = "result = {}\nfor name, attempt in " + repr(REFUSED) + ".items():\n"
    code += "    scope = dict(globals())\n    try:\n        exec(attempt, scope)\n        result[name] = 'done: ' + repr(scope.get('result'))[:200]\n"
    code += "    except BaseException as error:\n        result[name] = type(error).__name__\n"
    return functools.cache(lambda stage: escape(stage, code)["result"])


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("stage", STAGES)
def test_what_an_escaped_program_tries_is_refused(outcomes: Callable[[str], dict[str, str]], stage: str, name: str) -> None:
    became = outcomes(stage)[name]
    assert not became.startswith("done"), became


@pytest.mark.parametrize("stage", STAGES)
def test_the_runtime_api_of_lambda_is_out_of_reach(stage: str, listener: tuple[int, list[Any]]) -> None:
    port, came = listener
    answer = escape(stage, f"socket.socket().connect(('127.0.0.1', {port}))")
    assert answer["raised"] in ("PermissionError", "OSError")
    assert came == []


@pytest.mark.parametrize("stage", STAGES)
def test_it_has_no_secrets_of_ours_in_its_environment_or_descriptors(stage: str) -> None:
    code = "result = []\nfor number in range(3, 64):\n    try:\n        os.fstat(number)\n        result.append(number)\n    except OSError:\n        pass\n"
    descriptors = escape(stage, code)["result"]
    assert len(descriptors) <= 2  # the tests' own: what it is told by, and the program's source
    assert escape(stage, "result = os.getuid()")["result"] != 0


def test_endless_computing_is_ended_by_the_kernel() -> None:
    """Also where the interpreter's own clock is out of the way: 10 seconds of CPU and two more."""
    answer = escape("settled", "while True: pass")
    assert answer["status"] in (9, 24)  # SIGKILL or SIGXCPU


def test_a_machine_that_offers_less_is_told_so(tmp_path: Path) -> None:
    """Without user namespaces and without root the network cannot be taken away as a whole, and that is reported, not hidden."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, ctypes; sys.path.insert(0, '.'); os.setgroups([]) if os.getuid() == 0 else None\n"
            "from chalicelib.core.sandbox import jail\n"
            "jail._LIBC = type('Libc', (), {'unshare': lambda self, flag: -1, 'prctl': lambda self, *w: 0})()\n"
            "print(jail.isolate([]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("network", "mount", "process"):
        assert f"a {name} namespace" in done.stdout
