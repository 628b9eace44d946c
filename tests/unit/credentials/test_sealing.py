"""Envelope encryption and master keys."""

from __future__ import annotations

import base64
import stat

import pytest

from chalicelib.core.config import Settings
from chalicelib.credentials import keys
from chalicelib.credentials.keys import Keyring, SealFailed, key_file, read_key
from chalicelib.credentials.sealing import context_of, rewrap, seal, unseal
from infra.host.master_key import add_key

CONTEXT = context_of("ws_1", "cred_1")


def ring(**settings) -> Keyring:
    return Keyring(Settings(**{"master_key": "a" * 64, **settings}))


def row(sealed) -> dict[str, str]:
    return {"sealed": sealed.sealed, "data_key": sealed.data_key, "key_id": sealed.key_id}


def test_what_is_sealed_opens_again_and_never_looks_the_same_twice():
    held = ring()
    one, two = seal(held, {"token": "s3cret"}, CONTEXT), seal(held, {"token": "s3cret"}, CONTEXT)
    assert one.sealed != two.sealed
    assert "s3cret" not in base64.b64decode(one.sealed).decode("latin-1")
    assert unseal(held, row(one), CONTEXT) == {"token": "s3cret"}


@pytest.mark.parametrize("other", [context_of("ws_2", "cred_1"), context_of("ws_1", "cred_2")])
def test_a_row_copied_to_another_place_does_not_open(other):
    held = ring()
    with pytest.raises(SealFailed):
        unseal(held, row(seal(held, {"a": 1}, CONTEXT)), other)


@pytest.mark.parametrize("column", ["sealed", "data_key"])
def test_a_changed_byte_is_noticed(column):
    held = ring()
    stored = row(seal(held, {"a": 1}, CONTEXT))
    raw = bytearray(base64.b64decode(stored[column]))
    raw[-1] ^= 1
    with pytest.raises(SealFailed, match="does not fit its key"):
        unseal(held, {**stored, column: base64.b64encode(raw).decode()}, CONTEXT)


def test_another_master_key_opens_only_as_previous_and_rewrapping_ends_the_need_for_it():
    stored = row(seal(ring(), {"a": 1}, CONTEXT))
    with pytest.raises(SealFailed, match="MILLRACE_MASTER_KEY_PREVIOUS"):
        unseal(ring(master_key="b" * 64, environment="prod"), stored, CONTEXT)
    both = ring(master_key="b" * 64, master_key_previous=("a" * 64,))
    assert unseal(both, stored, CONTEXT) == {"a": 1}
    anew = row(rewrap(both, stored, CONTEXT))
    assert anew["sealed"] == stored["sealed"]
    assert unseal(ring(master_key="b" * 64, environment="prod"), anew, CONTEXT) == {"a": 1}


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path):
    settings = Settings(data_dir=tmp_path)
    stored = row(seal(Keyring(settings), {"a": 1}, CONTEXT))
    assert unseal(Keyring(settings), stored, CONTEXT) == {"a": 1}
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600


def test_a_running_process_notices_a_new_key_in_the_file(tmp_path):
    settings = Settings(data_dir=tmp_path)
    held = Keyring(settings)
    stored = row(seal(held, {"a": 1}, CONTEXT))
    before = held.current.id
    add_key(key_file(settings))
    assert held.current.id != before
    assert unseal(held, stored, CONTEXT) == {"a": 1}
    assert unseal(held, row(seal(Keyring(settings), {"b": 2}, CONTEXT)), CONTEXT) == {"b": 2}


def test_the_key_file_is_refused_in_production(tmp_path):
    with pytest.raises(SealFailed, match="not for production"):
        Keyring(Settings(data_dir=tmp_path, environment="prod")).current  # noqa: B018
    assert not list(tmp_path.iterdir())


def test_a_damaged_key_file_is_never_replaced(tmp_path):
    settings = Settings(data_dir=tmp_path)
    key_file(settings).write_text("not a key\n")
    with pytest.raises(SealFailed, match="restore it from a backup"):
        Keyring(settings).current  # noqa: B018
    assert key_file(settings).read_text() == "not a key\n"


def test_keys_as_text():
    assert read_key("ab" * 32) == bytes.fromhex("ab" * 32)
    assert read_key(base64.b64encode(b"k" * 32).decode()) == b"k" * 32
    assert len(read_key("a pass phrase of some length")) == 32
    with pytest.raises(ValueError, match="openssl rand"):
        read_key("short")


def test_no_error_of_keys_says_anything_of_them():
    with pytest.raises(SealFailed) as caught:
        keys.open_bytes(b"k" * 32, b"x" * 40, b"")
    assert "kkk" not in str(caught.value)
