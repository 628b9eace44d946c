"""ANY /trigger/{path}: the routes of the door (door.py) in the application."""

from __future__ import annotations

from chalicelib.api import door
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.replies import Reply
from chalicelib.triggers.waiting import MAX_WAIT_SECONDS

routes = Routes("triggers")


class Delivered(Answer):
    """A delivery that was accepted: the execution runs, or ran already when it is a duplicate."""

    execution_id: str
    status: str
    duplicate: bool
    ui_url: str
    debounced: bool = False


_QUERY = {
    "wait": {"type": "integer", "minimum": 1, "maximum": MAX_WAIT_SECONDS, "description": "wait so many seconds for the answer"}
}


@routes.route(
    door.METHODS, door.PATH, role=None, answer=Delivered, status=202, transactional=False, raw=True, query=_QUERY
)
def deliver(call: Call, path: str) -> Reply:
    """Start the workflow behind a trigger's path; any body will do. Send `Idempotency-Key` (or `webhook-id`) and repeat it on retries: the same key and body
    are one execution. With `?wait=n` the workflow's `respond` answers, or its output when it ends without one."""
    return door.deliver(call.request, path)


@routes.route(
    door.METHODS, door.TEST_PATH, role=None, answer=Delivered, status=202, transactional=False, raw=True, query=_QUERY
)
def deliver_test(call: Call, path: str, token: str) -> Reply:
    """Catch one request for the builder (see `POST /triggers/{id}/test`). The trigger's own checks apply; then the draft runs, if the test was made so, with
    real effects. Otherwise the answer is 200 with what was caught."""
    return door.deliver_test(call.request, path, token)
