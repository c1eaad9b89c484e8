"""The knobs that only sla has."""

from pydantic import Field

from shared.settings import Settings as Common


class Settings(Common):
    http_port: int = Field(default=8103, ge=1, le=65535)
