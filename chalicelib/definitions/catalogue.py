"""What the language must know of node types. The registry provides it; nothing here knows a type by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chalicelib.definitions.issues import Issue


class NodeType(Protocol):
    """One node type."""

    @property
    def type(self) -> str:
        """Its name, such as `http.request`."""

    @property
    def effect(self) -> str:
        """`pure` (computed again after a crash, with the same outcome) or `effect`."""

    @property
    def retry(self) -> Mapping[str, Any] | None:
        """Retry defaults of its own, over the language's."""

    def ports(self, config: dict[str, Any]) -> tuple[str, ...]:
        """All output ports of a node with this config, `error` included if it has one; `main` first if it has one."""

    def check(self, config: dict[str, Any]) -> list[Issue]:
        """Every problem of a config, with paths relative to it."""

    def cel_fields(self, config: dict[str, Any]) -> tuple[str, ...]:
        """JSON Pointers, relative to the config, of what templates leave alone: fields that hold bare CEL, and those of `literal_fields`."""

    def literal_fields(self, config: dict[str, Any]) -> tuple[str, ...]:
        """JSON Pointers, relative to the config, of values that are meant as they are, such as a program's text."""

    def credentials(self, config: dict[str, Any]) -> tuple[str, ...]:
        """The credentials a config names, by slug or id; not those that an expression will only give at run time."""

    @property
    def body_field(self) -> str | None:
        """For loops, the config's field that holds what runs for each item: {nodes, edges, output}."""

    def html_fields(self, config: dict[str, Any]) -> tuple[str, ...]:
        """JSON Pointers, relative to the config, of HTML texts, into which values go escaped."""


class Catalogue(Protocol):
    """All node types of an installation."""

    def get(self, type: str) -> NodeType | None:
        """The type of that name, or None."""

    def types(self) -> Sequence[str]:
        """All names."""
