"""transform: compute an object."""

from __future__ import annotations

from pydantic import Field

from chalicelib.registry.spec import ActionSpec, CelSource, Config, Done, NodeContext


class TransformConfig(Config):
    """Names and the CEL expressions that give their values."""

    assign: dict[str, CelSource] = Field(default_factory=dict, max_length=500)


def run(ctx: NodeContext, config: TransformConfig) -> Done:
    """The output is the object of all values."""
    return Done({name: ctx.evaluate(source) for name, source in config.assign.items()})


SPEC = ActionSpec(
    type="transform",
    title="Transform",
    description="Computes an object, each value by a CEL expression.",
    kind="data",
    icon="braces",
    config_model=TransformConfig,
    run=run,
    effect="pure",
    output_ports=("main", "error"),
    output_schema={"type": "object"},
    example={"assign": {"cents": "input.total * 100"}},
)
