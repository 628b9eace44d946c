"""Master keys: what wraps the data key of each credential.

Three sources, one of which is used to wrap: KMS (MILLRACE_KMS_KEY_ID), MILLRACE_MASTER_KEY, or a key file in the data folder, which is made at first use and
refused in production. All that are there can unwrap, so that keys can be changed while everything runs: see rotation.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.core.config import Settings, settings
from chalicelib.core.errors import MillraceError

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_FILE = "master.keys"
_KMS = "kms:"
_SALT = b"millrace master key"


class SealFailed(MillraceError):
    """A credential cannot be sealed or opened: a key is missing or wrong. Never says anything of the secret."""

    status, code, title = 503, "credential_sealed", "The credential cannot be opened"


class MasterKey(Protocol):
    """Wraps data keys. `context` is bound to the result: another credential's wrapped key does not unwrap."""

    id: str

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """The data key as it may be stored."""

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key. Raises SealFailed."""


def seal_bytes(key: bytes, plain: bytes, bound: bytes) -> bytes:
    """AES-256-GCM: nonce, ciphertext and tag. `bound` must be the same when it is opened."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def open_bytes(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """What seal_bytes sealed. Raises SealFailed when key, text or `bound` are not the same."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise SealFailed("what is stored does not fit its key; it was changed, or the key is another one") from None


def bound_bytes(context: Mapping[str, str]) -> bytes:
    """A context as the bytes that encryption is bound to."""
    return "\n".join(f"{name}={context[name]}" for name in sorted(context)).encode()


class LocalKey:
    """A key of 32 bytes that this process knows."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = "local:" + hashlib.sha256(b"id of " + key).hexdigest()[:16]

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """AES-256-GCM."""
        return seal_bytes(self._key, data_key, bound_bytes(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Raises SealFailed."""
        return open_bytes(self._key, wrapped, bound_bytes(context))


class KmsKey:
    """A key that never leaves AWS KMS. Wrapping and unwrapping are calls to it, seen in CloudTrail with the credential's id."""

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id
        self.id = _KMS + key_id

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """kms:Encrypt."""
        return self._call("encrypt", KeyId=self._key_id, Plaintext=data_key, EncryptionContext=dict(context))["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """kms:Decrypt."""
        return self._call("decrypt", KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=dict(context))["Plaintext"]

    def _call(self, name: str, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(_kms(), name)(**arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise SealFailed(f"KMS refused to {name} with {self._key_id}: {code}; check the key and the function's role") from None
        except BotoCoreError as error:
            raise SealFailed(f"KMS does not answer ({type(error).__name__})") from None


@lru_cache(maxsize=1)
def _kms() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("kms", config=Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 3, "mode": "standard"}))


def read_key(text: str) -> bytes:
    """The 32 bytes of a key given as text: 64 hexadecimal digits or base64; any other text of at least 20 characters is stretched by scrypt.

    Raises ValueError for a shorter one.
    """
    text = text.strip()
    for decode in (bytes.fromhex, lambda given: base64.b64decode(given, altchars=b"-_" if set("-_") & set(given) else None, validate=True)):
        try:
            key = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(key) == KEY_BYTES:
            return key
    if len(text) < 20:
        raise ValueError("MILLRACE_MASTER_KEY is too short: give 64 hexadecimal digits (openssl rand -hex 32)")
    return _stretched(text)


@lru_cache(maxsize=8)
def _stretched(text: str) -> bytes:
    return hashlib.scrypt(text.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=KEY_BYTES)


def key_file(config: Settings) -> Path:
    """Where the local key file stands."""
    return config.data_dir / KEY_FILE


def file_keys(path: Path, *, make: bool) -> list[LocalKey]:
    """The keys of a key file, the one to wrap with first. With `make` a missing file is made, once, whoever comes first. Raises SealFailed."""
    if make and not path.exists():
        write_keys(path, [secrets.token_bytes(KEY_BYTES)], new=True)
    try:
        lines = path.read_text().split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SealFailed(f"the key file {path} cannot be read: {error.strerror}") from None
    try:
        return [LocalKey(bytes.fromhex(line)) for line in lines]
    except ValueError:
        raise SealFailed(f"the key file {path} holds something that is no key; restore it from a backup") from None


def write_keys(path: Path, keys: list[bytes], *, new: bool = False) -> None:
    """Write a key file for its owner alone, as a whole. With `new` a file that is there already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write("".join(f"{key.hex()}\n" for key in keys))
        stream.flush()
        os.fsync(stream.fileno())
    try:
        if new:
            try:
                os.link(beside, path)
            except FileExistsError:
                return
        else:
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


class Keyring:
    """The master keys of this process: one to wrap with, all to unwrap with. The key file is read again when it has changed or a key is not known."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._changed_at: int | None = None
        self._keys: list[MasterKey] = []

    @property
    def current(self) -> MasterKey:
        """The key that new data keys are wrapped with. Raises SealFailed when there is none."""
        if not self._keys or self._file_changed_at() != self._changed_at:
            self.reload()
        return self._keys[0]

    def reload(self) -> None:
        """Look again at the key file. Raises SealFailed."""
        self._keys = self._read()
        self._changed_at = self._file_changed_at()

    def _file_changed_at(self) -> int | None:
        try:
            return key_file(self._config).stat().st_mtime_ns
        except OSError:
            return None

    def by_id(self, key_id: str) -> MasterKey:
        """The key of this id. Raises SealFailed, saying what is missing."""
        if key_id.startswith(_KMS):
            return KmsKey(key_id.removeprefix(_KMS))
        for attempt in range(2):
            found = next((key for key in self._keys if key.id == key_id), None)
            if found is not None:
                return found
            if attempt == 0:
                self.reload()
        raise SealFailed(
            f"this credential was sealed with the master key {key_id}, which this process does not have; "
            "give it in MILLRACE_MASTER_KEY_PREVIOUS, or enter the credential's secret again"
        )

    def _read(self) -> list[MasterKey]:
        config = self._config
        keys: list[MasterKey] = [KmsKey(config.kms_key_id)] if config.kms_key_id else []
        try:
            keys += [LocalKey(read_key(text)) for text in (config.master_key, *config.master_key_previous) if text]
        except ValueError as error:
            raise SealFailed(str(error)) from None
        local = config.environment == "local"
        if not keys and not local:
            raise SealFailed(
                "no master key: set MILLRACE_KMS_KEY_ID or MILLRACE_MASTER_KEY; a key file is only for one's own machine, not for production"
            )
        if local:
            keys += file_keys(key_file(config), make=not keys)
        return keys


@lru_cache(maxsize=4)
def _keyring(config: Settings) -> Keyring:
    return Keyring(config)


def keyring() -> Keyring:
    """The process's master keys, by its settings."""
    return _keyring(settings())
