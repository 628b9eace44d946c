"""The system calls a sandboxed process may make, as a filter for the kernel (seccomp): everything else fails with EPERM.

Two lists. STARTING lets an interpreter load its libraries and start its helper; SETTLED, which is put on top once it is ready, knows no way to open a file, make
a socket or start a process. A filter can only be tightened, and holds for all children.
"""

from __future__ import annotations

import errno
import platform
import struct

# Linux's numbers, from asm/unistd.h of each architecture.
_SETTLED = {
    "x86_64": "read=0 write=1 readv=19 writev=20 recvfrom=45 recvmsg=47 sendto=44 sendmsg=46 close=3 shutdown=48 brk=12 mmap=9 munmap=11 mprotect=10"
    " mremap=25 madvise=28 futex=202 clock_gettime=228 clock_getres=229 gettimeofday=96 time=201 times=100 getrusage=98 getrandom=318 getpid=39 gettid=186"
    " getppid=110 getuid=102 geteuid=107 getgid=104 getegid=108 exit=60 exit_group=231 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 sigaltstack=131"
    " sched_yield=24 sched_getaffinity=204 nanosleep=35 clock_nanosleep=230 poll=7 ppoll=271 select=23 pselect6=270 epoll_wait=232 epoll_pwait=281"
    " epoll_ctl=233 restart_syscall=219 lseek=8 fstat=5 membarrier=324 rseq=334 set_robust_list=273 wait4=61 waitid=247 fcntl=72 getcpu=309 clone=56",
    "aarch64": "read=63 write=64 readv=65 writev=66 recvfrom=207 recvmsg=212 sendto=206 sendmsg=211 close=57 shutdown=210 brk=214 mmap=222 munmap=215"
    " mprotect=226 mremap=216 madvise=233 futex=98 clock_gettime=113 clock_getres=114 gettimeofday=169 times=153 getrusage=165 getrandom=278 getpid=172"
    " gettid=178 getppid=173 getuid=174 geteuid=175 getgid=176 getegid=177 exit=93 exit_group=94 rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139"
    " sigaltstack=132 sched_yield=124 sched_getaffinity=123 nanosleep=101 clock_nanosleep=115 ppoll=73 pselect6=72 epoll_pwait=22 epoll_ctl=21"
    " restart_syscall=128 lseek=62 fstat=80 membarrier=283 rseq=293 set_robust_list=99 wait4=260 waitid=95 fcntl=25 getcpu=168 clone=220",
}
_STARTING = {
    "x86_64": "execve=59 fork=57 vfork=58 open=2 openat=257 pread64=17 stat=4 lstat=6 newfstatat=262 readlink=89 readlinkat=267 access=21 faccessat=269"
    " getcwd=79 dup=32 dup2=33 dup3=292 pipe=22 pipe2=293 socketpair=53 eventfd2=290 epoll_create1=291 prctl=157 arch_prctl=158 set_tid_address=218"
    " prlimit64=302 getrlimit=97 uname=63 sysinfo=99 ioctl=16 pidfd_open=434 seccomp=317 rt_sigtimedwait=128 getpgrp=111",
    "aarch64": "execve=221 openat=56 pread64=67 newfstatat=79 readlinkat=78 faccessat=48 getcwd=17 dup=23 dup3=24 pipe2=59 socketpair=199 eventfd2=19"
    " epoll_create1=20 prctl=167 set_tid_address=96 prlimit64=261 getrlimit=163 uname=160 sysinfo=179 ioctl=29 pidfd_open=434 seccomp=277"
    " rt_sigtimedwait=137",
}
# C libraries try these first and take the older call when the kernel does not know them.
_UNKNOWN = {
    "x86_64": "clone3=435 statx=332 faccessat2=439 openat2=437",
    "aarch64": "clone3=435 statx=291 faccessat2=439 openat2=437",
}
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020000  # the second: any new namespace
_WRITES = 0o3 | 0o100 | 0o1000 | 0o20000000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE
_FIONBIO = 0x5421
_LOAD, _JEQ, _JSET, _JGE, _RET = 0x20, 0x15, 0x45, 0x35, 0x06  # BPF: load a word, jumps with a constant, return
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE, _NOT_THERE = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_ARGUMENT = 16  # where the arguments begin in struct seccomp_data; the low word of each comes first on both architectures

Instruction = tuple[int, int, int, int]


def known() -> bool:
    """Whether there is a list for this machine's processor."""
    return platform.machine() in _AUDIT


def filter_program(*, settled: bool, machine: str | None = None) -> bytes:
    """The filter as the kernel takes it. Raises KeyError for a processor without a list."""
    machine = machine or platform.machine()
    numbers = _numbers(_SETTLED[machine]) | ({} if settled else _numbers(_STARTING[machine]))
    program: list[Instruction] = [(_LOAD, 0, 0, 4), (_JEQ, 1, 0, _AUDIT[machine]), (_RET, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    program += [(_JGE, 0, 1, 0x40000000), (_RET, 0, 0, _REFUSE)]  # the x32 variants of all calls
    for number in _numbers(_UNKNOWN[machine]).values():
        program += [(_JEQ, 0, 1, number), (_RET, 0, 0, _NOT_THERE)]
    program += _if_argument(numbers.pop("clone"), 0, _JSET, _CLONE_THREAD if settled else _CLONE_NEW, allow_when_set=settled)
    if not settled:
        program += _if_argument(numbers.pop("openat"), 2, _JSET, _WRITES, allow_when_set=False)
        if "open" in numbers:
            program += _if_argument(numbers.pop("open"), 1, _JSET, _WRITES, allow_when_set=False)
        program += _if_argument(numbers.pop("ioctl"), 1, _JEQ, _FIONBIO, allow_when_set=True)
    for number in numbers.values():
        program += [(_JEQ, 0, 1, number), (_RET, 0, 0, _ALLOW)]
    program.append((_RET, 0, 0, _REFUSE))
    return b"".join(struct.pack("=HBBI", code, true, false, value) for code, true, false, value in program)


def _if_argument(number: int, index: int, test: int, value: int, *, allow_when_set: bool) -> list[Instruction]:
    """One call, allowed by an argument: when the test holds, or when it does not."""
    yes, no = (_ALLOW, _REFUSE) if allow_when_set else (_REFUSE, _ALLOW)
    return [(_JEQ, 0, 4, number), (_LOAD, 0, 0, _ARGUMENT + 8 * index), (test, 0, 1, value), (_RET, 0, 0, yes), (_RET, 0, 0, no)]


def _numbers(text: str) -> dict[str, int]:
    return {name: int(number) for name, _, number in (word.partition("=") for word in text.split())}
