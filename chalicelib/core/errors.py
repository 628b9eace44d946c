"""The one error tree. Each error carries a stable `code`, an HTTP `status` and words that say what to do.

The API renders them as RFC 9457 problem details; the engine stores `code` and `message` in history.
"""

from __future__ import annotations

from typing import Any


class MillraceError(Exception):
    """Base of every error a caller may see. `detail` is for people, `code` for programs."""

    status = 500
    code = "internal_error"
    title = "Something went wrong on our side"

    def __init__(self, detail: str = "", *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        if code is not None:
            self.code = code
        self.extra = extra
        self.headers: dict[str, str] = {}

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 body: type, title, status, detail, code and any extra members."""
        return {
            "type": f"urn:millrace:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }


class InvalidJson(MillraceError):
    """The body is not JSON, or is JSON that cannot be kept exactly."""

    status, code, title = 400, "invalid_json", "The body is not valid JSON"


class BadRequest(MillraceError):
    """The request cannot be understood; `code` says which part."""

    status, code, title = 400, "bad_request", "The request cannot be understood"


class Unauthenticated(MillraceError):
    """No key, or one that is not known."""

    status, code, title = 401, "unauthenticated", "An API key is needed"


class Forbidden(MillraceError):
    """Known, but not allowed."""

    status, code, title = 403, "forbidden", "This key may not do that"


class NotFound(MillraceError):
    """No such thing in this workspace."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(MillraceError):
    """The path exists, the method does not."""

    status, code, title = 405, "method_not_allowed", "This method is not allowed here"


class Conflict(MillraceError):
    """The request is fine but the state of the resource forbids it; `code` is narrower where it can be."""

    status, code, title = 409, "conflict", "The state of the resource does not allow this"


class PreconditionFailed(MillraceError):
    """`If-Match` names a revision that is no longer current."""

    status, code, title = 412, "precondition_failed", "The resource has changed since you read it"


class PayloadTooLarge(MillraceError):
    """A stated size limit was passed."""

    status, code, title = 413, "payload_too_large", "The body is too large"


class UnsupportedMediaType(MillraceError):
    """This content type is not accepted here."""

    status, code, title = 415, "unsupported_media_type", "This content type is not accepted here"


class ValidationFailed(MillraceError):
    """Well-formed JSON of the wrong shape. `errors` lists every problem as {path, code, message}."""

    status, code, title = 422, "validation_failed", "The request has fields that are not valid"

    def __init__(self, errors: list[dict[str, Any]], detail: str = "", *, code: str | None = None) -> None:
        first = f"{errors[0]['path'] or '/'}: {errors[0]['message']}" if errors else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(detail or first + more, code=code, errors=errors)
        self.errors = errors


class PreconditionRequired(MillraceError):
    """The change needs `If-Match`, so that nobody's work is overwritten unseen."""

    status, code, title = 428, "precondition_required", "Send If-Match with the ETag you read"


class RateLimited(MillraceError):
    """Too many requests; `Retry-After` says when to come back, in seconds."""

    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = str(retry_after)


class Unavailable(MillraceError):
    """A server Millrace needs is not reachable now; trying again later is right."""

    status, code, title = 503, "unavailable", "A server Millrace needs is not reachable"

    def __init__(self, detail: str = "", *, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = str(retry_after)


class ExecutionFailed(MillraceError):
    """A caller waited for an execution that failed or was cancelled: the workflow's fault, told with the status the contract gives it."""

    status, code, title = 500, "execution_failed", "The execution did not succeed"


class ExpressionError(MillraceError):
    """A CEL expression that does not compile, or whose evaluation failed. It never counts as true or false."""

    status, code, title = 422, "expression_error", "An expression failed"
