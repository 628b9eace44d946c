"""What an expression may cost. Evaluation holds the interpreter's lock and cannot be interrupted, so every cost is bounded before it starts."""

from __future__ import annotations

MAX_SOURCE_CHARS = 16_384
MAX_CONTEXT_BYTES = 8 * 1024 * 1024  # of the values one expression reads, as JSON text
MAX_RESULT_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 256  # of the values read; the door lets in 200 levels, and `nodes.<id>.output` adds a few
MAX_LOOP_LIST = 2_000  # map() and filter() copy the list at every step: 2,000 elements cost 0.1 s and 40 MB, 9,000 cost 6 s and 800 MB
MAX_LOOP_STEPS = 10_000  # of all loops of one evaluation together; the library's own budget
REUSE_BYTES = 4_096  # converting values smaller than this is cheaper than keeping them
