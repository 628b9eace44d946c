"""What a question to a language model and its answer are, whichever API carries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.core import jsontext
from chalicelib.core.errors import MillraceError


@dataclass(frozen=True, slots=True)
class Question:
    """`messages` are {role, content}; with `schema` the answer is to be JSON of that schema."""

    model: str
    system: str
    messages: list[dict[str, Any]]
    max_tokens: int
    temperature: float | None
    schema: Mapping[str, Any] | None
    stream: bool
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Said:
    """`text` is what the model wrote (JSON where a schema was given), `finish` why it ended: stop, length, refusal, or the API's own word."""

    text: str = ""
    finish: str = ""
    model: str = ""
    id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Unreadable(MillraceError):
    """An answer that is not of the API's form."""

    status, code, title = 502, "invalid_response", "The answer cannot be read"


class Listener(Protocol):
    """Hears one streamed answer. `said` is what has come so far."""

    said: Said

    def take(self, event: Any) -> None:
        """The next event's data. Raises Unreadable."""

    def end(self) -> Said:
        """The whole answer. Raises Unreadable when it broke off."""


class Api(Protocol):
    """One API: `path` below its base URL, `headers` besides those of the credential."""

    base_url: str
    path: str
    headers: Mapping[str, str]

    def body(self, question: Question) -> dict[str, Any]:
        """The request."""

    def read(self, body: Any) -> Said:
        """A whole answer. Raises Unreadable."""

    def listener(self) -> Listener:
        """For a streamed answer."""


class Events:
    """Server-sent events from the bytes of a stream, as they come; `[DONE]` ends them."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._done = False

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The data of the events that are whole by now, parsed. Raises Unreadable."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line:
                yield from self._event()

    def end(self) -> Iterator[Any]:
        """The last event, should no empty line stand behind it."""
        yield from self.feed(b"\n\n")

    def _event(self) -> Iterator[Any]:
        data, self._data = b"\n".join(self._data), []
        self._done = self._done or data.strip() == b"[DONE]"
        if not data or self._done:
            return
        try:
            yield jsontext.loads(data)
        except MillraceError:
            raise Unreadable("an event is not JSON") from None


def count(value: Any) -> int:
    """A number of tokens; what is none counts nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
