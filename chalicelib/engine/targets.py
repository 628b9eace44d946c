"""Workflows that an execution may run, with what is live of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.hot import Execute
from chalicelib.engine import statements


@dataclass(frozen=True, slots=True)
class Target:
    """A workflow to run: what is live of it, if anything."""

    workflow_id: str
    enabled: bool
    definition_id: str | None
    version: int | None
    input_schema: Any


def target_of(rows: Sequence[Mapping[str, Any]]) -> Target | None:
    """The workflow that FIND_WORKFLOW found."""
    if not rows:
        return None
    row = rows[0]
    schema = json.loads(row["body"]).get("input_schema") if row["body"] is not None else None
    return Target(row["id"], row["enabled"], row["definition_id"], row["version"], schema)


def find_target(execute: Execute, workspace_id: str, name: str) -> Target | None:
    """The workflow of that slug or id, on the synchronous side."""
    return target_of(execute(statements.FIND_WORKFLOW, {"workspace_id": workspace_id, "name": name}))
