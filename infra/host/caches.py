"""Where downloads are kept that outlive a checkout: Kafka's jars, LocalStack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


class NoCache(Exception):
    """Nothing can be kept on this machine; the message says where was looked."""


def cache_folders(env: Mapping[str, str]) -> list[Path]:
    """Per user first, so that several checkouts share them; inside the checkout where there is no home to write to."""
    per_user = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else None)
    return [*([Path(per_user) / "millrace"] if per_user else []), CHECKOUT / ".cache"]


def writable_cache(env: Mapping[str, str]) -> Path:
    """The first of these folders that can be written, made when it is not there. Raises NoCache."""
    for cache in cache_folders(env):
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(cache, os.W_OK):
            return cache
    raise NoCache("neither ~/.cache/millrace nor .cache in the checkout can be written")
