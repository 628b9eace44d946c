"""workflow.run: run another workflow."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.registry.spec import ActionSpec, Config, NodeContext, Start


class WorkflowRunConfig(Config):
    """Which workflow, with what, and whether to wait for its end."""

    workflow: str = Field(min_length=1, max_length=200, description="The slug or id of a workflow; its live version runs.")
    input: Any = Field(default_factory=dict, description="Its input, checked against its input_schema.")
    wait: bool = Field(default=True, description="Wait for its end and take over its output or failure; without, go on at once.")


def run(ctx: NodeContext, config: WorkflowRunConfig) -> Start:
    """Starts the other workflow, exactly once: its row is written by the save that says so in history."""
    return Start(config.workflow, config.input, config.wait)


SPEC = ActionSpec(
    type="workflow.run",
    title="Run a workflow",
    description="Runs another workflow. Waiting, it passes on that execution's output, fails when it fails, and cancels it when this one is cancelled.",
    kind="sub-workflow",
    icon="sitemap",
    config_model=WorkflowRunConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={"description": "The other execution's output; without `wait` {execution_id}."},
    example={"workflow": "send-receipt", "input": {"order": "{{ input.id }}"}, "wait": True},
    coordinates=True,
)
