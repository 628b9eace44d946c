"""Functions of strings. Positions count characters (code points), not bytes."""

from __future__ import annotations

import re
import unicodedata

from chalicelib.core.expressions.library.declare import SMALL, Category

STRINGS = Category("strings")
MAX_MADE = 100_000  # characters that padding and repeating may make


def _pad(text: str, length: int, fill: str, *, start: bool) -> str:
    if not fill:
        raise ValueError("the fill of a padding must not be empty")
    missing = _bounded(length) - len(text)
    if missing <= 0:
        return text
    padding = (fill * (missing // len(fill) + 1))[:missing]
    return padding + text if start else text + padding


def _bounded(length: int) -> int:
    if not 0 <= length <= MAX_MADE:
        raise ValueError(f"a length must be between 0 and {MAX_MADE}, not {length}")
    return length


def _repeat(text: str, times: int) -> str:
    _bounded(times)
    _bounded(len(text) * times)
    return text * times


def _truncate(text: str, length: int, end: str = "…") -> str:
    if len(text) <= _bounded(length):
        return text
    return text[: max(0, length - len(end))] + end[: length]


def _title(text: str) -> str:
    return re.sub(r"\S+", lambda word: _capital(word.group()), text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].lower()


def _slug(text: str) -> str:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not "\u0300" <= char <= "\u036f")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _words(text: str) -> list[str]:
    return re.findall(r"[^ \t\r\n]+", text)


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)


def _before(text: str, mark: str) -> str:
    return text.partition(mark)[0] if mark else text


def _after(text: str, mark: str) -> str:
    return text.partition(mark)[2] if mark else text


def _count(text: str, part: str) -> int:
    if not part:
        raise ValueError("an empty string cannot be counted")
    return text.count(part)


add = STRINGS.add
add("lower", "All letters small, in every script.", {"string -> string": str.lower}, ("'ÄB'.lower()", "äb"), method=True, growth=3)
add("upper", "All letters capital, in every script.", {"string -> string": str.upper}, ("'äß'.upper()", "ÄSS"), method=True, growth=3)
add("capitalize", "The first letter capital, the rest small.", {"string -> string": _capital}, ("'hELLO you'.capitalize()", "Hello you"), method=True, growth=3)
add("title", "Each word with a capital.", {"string -> string": _title}, ("'ann marie'.title()", "Ann Marie"), method=True, growth=3)
add(
    "padStart", "Filled up at the start to a length.",
    {"string, int -> string": lambda s, n: _pad(s, n, " ", start=True), "string, int, string -> string": lambda s, n, fill: _pad(s, n, fill, start=True)},
    ("'7'.padStart(3, '0')", "007"), method=True, adds=4 * MAX_MADE,
)  # fmt: skip
add(
    "padEnd", "Filled up at the end to a length.",
    {"string, int -> string": lambda s, n: _pad(s, n, " ", start=False), "string, int, string -> string": lambda s, n, fill: _pad(s, n, fill, start=False)},
    ("'ab'.padEnd(4, '.')", "ab.."), method=True, adds=4 * MAX_MADE,
)  # fmt: skip
add("repeat", "The string so many times.", {"string, int -> string": _repeat}, ("'ab'.repeat(3)", "ababab"), method=True, adds=4 * MAX_MADE)
add(
    "truncate", "At most so many characters, with … (or another end) where something is left out.",
    {"string, int -> string": _truncate, "string, int, string -> string": _truncate},
    ("'a long text'.truncate(7)", "a long…"), ("'a long text'.truncate(7, '..')", "a lon.."), method=True,
)  # fmt: skip
add("slug", "For addresses and file names: small ASCII letters, digits and hyphens.", {"string -> string": _slug}, ("'Crème brûlée, 2 €'.slug()", "creme-brulee-2"), method=True)
add("words", "The words, split at white space.", {"string -> list": _words}, ("' a  b\\n'.words()", ["a", "b"]), method=True, growth=9)
add("lines", "The lines.", {"string -> list": _lines}, ("'a\\r\\nb'.lines()", ["a", "b"]), method=True, growth=9)
add("removePrefix", "Without this start, if it has it.", {"string, string -> string": str.removeprefix}, ("'re: hi'.removePrefix('re: ')", "hi"), method=True)
add("removeSuffix", "Without this end, if it has it.", {"string, string -> string": str.removesuffix}, ("'a.txt'.removeSuffix('.txt')", "a"), method=True)
add("before", "What stands before the first mark; all of it without one.", {"string, string -> string": _before}, ("'ann@x.org'.before('@')", "ann"), method=True)
add("after", "What stands after the first mark; nothing without one.", {"string, string -> string": _after}, ("'ann@x.org'.after('@')", "x.org"), method=True)
add("count", "How often a string occurs in it.", {"string, string -> int": _count}, ("'banana'.count('an')", 2), method=True, growth=SMALL)
