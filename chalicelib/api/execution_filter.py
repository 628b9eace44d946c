"""What lists of executions can be narrowed by: the query of GET /executions and the filter of POST /executions/bulk, in one model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.models import Model, Text, parse
from chalicelib.api.request import Request
from chalicelib.core.clock import parse as parse_time
from chalicelib.core.errors import ValidationFailed
from chalicelib.engine.listing import DRAFT, ExecutionFilter

STATUSES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")
_TIMES = {"created_from": "from", "created_to": "to", "finished_from": "finished_from", "finished_to": "finished_to"}
_BOOLEANS = {"true": True, "false": False}


class WantedExecutions(Model):
    """Which executions: those to which all of this applies."""

    workflow_id: Text | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | Literal["draft"] | None = None
    label: Text | None = Field(None, description="of workflows with this label")
    trigger_id: Text | None = None
    status: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"] | None = None
    due: bool | None = Field(None, description="true: waiting for a worker; false: waiting for a time or a signal")
    created_from: Text | None = Field(None, alias="from", description="created at this time or later")
    created_to: Text | None = Field(None, alias="to", description="created before this time")
    finished_from: Text | None = Field(None, description="ended at this time or later")
    finished_to: Text | None = Field(None, description="ended before this time")
    error: Text | None = Field(None, description="the code of the error they ended with")
    q: Text | None = Field(None, description="an id, or text in the input or the error")
    parent_id: Text | None = Field(None, description="started by this execution")
    node_id: Text | None = Field(None, description="in which this node ran to an end; in a loop, for one item at least")
    node_status: Literal["succeeded", "failed", "cancelled"] | None = Field(None, description="and ended so, by its last attempt")
    node_error: Text | None = Field(None, description="and failed with this code")
    node_retried: bool | None = Field(None, description="and needed more than one attempt (true), or only one (false)")


def query() -> dict[str, Any]:
    """The model as query parameters in the OpenAPI document."""
    properties = WantedExecutions.model_json_schema(by_alias=True)["properties"]
    return {name: _parameter(name, schema) for name, schema in properties.items()}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name == "version":
        return {"type": "string", "description": "a version's number, or `draft`"}
    shape = {key: value for key, value in schema["anyOf"][0].items() if key in ("type", "enum")}
    form = {"format": "date-time"} if name in _TIMES.values() else {}
    return {**shape, **form, **{key: schema[key] for key in ("description",) if key in schema}}


def read_query(request: Request) -> ExecutionFilter:
    """The filter of a query string. Raises ValidationFailed with every problem."""
    given: dict[str, Any] = {field.alias or name: request.first(field.alias or name) for name, field in WantedExecutions.model_fields.items()}
    if given["version"] is not None and given["version"].isascii() and given["version"].isdigit():
        given["version"] = int(given["version"][:12])
    for name in ("due", "node_retried"):
        given[name] = _BOOLEANS.get(given[name] or "", given[name])
    return as_filter(parse(WantedExecutions, given), "")


def as_filter(wanted: WantedExecutions, prefix: str) -> ExecutionFilter:
    """The filter as the engine takes it. `prefix` is where the model stands, for problems. Raises ValidationFailed."""
    plain = ("workflow_id", "label", "trigger_id", "due", "error", "parent_id", "node_id", "node_status", "node_error", "node_retried")
    return ExecutionFilter(
        statuses=(wanted.status,) if wanted.status is not None else (),
        version=DRAFT if wanted.version == "draft" else wanted.version,
        q=wanted.q or None,
        **{name: read_time(getattr(wanted, name), f"{prefix}/{shown}") for name, shown in _TIMES.items()},
        **{name: getattr(wanted, name) for name in plain},
    )


def read_time(text: str | None, path: str) -> Any:
    """A time that a filter is given, None for none. Raises ValidationFailed, naming `path`."""
    if text is None:
        return None
    try:
        at = parse_time(text.replace(" ", "+"))  # a plus sign that was not encoded arrives as a space
        if 1970 <= at.year < 2200:
            return at
    except (ValueError, OverflowError):
        pass
    message = f"{path.rpartition('/')[2]} must be an RFC 3339 time with an offset, such as 2026-11-22T14:00:00Z"
    raise ValidationFailed([{"path": path, "code": "invalid_time", "message": message}])
