"""JSON logs by Powertools Logger, the same on Lambda and on the host.

`bind` adds ids (execution, workflow, request) to every line of the current call; payloads, headers and credentials are never logged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from chalicelib.core.config import settings


@lru_cache(maxsize=16)
def logger(service: str) -> Any:
    """The service's logger (aws_lambda_powertools.Logger), at LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    return Logger(service=f"millrace.{service}", level=settings().log_level.upper(), utc=True, use_rfc3339=True)
