"""Taking secrets out of what other people wrote: an answer, an error or a trace may repeat a secret as it is or encoded. Pure."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
MIN_CHARACTERS = 4
_MIN_ENCODED = 6


class Secrets:
    """The secrets one run has opened, and their removal from anything it says. Values shorter than 4 characters are not looked for: they occur by chance."""

    __slots__ = ("_pattern", "_raw_pattern", "_values")

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._raw_pattern: re.Pattern[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    def add(self, values: Iterable[str]) -> None:
        """Look for these too, from now on."""
        new = {value for value in values if len(value) >= MIN_CHARACTERS} - self._values
        if new:
            self._values |= new
            self._pattern = self._raw_pattern = None

    def text(self, text: str) -> str:
        """The text without any of the secrets, plain or encoded."""
        if not self._values or len(text) < MIN_CHARACTERS:
            return text
        return self._compiled().sub(REDACTED, text)

    def raw(self, raw: bytes) -> bytes:
        """Bytes without any of the secrets, before they are encoded as something in which these could not be seen."""
        if not self._values or not raw:
            return raw
        if self._raw_pattern is None:
            self._raw_pattern = re.compile(b"|".join(re.escape(form.encode("utf-8", "surrogatepass")) for form in self._forms()))
        return self._raw_pattern.sub(REDACTED.encode(), raw)

    def clean(self, value: Any) -> Any:
        """A JSON value without them, object names included. What holds none comes back as the same object."""
        if not self._values:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            cleaned = {self.text(name): self.clean(inner) for name, inner in value.items()}
            return cleaned if any(cleaned.get(name, cleaned) is not inner for name, inner in value.items()) else value
        if isinstance(value, list | tuple):
            items = [self.clean(item) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def clean_unfinished(self, value: Any) -> Any:
        """As `clean`, for a value that is still growing: texts lose an end that could be the beginning of a secret."""
        if not self._values:
            return value
        if isinstance(value, str):
            return self._without_beginning(self.text(value))
        if isinstance(value, Mapping):
            return {self.text(name): self.clean_unfinished(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean_unfinished(item) for item in value]
        return value

    def _without_beginning(self, text: str) -> str:
        forms = self._forms()
        heads = {form[:3] for form in forms}
        for at in range(max(0, len(text) - len(forms[0])), len(text)):
            end = text[at:]
            if (len(end) < 3 or end[:3] in heads) and any(form.startswith(end) for form in forms):
                return text[:at]
        return text

    def _compiled(self) -> re.Pattern[str]:
        if self._pattern is None:
            self._pattern = re.compile("|".join(re.escape(form) for form in self._forms()))
        return self._pattern

    def _forms(self) -> list[str]:
        """All forms of all secrets, the longest first, so that none leaves a rest of another."""
        forms = {form for value in self._values for form in encodings(value)}
        return sorted(forms, key=lambda form: (-len(form), form))


def encodings(secret: str) -> set[str]:
    """How a secret may come back: as it is, in a URL, in JSON, in HTML, and each of these in hexadecimal, and in base64 at each of its three alignments."""
    raw = secret.encode("utf-8", "surrogatepass")
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    escaped = json.dumps(secret)[1:-1]
    plain = {secret, escaped, escaped.replace("/", "\\/"), json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret)}
    plain |= quoted | {_lower_percent(text) for text in quoted}
    forms = set(plain)
    for text in plain:
        inner = text.encode("utf-8", "surrogatepass")
        forms |= {inner.hex(), inner.hex().upper()} | {form for form in _base64_forms(inner) if len(form) >= _MIN_ENCODED}
    return {form for form in forms if len(form) >= MIN_CHARACTERS}


def _lower_percent(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), text)


def _base64_forms(raw: bytes) -> set[str]:
    """The characters of base64 that these bytes alone decide, wherever in a longer text they stand."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode("ascii")
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        inner = encoded[first:last]
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms
