"""A problem of a definition: where, what and how bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Issue:
    """`path` is a JSON Pointer into what was checked; an error stops publishing, a warning does not."""

    path: str
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def as_json(self) -> dict[str, str]:
        """As the API shows it."""
        return {"path": self.path, "code": self.code, "message": self.message, "severity": self.severity}

    def under(self, prefix: str) -> Issue:
        """The same issue seen from a document that holds what was checked at `prefix`."""
        return Issue(prefix + self.path, self.code, self.message, self.severity)
