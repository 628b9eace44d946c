"""The unzipped code of functions, by its hash: one artifact for all functions is unzipped once."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Protocol


class Code(Protocol):
    """What we need of LocalStack's code objects."""

    code_sha256: str

    def prepare_for_execution(self) -> None:
        """Unzip it into its own folder."""

    def get_unzipped_code_location(self) -> Path:
        """That folder."""

    def destroy_cached(self) -> None:
        """Delete that folder."""


class CodeStore:
    """Folders of code that functions only read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def folder_of(self, sha256: str) -> Path:
        """Where the code of this hash stands, after `keep`."""
        return self._root / hashlib.sha256(sha256.encode()).hexdigest()[:16]  # theirs is base64, with slashes

    def keep(self, code: Code) -> None:
        """Unzip the code unless it is there."""
        folder = self.folder_of(code.code_sha256)
        with self._lock:
            if folder.is_dir():
                return
            self._root.mkdir(parents=True, exist_ok=True)
            code.prepare_for_execution()
            code.get_unzipped_code_location().rename(folder)
            code.destroy_cached()
