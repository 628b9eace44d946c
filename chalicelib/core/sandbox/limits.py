"""What one run of user code may use. Fixed, so that a process can be made ready before it is known what it will run."""

from __future__ import annotations

CPU_SECONDS = 10  # of computing; the node's timeout_seconds bounds the whole
MEMORY_BYTES = 128 * 1024 * 1024  # the language's heap
ADDRESS_SPACE_BYTES = 1024 * 1024 * 1024  # of a whole process; its libraries and threads reserve much that they never touch
STACK_DEPTH = 500
JAVASCRIPT_STACK_BYTES = 512 * 1024
OUTPUT_BYTES = 4 * 1024 * 1024  # of JSON text, for what goes in and what comes out: Lambda hands over at most 6 MB
CONSOLE_BYTES = 64 * 1024
CONSOLE_LINES = 1000
SOURCE_CHARS = 100_000
CPU_SPARE_SECONDS = 2  # after this the kernel ends what the interpreter's own limit did not
START_SECONDS = 20.0  # for a process to become ready on a busy machine
