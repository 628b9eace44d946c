"""What an expression may cost. Evaluation holds the interpreter's lock and cannot be interrupted, so every cost is bounded before it starts."""

from __future__ import annotations

MAX_SOURCE_CHARS = 16_384
MAX_CONTEXT_BYTES = 8 * 1024 * 1024  # of the values one expression reads, as JSON text
MAX_RESULT_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 256  # of the values read; the door lets in 200 levels, and `nodes.<id>.output` adds a few
MAX_LOOP_LIST = 1_000  # of map() and filter(), which copy the list at every step: 1,000 elements cost 40 ms and 16 MB, 9,000 cost 6 s and 800 MB
MAX_LOOP_STEPS = 10_000  # of all loops of one evaluation together; the library's own budget
MAX_WORK = 128_000_000  # bytes read and made by one evaluation, as estimated beforehand; a second or so at worst
REUSE_BYTES = 4_096  # converting values smaller than this is cheaper than keeping them
MAX_REUSES = 8  # evaluations over one conversion; a loop of 1,000 steps leaves up to 16 MB behind until the conversion is dropped
