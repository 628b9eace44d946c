"""What a caller is told when nothing could be started."""

from __future__ import annotations

from chalicelib.core.errors import Conflict, MillraceError, NotFound

_WHY = {
    "trigger_disabled": "this trigger is disabled",
    "workflow_disabled": "the workflow is disabled",
    "workflow_not_published": "the workflow has no live version; publish it first",
}


def refusal(verdict: str) -> MillraceError:
    """The error for a verdict of `start_executions` other than started, duplicate and changed."""
    if verdict in _WHY:
        return Conflict(_WHY[verdict], code=verdict)
    return NotFound("there is nothing at this path")
