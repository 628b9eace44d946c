"""The catalogue: every node type and trigger type of this installation.

A module of `chalicelib.actions` or `chalicelib.triggers.types` that has a SPEC is a type; adding a file is all it takes. Modules are found by name at first
use, so that the registry depends on none of them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import pkgutil
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from chalicelib.registry.spec import ActionSpec, TriggerSpec

log = logging.getLogger("millrace.registry")

ENTRY_POINTS = "millrace.actions"
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

    def with_types(self, more: Mapping[str, ActionSpec]) -> ActionCatalogue:
        """This catalogue and further types, which come before its own."""
        return ActionCatalogue({**self._specs, **more})

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


def installed_specs(entry_points: Iterable[Any], taken: Iterable[str]) -> dict[str, ActionSpec]:
    """Types that installed packages add: each entry point of the group `millrace.actions` names an ActionSpec, a module with a SPEC, or a list of either.

    A package that cannot be loaded, or whose type is taken, is left out and logged: it must not keep the rest from running.
    """
    found: dict[str, ActionSpec] = {}
    for point in entry_points:
        try:
            loaded = point.load()
            specs: list[Any] = [getattr(each, "SPEC", each) for each in (loaded if isinstance(loaded, list | tuple) else [loaded])]
            wrong = next((each for each in specs if not isinstance(each, ActionSpec)), None)
            if wrong is not None:
                raise TypeError(f"{type(wrong).__name__} is no ActionSpec")
        except Exception as error:
            log.error("the entry point %s = %s gives no action: %s: %s", point.name, point.value, type(error).__name__, error)
            continue
        for spec in specs:
            if spec.type in found or spec.type in taken:
                log.error("the entry point %s = %s adds the type %s, which there is already", point.name, point.value, spec.type)
                continue
            found[spec.type] = spec
    return found


@lru_cache(maxsize=1)
def built_in() -> ActionCatalogue:
    """The node types that Millrace itself has."""
    return ActionCatalogue(_specs_in(ACTIONS_PACKAGE, ActionSpec))


@lru_cache(maxsize=1)
def catalogue() -> ActionCatalogue:
    """All node types, built in and of installed packages, found once per process."""
    return built_in().with_types(installed_specs(importlib.metadata.entry_points(group=ENTRY_POINTS), built_in().types()))


@lru_cache(maxsize=1)
def trigger_types() -> Mapping[str, TriggerSpec]:
    """All trigger types by name, found once per process."""
    return MappingProxyType(_specs_in(TRIGGERS_PACKAGE, TriggerSpec))
