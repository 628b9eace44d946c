"""Credentials under KMS: sealed by the API's function, opened by the engine's, each by its own role; and the way from a master key to KMS."""

from __future__ import annotations

import base64

import psycopg
import pytest
from psycopg.rows import dict_row

from chalicelib.core.config import Settings
from chalicelib.credentials import keys
from chalicelib.credentials.keys import Keyring, SealFailed
from chalicelib.credentials.sealing import context_of, rewrap, seal, unseal
from localstack.server import REGION
from tests.localstack.stack import Stack
from tests.support.http_server import answer, serving
from tests.support.workflows import definition

TOKEN = "kms-canary-token-0123456789"


def test_what_the_api_seals_the_engine_opens(stack: Stack, database: str) -> None:
    made = stack.api("POST", "/credentials", {"name": "Pay", "type": "bearer", "data": {"token": TOKEN}, "hosts": ["127.0.0.1"]}, status=201)
    with psycopg.connect(database, row_factory=dict_row) as connection:
        row = connection.execute("SELECT * FROM credentials WHERE id = %s", [made["id"]]).fetchone()
    assert row is not None
    assert row["key_id"].startswith("kms:arn:")
    assert TOKEN not in str(row)
    assert TOKEN not in base64.b64decode(row["sealed"]).decode("latin-1")
    with serving(lambda request: answer(b"{}")) as server:
        node = {"id": "call", "type": "http.request", "config": {"url": server.url("/paid"), "auth": {"credential": "pay"}}}
        ended = stack.ended(stack.start(stack.publish(definition(node))))
        assert (ended["status"], server.requests[-1].headers["authorization"]) == ("succeeded", f"Bearer {TOKEN}")
    assert [line for name in ("api", "engine") for line in stack.lines(name) if TOKEN in line] == []


@pytest.fixture
def kms_key(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key of LocalStack's KMS, and this process's AWS clients pointed at it."""
    for name, value in {"AWS_ENDPOINT_URL": stack.target.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    keys._kms.cache_clear()
    return str(stack.aws("kms").create_key()["KeyMetadata"]["Arn"])


def stored(sealed: object) -> dict[str, str]:
    return {name: getattr(sealed, name) for name in ("sealed", "data_key", "key_id")}


def test_a_data_key_that_kms_wrapped_opens_only_in_its_own_context(kms_key: str) -> None:
    held = Keyring(Settings(kms_key_id=kms_key, environment="prod"))
    row = stored(seal(held, {"token": TOKEN}, context_of("ws_1", "cred_1")))
    assert unseal(held, row, context_of("ws_1", "cred_1")) == {"token": TOKEN}
    with pytest.raises(SealFailed, match="KMS refused"):
        unseal(held, row, context_of("ws_1", "cred_2"))


def test_from_a_master_key_to_kms(kms_key: str) -> None:
    context = context_of("ws_1", "cred_1")
    old = stored(seal(Keyring(Settings(master_key="a" * 64, environment="prod")), {"token": TOKEN}, context))
    both = Keyring(Settings(master_key="a" * 64, kms_key_id=kms_key, environment="prod"))
    assert unseal(both, old, context) == {"token": TOKEN}
    new = stored(rewrap(both, old, context))
    assert new["key_id"] == f"kms:{kms_key}"
    assert unseal(Keyring(Settings(kms_key_id=kms_key, environment="prod")), new, context) == {"token": TOKEN}


def test_a_key_that_is_gone_is_told(stack: Stack, kms_key: str) -> None:
    held = Keyring(Settings(kms_key_id=kms_key, environment="prod"))
    row = stored(seal(held, {"token": TOKEN}, context_of("ws_1", "cred_1")))
    stack.aws("kms").disable_key(KeyId=kms_key)
    with pytest.raises(SealFailed, match="check the key and the function's role"):
        unseal(held, row, context_of("ws_1", "cred_1"))
