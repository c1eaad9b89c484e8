"""The knobs that every service reads from its environment, prefix `SWITCHBOARD_`.

Errors:
    SettingsError    a setting is wrong or missing; the message is one line that names it and says what it takes
"""

import os
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SWITCHBOARD_"


class SettingsError(Exception):
    """A wrong or missing setting."""


class Settings(BaseSettings):
    """What all services need. Addresses and secrets have no default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    kafka: str = Field(min_length=1, description="bootstrap servers, host:port,...")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca: Path | None = None
    mongo: str = Field(min_length=1, description="MongoDB URL, mongodb://...")
    mongo_driver: Literal["pymongo", "motor"] = "pymongo"
    http_host: str = "0.0.0.0"
    http_port: int = Field(ge=1, le=65535)
    keys: Path
    rules: Path | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp: str = ""
    partitions: int = Field(default=12, ge=1, le=1000)
    open_docs: bool = True

    @model_validator(mode="after")
    def addresses_are_usable(self) -> "Settings":
        if not self.mongo.startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("SWITCHBOARD_MONGO must begin with mongodb:// or mongodb+srv://")
        if self.kafka_security == "SASL_SSL" and not (self.kafka_user and self.kafka_password):
            raise ValueError(
                "SWITCHBOARD_KAFKA_SECURITY=SASL_SSL needs SWITCHBOARD_KAFKA_USER and SWITCHBOARD_KAFKA_PASSWORD"
            )
        if self.rules is not None and not self.rules.is_dir():
            raise ValueError(f"SWITCHBOARD_RULES: {self.rules} is not a directory")
        return self


T = TypeVar("T", bound=Settings)


def load(kind: type[T]) -> T:
    """The settings from the environment; SettingsError names the first one at fault."""
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError(fault_of(error)) from None


def fault_of(error: ValidationError) -> str:
    """The first setting at fault, by its variable, and what is wrong with it. Secrets are not shown."""
    fault = error.errors(include_url=False, include_context=False)[0]
    name = PREFIX + "_".join(map(str, fault["loc"])).upper() if fault["loc"] else ""
    shown = name in os.environ and "PASSWORD" not in name and name != "SWITCHBOARD_MONGO"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{name}: {message}{f' (it is {os.environ[name]!r})' if shown else ''}" if name else message
