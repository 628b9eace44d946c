"""Identifiers: prefixed, URL-safe and sortable by the time they were made.

`exe_` + 26 characters of Crockford base 32 (lower case): 48 bits of milliseconds, 80 random bits (the ULID layout). Tables that are
partitioned by time are partitioned by these ids, so the same function gives the bounds.
"""

from __future__ import annotations

import os
import re
import time
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"^[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}\Z")


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(digits))


def new_id(prefix: str) -> str:
    """A fresh id such as `exe_01kb...`; ids made later sort later (to the millisecond)."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_{_base32(number, 26)}"


def new_id_after(earlier: str) -> str:
    """A fresh id of the same kind that sorts behind `earlier`, also where this machine's clock is behind that of the machine that made it."""
    prefix, _, digits = earlier.partition("_")
    made = new_id(prefix)
    if made > earlier:
        return made
    number = 0
    for digit in digits:
        number = number << 5 | _ALPHABET.index(digit)
    return f"{prefix}_{_base32(number + 1 + int.from_bytes(os.urandom(8), 'big'), 26)}"


def bound(prefix: str, at: datetime) -> str:
    """The smallest id that can have been made at `at` (timezone-aware): a partition's bound, a time filter's edge."""
    return f"{prefix}_{_base32(int(at.timestamp() * 1000) << 80, 26)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an id with this prefix (it need not exist)."""
    return text.startswith(prefix + "_") and _ID.match(text) is not None
