"""transform: compute an object, or give a fixed value."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from chalicelib.registry.spec import ActionSpec, CelSource, Config, Done, NodeContext, exactly_one


class TransformConfig(Config):
    """Names and the CEL expressions that give their values; or a `value` that is the output as it stands."""

    model_config = exactly_one("assign", "value")

    assign: dict[str, CelSource] = Field(default_factory=dict, max_length=500)
    value: Any = Field(
        None,
        title="Fixed value",
        description="The output as it stands, in place of names and expressions.",
        json_schema_extra={"format": "literal"},
    )

    @model_validator(mode="after")
    def _one_of(self) -> TransformConfig:
        if self.assign and self.value is not None:
            raise ValueError("give one of 'assign' and 'value'")
        return self


def run(ctx: NodeContext, config: TransformConfig) -> Done:
    """The output is the object of all values, or the fixed value."""
    if "value" in config.model_fields_set:
        return Done(config.value)
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
