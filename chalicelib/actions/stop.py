"""stop: end the execution as succeeded."""

from __future__ import annotations

from typing import Any

from chalicelib.registry.spec import ActionSpec, Config, End, NodeContext


class StopConfig(Config):
    """The execution's output, instead of what the definition's `output` would give."""

    output: Any = None


def run(ctx: NodeContext, config: StopConfig) -> End:
    """Ends the execution; running branches are cancelled."""
    return End("succeeded", output=config.output)


SPEC = ActionSpec(
    type="stop",
    title="Stop",
    description="Ends the execution as succeeded, at once and with this output.",
    kind="action",
    icon="player-stop",
    config_model=StopConfig,
    run=run,
    effect="pure",
    output_ports=(),
    example={"output": {"skipped": True}},
)
