"""Every credential type of this installation: a module of `chalicelib.credentials.types` that has a SPEC is one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from chalicelib.credentials.spec import CredentialSpec

TYPES_PACKAGE = "chalicelib.credentials.types"


@lru_cache(maxsize=1)
def credential_types() -> Mapping[str, CredentialSpec]:
    """All types by name, found once per process."""
    package = importlib.import_module(TYPES_PACKAGE)
    found: dict[str, CredentialSpec] = {}
    for module in pkgutil.iter_modules(package.__path__):
        spec: Any = getattr(importlib.import_module(f"{TYPES_PACKAGE}.{module.name}"), "SPEC", None)
        if isinstance(spec, CredentialSpec):
            found[spec.type] = spec
    return MappingProxyType(dict(sorted(found.items())))
