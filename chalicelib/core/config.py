"""The environment, read once and typed. No other module reads os.environ."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.core.errors import Unavailable

DEFAULT_WORKSPACE = "ws_00000000000000000000000000"
_BOOTSTRAP_KEY = re.compile(r"^[A-Za-z0-9_-]{20,200}$")

# Setting -> environment variable.
VARIABLES = {
    "database_url": "DATABASE_URL",
    "database_replica_url": "DATABASE_REPLICA_URL",
    "redis_url": "REDIS_URL",
    "kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS",
    "kafka_off_reason": "MILLRACE_KAFKA_OFF_REASON",
    "kafka_security": "KAFKA_SECURITY_PROTOCOL",
    "kafka_mechanism": "KAFKA_SASL_MECHANISM",
    "kafka_username": "KAFKA_SASL_USERNAME",
    "kafka_password": "KAFKA_SASL_PASSWORD",
    "kafka_ca": "KAFKA_SSL_CA",
    "bootstrap_key": "MILLRACE_BOOTSTRAP_KEY",
    "secret": "MILLRACE_SECRET",
    "master_key": "MILLRACE_MASTER_KEY",
    "master_key_previous": "MILLRACE_MASTER_KEY_PREVIOUS",
    "kms_key_id": "MILLRACE_KMS_KEY_ID",
    "oidc_issuer": "MILLRACE_OIDC_ISSUER",
    "oidc_audience": "MILLRACE_OIDC_AUDIENCE",
    "oidc_jwks_url": "MILLRACE_OIDC_JWKS_URL",
    "egress_allow": "MILLRACE_EGRESS_ALLOW",
    "public_url": "MILLRACE_PUBLIC_URL",
    "cors_origins": "MILLRACE_CORS_ORIGINS",
    "engine_function": "MILLRACE_ENGINE_FUNCTION",
    "sandbox_function": "MILLRACE_SANDBOX_FUNCTION",
    "mirror": "MILLRACE_MIRROR",
    "fire_function": "MILLRACE_FIRE_FUNCTION",
    "scheduler_role": "MILLRACE_SCHEDULER_ROLE",
    "kafka_function": "MILLRACE_KAFKA_FUNCTION",
    "kafka_source_arn": "KAFKA_SOURCE_ARN",
    "kafka_source_access": "KAFKA_SOURCE_ACCESS",
    "aws_region": "AWS_REGION",
    "aws_endpoint_url": "AWS_ENDPOINT_URL",
    "lambda_endpoint_url": "AWS_ENDPOINT_URL_LAMBDA",
    "environment": "MILLRACE_ENVIRONMENT",
    "demo": "MILLRACE_DEMO",
    "demo_smtp_port": "MILLRACE_DEMO_SMTP_PORT",
    "port": "PORT",
    "data_dir": "MILLRACE_DATA_DIR",
    "queue_limit": "MILLRACE_QUEUE_LIMIT",
    "retention_days": "MILLRACE_RETENTION_DAYS",
    "log_level": "LOG_LEVEL",
}


_LISTS = frozenset({"egress_allow", "cors_origins", "master_key_previous", "kafka_source_access"})
_PATHS = frozenset({"data_dir", "kafka_ca"})
_SMALLEST = {"port": 0, "demo_smtp_port": 1, "queue_limit": 1, "retention_days": 1}
_LARGEST = {"port": 65_535, "demo_smtp_port": 65_535}
_YES_OR_NO = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_CHOICES = {
    "kafka_security": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "kafka_mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "AWS_MSK_IAM"),
    "mirror": ("scheduler", "rules"),
}


class InvalidSettings(ValueError):
    """A variable that cannot be meant; the message names it and says what can."""


@dataclass(frozen=True)
class Settings:
    """Everything the environment can say, with the defaults of the contract. Empty variables count as unset.

    Raises InvalidSettings for what does not go together. A plain dataclass: every function loads this at its cold start, and a library for it would cost more than it saves.
    """

    database_url: str | None = None
    database_replica_url: str | None = None
    redis_url: str | None = None
    kafka_bootstrap_servers: str | None = None
    kafka_off_reason: str | None = None
    kafka_security: str = "PLAINTEXT"
    kafka_mechanism: str | None = None
    kafka_username: str | None = None
    kafka_password: str | None = None
    kafka_ca: Path | None = None
    bootstrap_key: str | None = None
    secret: str | None = None
    master_key: str | None = None
    master_key_previous: tuple[str, ...] = ()
    kms_key_id: str | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: str | None = None
    egress_allow: tuple[str, ...] = ()
    public_url: str | None = None
    cors_origins: tuple[str, ...] = ()
    engine_function: str | None = None
    sandbox_function: str | None = None
    mirror: str | None = None
    fire_function: str | None = None
    scheduler_role: str | None = None
    kafka_function: str | None = None
    kafka_source_arn: str | None = None
    kafka_source_access: tuple[str, ...] = ()
    aws_region: str = "us-east-1"
    aws_endpoint_url: str | None = None
    lambda_endpoint_url: str | None = None
    environment: str = "local"
    demo: bool = False
    demo_smtp_port: int | None = None
    port: int = 8080
    data_dir: Path = Path(".millrace")
    queue_limit: int = 100_000
    retention_days: int | None = None
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if self.bootstrap_key is not None and not _BOOTSTRAP_KEY.match(self.bootstrap_key):
            raise InvalidSettings("MILLRACE_BOOTSTRAP_KEY must be 20 to 200 characters of A-Z a-z 0-9 _ -")
        if len({self.oidc_issuer is None, self.oidc_audience is None, self.oidc_jwks_url is None}) > 1:
            raise InvalidSettings("MILLRACE_OIDC_ISSUER, MILLRACE_OIDC_AUDIENCE and MILLRACE_OIDC_JWKS_URL go together")
        self._check_kafka_sign_in()

    def _check_kafka_sign_in(self) -> None:
        sasl, mechanism = self.kafka_security.startswith("SASL_"), self.kafka_mechanism
        if sasl != (mechanism is not None):
            raise InvalidSettings("KAFKA_SASL_MECHANISM goes with KAFKA_SECURITY_PROTOCOL SASL_SSL or SASL_PLAINTEXT, and with no other")
        if mechanism == "AWS_MSK_IAM" and self.kafka_security != "SASL_SSL":
            raise InvalidSettings("AWS_MSK_IAM needs KAFKA_SECURITY_PROTOCOL SASL_SSL")
        if mechanism not in (None, "AWS_MSK_IAM") and not (self.kafka_username and self.kafka_password):
            raise InvalidSettings(f"{mechanism} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables of VARIABLES. Raises InvalidSettings, naming the first wrong one."""
        return cls(**{name: _read(name, environ[variable]) for name, variable in VARIABLES.items() if environ.get(variable)})

    @property
    def redis_enabled(self) -> bool:
        """Whether a Redis is to be used at all."""
        return bool(self.redis_url) and self.redis_url != "none"

    @property
    def kafka_enabled(self) -> bool:
        """Whether Kafka features are on."""
        return bool(self.kafka_bootstrap_servers) and self.kafka_bootstrap_servers != "none"

    @property
    def base_url(self) -> str:
        """Where users reach this installation, without a trailing slash."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def lambda_url(self) -> str:
        """Where Lambda's API is, without a trailing slash."""
        named = self.lambda_endpoint_url or self.aws_endpoint_url
        domain = "amazonaws.com.cn" if self.aws_region.startswith("cn-") else "amazonaws.com"
        return named.rstrip("/") if named else f"https://lambda.{self.aws_region}.{domain}"

    def require_database_url(self) -> str:
        """DATABASE_URL, or an error that says to set it."""
        if not self.database_url:
            raise Unavailable("DATABASE_URL is not set; ./run starts an embedded server, elsewhere set it to a PostgreSQL URL")
        return self.database_url


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at first use. Tests call `settings.cache_clear()` after changing the environment."""
    return Settings.from_env(os.environ)


def _read(name: str, text: str) -> Any:
    """A variable's text as its setting's type. Raises InvalidSettings."""
    if name in _LISTS:
        return tuple(part for part in re.split(r"[\s,]+", text) if part)
    if name in _PATHS:
        return Path(text)
    if name in _SMALLEST:
        return _whole_number(name, text)
    if name == "demo":
        return _YES_OR_NO[_one_of(name, text.strip().lower(), _YES_OR_NO)]
    return _one_of(name, text, _CHOICES[name]) if name in _CHOICES else text


def _whole_number(name: str, text: str) -> int:
    smallest, largest = _SMALLEST[name], _LARGEST.get(name)
    try:
        number = int(text)
    except ValueError:
        number = smallest - 1
    if number < smallest or (largest is not None and number > largest):
        bounds = f"{smallest} or more" if largest is None else f"from {smallest} to {largest}"
        raise InvalidSettings(f"{VARIABLES[name]} must be a whole number, {bounds}, not {text[:40]!r}")
    return number


def _one_of(name: str, text: str, choices: Collection[str]) -> str:
    if text not in choices:
        raise InvalidSettings(f"{VARIABLES[name]} must be one of {', '.join(choices)}, not {text[:40]!r}")
    return text
