"""The expressions of a definition: whether they compile, and whether they read only what exists by the time they run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Program, check_template, compile_expression, suggestion
from chalicelib.definitions.catalogue import NodeType
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.pointers import value_at
from chalicelib.definitions.problems import place_in
from chalicelib.definitions.schema import Node

# What a workflow's own expressions see; item, index and event exist only where they are given.
NAMES = frozenset(("input", "trigger", "nodes", "execution"))


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: `known` are all node ids, `before` those that can have run by then (None: any may have), `node_id` the reading node, if it is one, `names` the
    variables there are."""

    known: Collection[str]
    before: frozenset[str] | None
    node_id: str | None
    names: frozenset[str] = NAMES

    def problem(self, own_id: str) -> tuple[str, str] | None:
        """Why this node cannot be read here, as (code, message)."""
        if own_id not in self.known:
            return (
                "unknown_node",
                f"the expression reads nodes.{own_id[:80]}, but there is no such node.{suggestion(own_id, self.known)}",
            )
        if self.before is None or own_id in self.before:
            return None
        if own_id == self.node_id:
            return "reads_itself", f"the expression reads nodes.{own_id}, which is this node itself"
        if self.node_id is None:
            return "not_an_ancestor", f"the expression reads nodes.{own_id}, but it is evaluated before any node runs"
        message = (
            f"the expression reads nodes.{own_id}, but no path leads from '{own_id}' to '{self.node_id}', so it need not have run"
        )
        return "not_an_ancestor", message


def config_issues(node: Node, node_type: NodeType | None, path: str, reader: Reader) -> list[Issue]:
    """Problems of one node's config: those of its expressions, and those its type sees where no expression is broken already."""
    literal = node_type.cel_fields(node.config) if node_type else ()
    issues = _template_issues(node.config, reader, literal)
    kept = node_type.literal_fields(node.config) if node_type else ()
    for pointer in (pointer for pointer in literal if pointer not in kept):
        source = value_at(node.config, pointer)
        if isinstance(source, str) and source.strip():
            issues += _bare_issues(source, pointer, reader)
    broken = {issue.path for issue in issues}
    if node_type:
        issues += [issue for issue in node_type.check(node.config) if issue.path not in broken]
    return _sorted_under(path, node.config, issues)


def template_issues(value: Any, path: str, reader: Reader) -> list[Issue]:
    """Problems of the expressions within a JSON value, which stands at `path` of the definition."""
    return _sorted_under(path, value, _template_issues(value, reader))


def _sorted_under(path: str, document: Any, issues: list[Issue]) -> list[Issue]:
    return [issue.under(path) for issue in sorted(issues, key=lambda issue: place_in(document, issue.path))]


def _template_issues(value: Any, reader: Reader, literal: Collection[str] = ()) -> list[Issue]:
    template, problems = check_template(value, literal)
    issues = [Issue(pointer, "expression_error", error.detail) for pointer, error in problems]
    for pointer, program in template.expressions:
        issues += _read_issues(program, pointer, reader)
    return issues


def _bare_issues(source: str, path: str, reader: Reader) -> Iterable[Issue]:
    try:
        program = compile_expression(source)
    except ExpressionError as error:
        hint = "; this field holds bare CEL, so leave out {{ and }}" if "{{" in source else ""
        yield Issue(path, "expression_error", f"{error.detail}{hint}")
        return
    yield from _read_issues(program, path, reader, reader.names | {"event"})


def _read_issues(program: Program, path: str, reader: Reader, names: frozenset[str] | None = None) -> Iterable[Issue]:
    names = names or reader.names
    for name in sorted(program.names - names):
        yield Issue(path, "unknown_name", f"'{name}' does not exist here; there are: {', '.join(sorted(names))}")
    if program.nodes is None:
        if reader.before is not None:
            message = (
                "the expression reads nodes by computed names, so it sees only nodes that are certain to have run before this one"
            )
            yield Issue(path, "dynamic_read", message, "warning")
        return
    for own_id in sorted(program.nodes):
        problem = reader.problem(own_id)
        if problem and not (problem[0] == "not_an_ancestor" and _reads_only_link(program, own_id)):
            yield Issue(path, *problem)


def _reads_only_link(program: Program, own_id: str) -> bool:
    """A waiting node's callback_url is there from the start, so that an earlier message can carry it."""
    steps = [read.steps for read in program.reads if read.root == "nodes" and read.steps[:1] == (own_id,)]
    return all(step[1:2] == ("callback_url",) for step in steps)
