"""The catalogue: every node type and trigger type of this installation.

A module of `chalicelib.actions` or `chalicelib.triggers.types` that has a SPEC is a type; adding a file is all it takes. Modules are found by name at first
use, so that the registry depends on none of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from chalicelib.registry.spec import ActionSpec, TriggerSpec

ACTIONS_PACKAGE = "chalicelib.actions"
TRIGGERS_PACKAGE = "chalicelib.triggers.types"


class ActionCatalogue:
    """Node types by name; the validator's Catalogue."""

    def __init__(self, specs: Mapping[str, ActionSpec]) -> None:
        self._specs = MappingProxyType(dict(specs))

    def get(self, type: str) -> ActionSpec | None:
        """The type, or None when there is none of that name."""
        return self._specs.get(type)

    def types(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._specs)

    def describe(self) -> list[dict[str, Any]]:
        """What GET /registry/actions serves."""
        return [self._specs[name].describe() for name in self.types()]


def _specs_in(package_name: str, kind: type[ActionSpec] | type[TriggerSpec]) -> dict[str, Any]:
    package = importlib.import_module(package_name)
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(package.__path__):
        spec: Any = getattr(importlib.import_module(f"{package_name}.{module.name}"), "SPEC", None)
        if isinstance(spec, kind):
            found[spec.type] = spec
    return found


@lru_cache(maxsize=1)
def catalogue() -> ActionCatalogue:
    """All node types, found once per process."""
    return ActionCatalogue(_specs_in(ACTIONS_PACKAGE, ActionSpec))


@lru_cache(maxsize=1)
def trigger_types() -> Mapping[str, TriggerSpec]:
    """All trigger types by name, found once per process."""
    return MappingProxyType(_specs_in(TRIGGERS_PACKAGE, TriggerSpec))
