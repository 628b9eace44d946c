"""What `./run` shows while something takes longer than a second: one line that is rewritten, or plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

_QUIET_SECONDS = 1.0
_REPEAT_SECONDS = 10.0


class Progress:
    """Shows what is being waited for, job by job. Call `clear()` before printing anything else."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream, self._on_terminal = stream, stream.isatty()
        self._began = time.monotonic()
        self._last: dict[str, str] = {}
        self._last_at = 0.0
        self._line = ""  # what stands on the terminal's last line

    def show(self, waiting: Mapping[str, str]) -> None:
        """Tells what every unfinished job waits for; cheap enough to be called in every round."""
        seconds = time.monotonic() - self._began
        if seconds < _QUIET_SECONDS:
            return
        if self._on_terminal:
            line = f"  {', '.join(dict.fromkeys(waiting.values()))[:100]} ({seconds:.0f} s)"
            if line != self._line:
                self._write(f"\r\033[K{line}")
                self._line = line
            return
        fresh = [text for job, text in waiting.items() if self._last.get(job) != text]
        if fresh and (not self._last or seconds - self._last_at > _QUIET_SECONDS) or seconds - self._last_at > _REPEAT_SECONDS:
            self._write(f"  {seconds:.0f} s: {', '.join(dict.fromkeys(waiting.values()))}\n")
            self._last, self._last_at = dict(waiting), seconds

    def clear(self) -> None:
        """Takes the rewritten line away."""
        if self._line:
            self._write("\r\033[K")
            self._line = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
