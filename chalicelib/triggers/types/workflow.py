"""The `workflow` trigger: starts a workflow when an execution of another one ends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from chalicelib.registry.spec import CelSource, Config, TriggerSpec
from chalicelib.triggers.mapping import check_expression


class WorkflowConfig(Config):
    """What a user writes. Runs of a draft, and the parts of a loop, do not count."""

    workflow: str = Field(
        title="Workflow", min_length=1, max_length=200, description="Slug or id of the workflow to listen to.", examples=["order"]
    )
    on: list[Literal["succeeded", "failed", "cancelled"]] = Field(
        ["succeeded"], title="When it has", min_length=1, description="With which ends of its executions."
    )
    filter: CelSource | None = Field(
        None,
        title="Filter",
        description="CEL over input and trigger; an end for which it is false starts nothing.",
        examples=["input.output.total > 100"],
    )

    @field_validator("filter")
    @classmethod
    def _compiles(cls, source: str | None) -> str | None:
        return None if source is None else check_expression(source)


SPEC = TriggerSpec(
    type="workflow",
    title="Another workflow",
    description="Starts an execution when one of another workflow has succeeded, failed or been cancelled; each end once.",
    icon="workflow",
    config_model=WorkflowConfig,
    input_example={
        "execution_id": "exe_…", "workflow_id": "wf_…", "version": 1, "status": "failed", "input": {}, "output": None,
        "error": {"code": "http.503", "message": "…"}, "started_at": "…", "finished_at": "…",
    },
)  # fmt: skip
