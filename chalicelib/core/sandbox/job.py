"""What goes into a sandbox and what comes out of it: frames of JSON over a socket. What comes out is not believed: it may be written by whoever escaped."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.core.sandbox import limits

Language = Literal["python", "javascript"]
HEADER = struct.Struct("!I")
MAX_FRAME = 2 * limits.OUTPUT_BYTES + 4 * limits.SOURCE_CHARS + limits.CONSOLE_BYTES * 6
_CODE = re.compile(r"function_[a-z_]{1,40}\Z")
_MESSAGE_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the source, which defines `main`, and JSON text of what it is given."""

    language: Language
    source: str
    input: str

    def frame(self) -> bytes:
        """As it goes over the socket."""
        return framed({"language": self.language, "source": self.source, "input": self.input})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no output; `code` begins with `function_`."""

    code: str
    message: str


@dataclass(slots=True)
class Ran:
    """How a run ended: `output` is JSON text unless there is a failure. `console` are printed lines, {level, text}."""

    output: str | None = None
    failure: Failure | None = None
    console: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For a frame, and for Lambda's answer."""
        failure = {"code": self.failure.code, "message": self.failure.message} if self.failure else None
        return {"output": self.output, "failure": failure, "console": self.console}

    @classmethod
    def read(cls, data: Any) -> Ran:
        """From what a sandbox says, whatever that is. Raises ValueError when it is nothing a sandbox of ours says."""
        try:
            console = [
                {"level": str(line["level"])[:10], "text": str(line["text"])}
                for line in data["console"][: limits.CONSOLE_LINES + 1]
            ]
            if sum(len(line["text"]) for line in console) > 2 * limits.CONSOLE_BYTES:
                raise ValueError("too much was printed")
            failure = data["failure"]
            if failure is not None:
                code = failure["code"] if _CODE.match(failure["code"]) else "function_error"
                return cls(None, Failure(code, str(failure["message"])[:_MESSAGE_CHARS]), console)
            output = data["output"]
            if not isinstance(output, str) or len(output) > limits.OUTPUT_BYTES:
                raise ValueError("no output, or too much of it")
            return cls(output, None, console)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an answer of a sandbox: {error}") from None


class Console:
    """Collects what is printed, up to a limit; what is beyond it is counted and dropped."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []
        self._room = limits.CONSOLE_BYTES
        self._open = ""  # the level of a line that is not ended yet
        self._full = False

    def write(self, level: str, text: str) -> None:
        """Text as it comes, with line ends in it."""
        for piece in text.splitlines(keepends=True):
            ended = piece.endswith("\n")
            self._add(level, piece.rstrip("\n"))
            self._open = "" if ended else level

    def line(self, level: str, text: str) -> None:
        """One whole entry, which may itself have several lines."""
        self._open = ""
        self._add(level, text)

    def _add(self, level: str, text: str) -> None:
        if self._full:
            return
        if len(self.lines) >= limits.CONSOLE_LINES or len(text) > self._room:
            self._full = True
            text = text[: self._room] if len(self.lines) < limits.CONSOLE_LINES else ""
            self.lines.append(
                {
                    "level": "warning",
                    "text": f"{text} … the rest is left out: only {limits.CONSOLE_BYTES // 1024} KB and {limits.CONSOLE_LINES} lines are kept",
                }
            )
            return
        self._room -= len(text)
        if self._open == level and self.lines:
            self.lines[-1]["text"] += text
        else:
            self.lines.append({"level": level, "text": text})


def framed(value: Any) -> bytes:
    """A length and JSON."""
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return HEADER.pack(len(body)) + body


def too_long(output: str) -> Failure | None:
    """A failure when the output is larger than a run may give."""
    if len(output) <= limits.OUTPUT_BYTES:
        return None
    words = f"main returned {len(output):,} bytes of JSON; at most {limits.OUTPUT_BYTES:,} are allowed: return less, or keep the data elsewhere and return where"
    return Failure("function_output_too_large", words)
