"""Running a notifying node by itself: its real action, the real vault and the real ledger, without an engine around it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.clock import utc_now
from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.db import transaction
from chalicelib.core.http import close_http_client
from chalicelib.core.ids import new_id
from chalicelib.credentials import service, vault
from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.workflows import Database


@dataclass
class Node:
    """One node of one execution; each `run` is another attempt under the same key."""

    bench: Bench
    type: str
    config: Mapping[str, Any]
    execution_id: str = field(default_factory=lambda: new_id("exe"))
    attempt: int = 0
    timeout: float = 20.0
    context: NodeContext | None = None

    def run(self, **changes: Any) -> Any:
        """The outcome; raises ActionError."""
        return asyncio.run(self.arun(**changes))

    async def arun(self, **changes: Any) -> Any:
        self.attempt += 1
        spec = catalogue().get(self.type)
        assert spec is not None
        self.context = NodeContext(
            self.execution_id, DEFAULT_WORKSPACE, "n", "", self.attempt, f"{self.execution_id}.n", utc_now(), lambda _source: None,
            self.timeout, {}, "wf_test",
        )  # fmt: skip
        config = spec.config_model.model_validate({**self.config, **changes})
        try:
            return await spec.run(self.context, config)
        finally:
            await close_http_client()

    def fails(self, **changes: Any) -> ActionError:
        """The error of a run that must fail."""
        try:
            outcome = self.run(**changes)
        except ActionError as error:
            return error
        raise AssertionError(f"it did not fail: {outcome}")

    def rows(self) -> list[dict[str, Any]]:
        """The ledger's rows of this node, in order."""
        sql = "SELECT * FROM deliveries WHERE idempotency_key = %(key)s ORDER BY attempt, id"
        return [dict(row) for row in self.bench.database.execute(sql, {"key": f"{self.execution_id}.n"})]

    def statuses(self) -> list[tuple[int, str, str, str]]:
        """(attempt, provider, status, reason) of its rows."""
        return [(row["attempt"], row["provider"], row["status"], row["reason"]) for row in self.rows()]


@dataclass
class Bench:
    """Makes credentials and nodes."""

    database: Database

    def credential(self, type: str, data: Mapping[str, Any], name: str | None = None, hosts: list[str] | None = None) -> str:
        """A credential's slug."""
        vault.forget_all()
        with transaction() as connection:
            made = service.create(connection, DEFAULT_WORKSPACE, {"name": name or type, "type": type, "data": dict(data), "hosts": hosts})
        return str(made["slug"])

    def node(self, type: str, **config: Any) -> Node:
        """A node of a new execution."""
        return Node(self, type, config)
