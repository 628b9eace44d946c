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


class Unreadable(Exception):
    """An answer that is not of the API's form."""


class Api(Protocol):
    """One API: `path` below its base URL, `headers` besides those of the credential."""

    base_url: str
    path: str
    headers: Mapping[str, str]

    def body(self, question: Question) -> dict[str, Any]:
        """The request."""

    def read(self, body: Any) -> Said:
        """A whole answer. Raises Unreadable."""

    def read_stream(self, events: Iterator[Any]) -> Said:
        """A streamed one, from its events' data. Raises Unreadable."""


def events(body: bytes) -> Iterator[Any]:
    """The data of server-sent events, parsed; `[DONE]` ends them. Raises Unreadable."""
    for block in body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
        data = "\n".join(line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
        if data.strip() == "[DONE]":
            return
        if data:
            try:
                yield jsontext.loads(data)
            except MillraceError:
                raise Unreadable("an event is not JSON") from None


def count(value: Any) -> int:
    """A number of tokens; what is none counts nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
