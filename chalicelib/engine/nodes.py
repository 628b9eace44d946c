"""Running one node: its scope, its config with the expressions filled in, and its outcome, whatever goes wrong."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import ValidationError

from chalicelib.core.errors import ExpressionError
from chalicelib.core.redaction import Secrets
from chalicelib.definitions.graph import GraphNode
from chalicelib.definitions.pointers import value_at
from chalicelib.engine.course import Course, Frame
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import NodeRun
from chalicelib.registry.spec import ActionError, ActionSpec, Done, End, NodeContext, Outcome, Sleep

log = logging.getLogger("millrace.engine")


@dataclass(slots=True)
class Prepared:
    """A node that can run now."""

    node: GraphNode
    run: NodeRun
    spec: ActionSpec
    config: Any
    context: NodeContext


def prepare(course: Course, frame: Frame, node: GraphNode, run: NodeRun, clients: Mapping[str, Any]) -> Prepared | ActionError:
    """Fill in the config and check it. The idempotency key is the same on every attempt of the node, and on every recomputation. Raises Missing."""
    state = course.state
    spec = course.types.get(node.type)
    if spec is None:
        return ActionError("unknown_type", f"there is no node type '{node.type}' in this installation")
    key = course.seed_of(node.id, run.iteration)
    ready_at = course.ready_at(frame, node.id)
    scope = course.scope(frame, ready_at, key)
    try:
        rendered = node.config.render(scope)
        run.input = {name: value for name, value in rendered.items() if name != spec.body_field} if spec.body_field else rendered
        config = spec.config_model.model_validate(rendered)
    except ExpressionError as error:
        return expression_failure(error, [(pointer, program.source) for pointer, program in node.config.expressions])
    except ValidationError as error:
        return ActionError("invalid_config", spec.explain(rendered, error))
    context = NodeContext(
        execution_id=state.execution_id,
        workspace_id=state.workspace_id,
        node_id=node.id,
        iteration=run.iteration,
        attempt=run.attempt,
        idempotency_key=key,
        now=ready_at,
        evaluate=scope.evaluate,
        timeout_seconds=node.timeout_seconds,
        clients=clients,
        workflow_id=state.workflow_id,
        console=run.console,
    )
    return Prepared(node, run, spec, config, context)


async def run_effect(prepared: Prepared) -> Outcome | ActionError:
    """Run an effect within its timeout. What comes back holds no secret of the credentials it used."""
    secrets = prepared.context.secrets
    try:
        async with asyncio.timeout(prepared.node.timeout_seconds):
            outcome = await cast(Awaitable[Outcome], prepared.spec.run(prepared.context, prepared.config))
            return await _without_secrets(outcome, secrets)
    except Exception as error:
        failure = failure_of(error, prepared)
        cleaned = ActionError(
            failure.code, secrets.text(failure.message), error_class=failure.error_class, retry_after=failure.retry_after
        )
        cleaned.output = secrets.clean(failure.output)
        return cleaned


async def _without_secrets(outcome: Outcome, secrets: Secrets) -> Outcome:
    """The outcome with every echo of a secret replaced; beside the event loop, since an output may be megabytes."""
    if not secrets or not isinstance(outcome, Done | Sleep | End) or outcome.output is None:
        return outcome
    return replace(outcome, output=await asyncio.to_thread(secrets.clean, outcome.output))


def run_pure(prepared: Prepared) -> Outcome | ActionError:
    """Compute a pure node now. Raises Missing."""
    try:
        return cast(Outcome, prepared.spec.run(prepared.context, prepared.config))
    except Missing:
        raise
    except Exception as error:
        return failure_of(error, prepared)


def expression_failure(error: ExpressionError, sources: Iterable[tuple[str, Any]]) -> ActionError:
    """An expression's error, with the field that holds it before it; `sources` are all of them, by JSON Pointer."""
    field = next((pointer[1:] for pointer, source in sources if source == error.extra.get("expression")), None)
    return ActionError(error.code, f"{field}: {error.detail}" if field else error.detail)


def failure_of(error: Exception, prepared: Prepared) -> ActionError:
    """Any exception of an action as an error for history. What nobody foresaw is logged with its trace, and shown without it."""
    match error:
        case ActionError():
            return error
        case ExpressionError():
            config = prepared.run.input
            return expression_failure(error, [(pointer, value_at(config, pointer)) for pointer in prepared.spec.cel_fields(config)])
        case TimeoutError():
            seconds = prepared.node.timeout_seconds
            return ActionError("timeout", f"no result within {seconds:g} seconds (timeout_seconds)", error_class="timeout")
    trace = prepared.context.secrets.text("".join(traceback.format_exception(error)))
    log.error("node type %s failed in a way that was not foreseen:\n%s", prepared.node.type, trace)
    return ActionError("internal_error", f"{prepared.node.type} failed in a way that was not foreseen ({type(error).__name__})")
