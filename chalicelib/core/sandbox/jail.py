"""Giving up rights, step by step and for good: what a process that runs foreign code must not have, it cannot get back.

Each step that this machine does not offer is reported, not hidden: namespaces need root or unprivileged user namespaces, the filter of system calls needs Linux
on x86-64 or ARM64.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from chalicelib.core.sandbox import limits, syscalls

LINUX = sys.platform == "linux"
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWIPC, _NEWUTS, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x8000000, 0x4000000, 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 1, 4, 22, 38, 24
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_FIRST_USER = 1_610_000_000  # far from any user of the machine; every process gets the next one
_USERS = 10_000_000
_ROOT_PLACES = ("/tmp", "/mnt", "/var")  # noqa: S108 - only a place to mount on, in a mount namespace of our own


class Missing(list[str]):
    """What this machine does not offer, in words."""

    def attempt(self, what: str, result: int) -> bool:
        """Notes a system call that failed; returns whether it succeeded."""
        if result != 0:
            self.append(f"{what} ({os.strerror(ctypes.get_errno())})")
        return result == 0


def isolate(files: Iterable[str] | None) -> Missing:
    """Cut this process, and all it will start, off from the network, from other processes and from all files but `files` (None: it is
    not known which are needed, so they stay).

    Returns what could not be done. After it the process is the first of a process namespace where there is one: when it ends, all end. Forks; returns in
    the child only.
    """
    missing = Missing()
    if not LINUX:
        return Missing(["namespaces (only Linux has them)"])
    _become_nobody_elses_root(missing)
    spaces = {"network": _NEWNET, "IPC": _NEWIPC, "host name": _NEWUTS, "mount": _NEWNS, "process": _NEWPID}
    made = {name for name, flag in spaces.items() if missing.attempt(f"a {name} namespace", _LIBC.unshare(flag))}
    if "process" in made:
        _fork_and_follow()
    if files is None:
        missing.append("an empty file system (what the interpreter needs cannot be told)")
    elif "mount" in made:
        try:
            _leave_the_files(files)
        except OSError as error:
            missing.append(f"an empty file system ({error.strerror})")
    return missing


def _become_nobody_elses_root(missing: Missing) -> None:
    """Without root: a user namespace, in which we have the rights that the other namespaces ask for."""
    user, group = os.geteuid(), os.getegid()
    if user == 0 or not missing.attempt("a user namespace", _LIBC.unshare(_NEWUSER)):
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with contextlib.suppress(OSError):
            Path(f"/proc/self/{name}").write_text(text)


def _fork_and_follow() -> None:
    """Go on as the first process of the new namespace; the one that was started only waits for it."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0x7F)
    die_with_parent()


def _leave_the_files(files: Iterable[str]) -> None:
    """Make an almost empty, read-only file system our root. Raises OSError."""
    kept = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in files}
    root = next(place for place in _ROOT_PLACES if os.path.isdir(place))
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, b"size=1m,mode=755")
    for path, handle in kept.items():
        target = Path(root + path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o444)
        _mount(f"/proc/self/fd/{handle}", str(target), None, _MS_BIND)
        with contextlib.suppress(
            OSError
        ):  # flags that the original has cannot always be taken off; nobody here may write to it anyway
            _mount(None, str(target), None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
        os.close(handle)
    os.chdir(root)
    _check(_LIBC.syscall(ctypes.c_long(155 if os.uname().machine == "x86_64" else 41), b".", b"."), "pivot_root")
    _check(_LIBC.umount2(b".", 2), "umount")
    os.chdir("/")
    _mount(None, "/", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: bytes | None = None) -> None:
    names = [name.encode() if name is not None else None for name in (source, target, kind)]
    _check(_LIBC.mount(names[0], names[1], names[2], ctypes.c_ulong(flags), data), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def drop_rights(number: int) -> Missing:
    """Become a user that nobody else is (when we are root), without capabilities, under limits, and with few system calls. `number` tells processes apart."""
    missing = Missing()
    die_with_parent()
    if os.geteuid() == 0:
        user = _FIRST_USER + number % _USERS
        with contextlib.suppress(PermissionError):
            os.setgroups([])
        if LINUX:
            for capability in range(64):
                _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        else:
            os.setgid(user)
            os.setuid(user)
        die_with_parent()  # forgotten at a change of user
    if LINUX:
        _drop_capabilities()
        missing.attempt("no_new_privs", _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _set_limits()
    _filter(missing, settled=False)
    return missing


def confine(children: Iterable[int] = ()) -> Missing:
    """The last step: from here on neither this process nor the named children can start a process, and this one can open nothing."""
    missing = Missing()
    for pid in children:
        resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.CPU_SECONDS + limits.CPU_SPARE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    _filter(missing, settled=True)
    return missing


def running_children() -> list[int]:
    """Processes that this one has started lately and that run. There is no /proc to read, so the pids after ours are tried."""
    me = os.getpid()
    for after in (range(me + 1, me + 300), range(2, 300)):  # the second: pids began anew
        found = [pid for pid in after if _is_child(pid)]
        if found:
            return found
    return []


def _is_child(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def die_with_parent() -> None:
    """Be killed when the process that started this one ends."""
    if LINUX:
        _LIBC.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def hide_memory() -> None:
    """Keep other processes of the same user from reading this one's environment and memory."""
    if LINUX:
        _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _drop_capabilities() -> None:
    header = struct.pack("=Ii", 0x20080522, 0)
    _LIBC.capset(header, struct.pack("=6I", *[0] * 6))


def _set_limits() -> None:
    seconds = limits.CPU_SECONDS + limits.CPU_SPARE_SECONDS + 5
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CPU: seconds,
    }
    if LINUX:
        wanted |= {resource.RLIMIT_AS: limits.ADDRESS_SPACE_BYTES, resource.RLIMIT_MEMLOCK: 0, resource.RLIMIT_MSGQUEUE: 0}
    for name, value in wanted.items():
        _, hard = resource.getrlimit(name)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _filter(missing: Missing, *, settled: bool) -> None:
    if not LINUX or not syscalls.known():
        missing.append("a filter of system calls (only Linux on x86-64 and ARM64 has one)")
        return
    instructions = syscalls.filter_program(settled=settled)
    program = _Program(len(instructions) // 8, instructions)
    call = ctypes.c_long(_SECCOMP_CALL[os.uname().machine])
    result = _LIBC.syscall(call, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program))
    missing.attempt("a filter of system calls", result)
