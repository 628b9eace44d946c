"""Identifiers: prefixed, URL-safe and sortable by the time they were made.

`exe_` + 26 characters of Crockford base 32 (lower case): 48 bits of milliseconds, 80 random bits (the ULID layout). Tables that are
partitioned by time are partitioned by these ids, so the same function gives the bounds.
"""

from __future__ import annotations

import os
import re
import threading
import time
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"^[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}\Z")


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def _base32(number: int) -> str:
    """26 digits, two at a time."""
    digits = []
    for _ in range(13):
        digits.append(_PAIRS[number & 1023])
        number >>= 10
    return "".join(reversed(digits))


class _Noise:
    """Random bytes of the operating system, asked for 400 ids at a time: each call lets go of the interpreter's lock, and with many threads getting it back takes longer
    than all the rest of an id. Threads and forked processes never get the same, nor do copies of a process that was frozen: what is older than a second is dropped."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Begin anew."""
        self._lock = threading.Lock()
        self._bytes, self._at, self._asked_ms = b"", 0, 0

    def take(self, now_ms: int) -> bytes:
        """Ten bytes that nobody else gets."""
        with self._lock:
            if self._at >= len(self._bytes) or not 0 <= now_ms - self._asked_ms <= 1000:
                self._bytes, self._at, self._asked_ms = os.urandom(4000), 0, now_ms
            self._at += 10
            return self._bytes[self._at - 10 : self._at]


_noise = _Noise()


def new_id(prefix: str) -> str:
    """A fresh id such as `exe_01kb...`; ids made later sort later (to the millisecond)."""
    now_ms = time.time_ns() // 1_000_000
    number = now_ms << 80 | int.from_bytes(_noise.take(now_ms), "big")
    return f"{prefix}_{_base32(number)}"


def new_id_after(earlier: str) -> str:
    """A fresh id of the same kind that sorts behind `earlier`, also where this machine's clock is behind that of the machine that made it."""
    prefix, _, digits = earlier.partition("_")
    made = new_id(prefix)
    if made > earlier:
        return made
    number = 0
    for digit in digits:
        number = number << 5 | _ALPHABET.index(digit)
    return f"{prefix}_{_base32(number + 1 + int.from_bytes(os.urandom(8), 'big'))}"


def bound(prefix: str, at: datetime) -> str:
    """The smallest id that can have been made at `at` (timezone-aware): a partition's bound, a time filter's edge."""
    return f"{prefix}_{_base32(int(at.timestamp() * 1000) << 80)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an id with this prefix (it need not exist)."""
    return text.startswith(prefix + "_") and _ID.match(text) is not None
