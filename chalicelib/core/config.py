"""The environment, read once and typed. No other module reads os.environ."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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
    "environment": "MILLRACE_ENVIRONMENT",
    "demo": "MILLRACE_DEMO",
    "demo_smtp_port": "MILLRACE_DEMO_SMTP_PORT",
    "port": "PORT",
    "data_dir": "MILLRACE_DATA_DIR",
    "queue_limit": "MILLRACE_QUEUE_LIMIT",
    "retention_days": "MILLRACE_RETENTION_DAYS",
    "log_level": "LOG_LEVEL",
}


class Settings(BaseModel):
    """Everything the environment can say, with the defaults of the contract. Empty variables count as unset."""

    model_config = ConfigDict(frozen=True)

    database_url: str | None = None
    database_replica_url: str | None = None
    redis_url: str | None = None
    kafka_bootstrap_servers: str | None = None
    kafka_off_reason: str | None = None
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "AWS_MSK_IAM"] | None = None
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
    mirror: Literal["scheduler", "rules"] | None = None
    fire_function: str | None = None
    scheduler_role: str | None = None
    kafka_function: str | None = None
    kafka_source_arn: str | None = None
    kafka_source_access: tuple[str, ...] = ()
    environment: str = "local"
    demo: bool = False
    demo_smtp_port: int | None = Field(default=None, ge=1, le=65535)
    port: int = Field(default=8080, ge=0, le=65535)
    data_dir: Path = Path(".millrace")
    queue_limit: int = Field(default=100_000, ge=1)
    retention_days: int | None = Field(default=None, ge=1)
    log_level: str = "INFO"

    @field_validator("egress_allow", "cors_origins", "master_key_previous", "kafka_source_access", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in re.split(r"[\s,]+", value) if part) if isinstance(value, str) else value

    @field_validator("bootstrap_key")
    @classmethod
    def _key_form(cls, value: str | None) -> str | None:
        if value is not None and not _BOOTSTRAP_KEY.match(value):
            raise ValueError("MILLRACE_BOOTSTRAP_KEY must be 20 to 200 characters of A-Z a-z 0-9 _ -")
        return value

    @model_validator(mode="after")
    def _kafka_sign_in(self) -> Settings:
        sasl, mechanism = self.kafka_security.startswith("SASL_"), self.kafka_mechanism
        if sasl != (mechanism is not None):
            raise ValueError("KAFKA_SASL_MECHANISM goes with KAFKA_SECURITY_PROTOCOL SASL_SSL or SASL_PLAINTEXT, and with no other")
        if mechanism == "AWS_MSK_IAM" and self.kafka_security != "SASL_SSL":
            raise ValueError("AWS_MSK_IAM needs KAFKA_SECURITY_PROTOCOL SASL_SSL")
        if mechanism not in (None, "AWS_MSK_IAM") and not (self.kafka_username and self.kafka_password):
            raise ValueError(f"{mechanism} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")
        return self

    @model_validator(mode="after")
    def _oidc_whole(self) -> Settings:
        if len({self.oidc_issuer is None, self.oidc_audience is None, self.oidc_jwks_url is None}) > 1:
            raise ValueError("MILLRACE_OIDC_ISSUER, MILLRACE_OIDC_AUDIENCE and MILLRACE_OIDC_JWKS_URL go together")
        return self

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables of VARIABLES. Raises pydantic's ValidationError, naming each wrong one."""
        return cls.model_validate({name: environ[var] for name, var in VARIABLES.items() if environ.get(var)})

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

    def require_database_url(self) -> str:
        """DATABASE_URL, or an error that says to set it."""
        if not self.database_url:
            raise Unavailable("DATABASE_URL is not set; ./run starts an embedded server, elsewhere set it to a PostgreSQL URL")
        return self.database_url


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at first use. Tests call `settings.cache_clear()` after changing the environment."""
    return Settings.from_env(os.environ)
