"""functions/manifest.py lists what exists, all of it, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from chalicelib.core.config import VARIABLES
from chalicelib.definitions.validate import MAX_NODE_SECONDS
from chalicelib.scheduler.tick import LEAVE_AT_MS, STAY_SECONDS
from functions.engine import SPARE_SECONDS
from functions.manifest import FUNCTIONS, Function, KafkaRecords, RestApi, Schedule, function, started_by
from infra.aws.package import CHECKOUT, MAIN, SANDBOX, our_files

HANDLERS = {"app.app", "infra.aws.migrate.handler"}


def modules_with_handlers() -> set[str]:
    """Entry points that stand in functions/."""
    found = set()
    for path in (CHECKOUT / "functions").glob("*.py"):
        names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if "handler" in names:
            found.add(f"functions.{path.stem}.handler")
    return found


def test_every_handler_is_listed_and_nothing_else_is() -> None:
    assert {each.handler for each in FUNCTIONS} == modules_with_handlers() | HANDLERS
    assert len({each.name for each in FUNCTIONS}) == len(FUNCTIONS)


@pytest.mark.parametrize("each", FUNCTIONS, ids=lambda each: each.name)
def test_every_handler_can_be_called_and_its_file_is_in_the_artifact(each: Function) -> None:
    assert callable(each.load())
    module = each.handler.rpartition(".")[0]
    assert Path(*module.split(".")).with_suffix(".py") in set(our_files(SANDBOX if each.walled else MAIN))


@pytest.mark.parametrize("each", FUNCTIONS, ids=lambda each: each.name)
def test_every_variable_is_one_that_the_settings_know(each: Function) -> None:
    assert set(each.environment) <= set(VARIABLES.values())
    assert len(set(each.environment)) == len(each.environment)


def test_functions_start_only_functions_that_exist_and_know_their_name() -> None:
    for each in FUNCTIONS:
        assert {function(name).name for name in each.invokes} == set(each.invokes)
        assert ("MILLRACE_ENGINE_FUNCTION" in each.environment) == ("engine" in each.invokes)
        assert ("MILLRACE_SANDBOX_FUNCTION" in each.environment) == ("sandbox" in each.invokes)


def test_times_fit_what_the_code_counts_on() -> None:
    """A node's longest attempt fits the engine, the tick may stay its time, and API Gateway does not hang up first."""
    assert function("engine").timeout_seconds >= MAX_NODE_SECONDS + SPARE_SECONDS
    tick = function("scheduler")
    assert tick.timeout_seconds >= STAY_SECONDS + LEAVE_AT_MS / 1000
    (api,) = started_by(RestApi)
    assert api.timeout_seconds <= 29
    assert all(0 < each.timeout_seconds <= 900 and 128 <= each.memory_mb <= 10240 for each in FUNCTIONS)


def test_schedules_are_written_as_eventbridge_reads_them() -> None:
    assert Schedule(1).expression == "rate(1 minute)"
    assert Schedule(5).expression == "rate(5 minutes)"


def test_unknown_names_are_no_functions() -> None:
    with pytest.raises(KeyError):
        function("nobody")
    assert [each.name for each in started_by(KafkaRecords)] == ["kafka"]
