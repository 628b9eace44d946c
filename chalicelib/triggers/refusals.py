"""What a caller is told when nothing could be started."""

from __future__ import annotations

from chalicelib.core.errors import Conflict, MillraceError, NotFound

_WHY = {
    "trigger_disabled": "this trigger is disabled",
    "workflow_disabled": "the workflow is disabled",
    "workflow_not_published": "the workflow has no live version; publish it first",
}


AGAIN_SECONDS = 30.0  # how soon an issuer is asked again for its keys


class CannotCheck(MillraceError):
    """Whether a caller is allowed cannot be told: the issuer's keys or our own secret are not to be had. The trigger is marked unhealthy with these words."""

    status, code, title = 503, "trigger_unhealthy", "This trigger cannot check its callers now"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = str(int(AGAIN_SECONDS))


def refusal(verdict: str) -> MillraceError:
    """The error for a verdict of `start_executions` other than started, duplicate and changed."""
    if verdict in _WHY:
        return Conflict(_WHY[verdict], code=verdict)
    return NotFound("there is nothing at this path")
