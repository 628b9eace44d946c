"""The door at `/trigger/{path}` as a function of its own, which starts several times as fast as the whole API: it loads nothing but what a delivery needs.

API Gateway sends it what comes below /trigger; on the host and in tests the application's routes do the same with the same code (chalicelib/api/door.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.api import door
from chalicelib.api.envelope import answer, answer_safely, check_params
from chalicelib.api.replies import Reply
from chalicelib.api.request import Request

_HANDLERS: dict[str, Callable[..., Reply]] = {door.PATH: door.deliver, door.TEST_PATH: door.deliver_test}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway, as its Lambda proxy integration expects."""
    known = event["requestContext"]["resourcePath"] in _HANDLERS
    return answer(event, set(door.METHODS) if known else set(), _respond, logged=context is not None).to_dict()


def _respond(request: Request) -> Reply:
    def handle() -> Reply:
        check_params(request.params)
        return _HANDLERS[request.route](request, **request.params)

    return answer_safely(request, handle)
